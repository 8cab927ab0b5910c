"""What goes wrong with backups."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab import s3
from lab.faults.expect import COPY, all_in, at
from lab.faults.registry import Act, Fault, register
from lab.faults.s3 import SEEN_WITHIN
from lab.marked import BACKUP_SEED, word
from lab.running import Running, scratch

if TYPE_CHECKING:
    from checks.engine.probes.backup.manifest import Manifest

HOUR = 3600.0


def _folder(running: Running, bucket: str = s3.BACKUPS) -> Path:
    return running.store.folder / bucket / "postgresql"


def _dumps(running: Running) -> list[Path]:
    """Return the dumps, oldest first: their names are their times."""
    return sorted(_folder(running).glob("*.dump"))


def changing(change: Callable[[Running, list[Path]], None]) -> tuple[Act, Act]:
    """Return acts that change the stored backups after putting them aside, and bring them back."""

    def break_(running: Running) -> None:
        for bucket in (s3.BACKUPS, s3.COPY):
            shutil.copytree(running.store.folder / bucket, scratch(running) / bucket)
        change(running, _dumps(running))
        time.sleep(SEEN_WITHIN)

    def mend(running: Running) -> None:
        for bucket in (s3.BACKUPS, s3.COPY):
            shutil.rmtree(running.store.folder / bucket)
            shutil.move(scratch(running) / bucket, running.store.folder / bucket)
        time.sleep(SEEN_WITHIN)

    return break_, mend


def _truncate(_running: Running, dumps: list[Path]) -> None:
    whole = dumps[-1].read_bytes()
    dumps[-1].write_bytes(whole[: len(whole) * 9 // 10])


def _flip(_running: Running, dumps: list[Path]) -> None:
    whole = bytearray(dumps[-1].read_bytes())
    whole[len(whole) // 2] ^= 0x10
    dumps[-1].write_bytes(whole)


def _forget(dumps: list[Path]) -> None:
    for dump in dumps:
        for file in dump.parent.glob(f"{dump.stem}.*"):
            file.unlink()


def _forget_all(running: Running, _dumps: list[Path]) -> None:
    for file in _folder(running).iterdir():
        file.unlink()


def _forget_globals(running: Running, _dumps: list[Path]) -> None:
    for file in _folder(running).glob("*.globals.sql"):
        file.unlink()


def _change_globals(_running: Running, dumps: list[Path]) -> None:
    file = dumps[-1].with_suffix(".globals.sql")
    file.write_bytes(b"CREATE ROLE lab SUPERUSER LOGIN;\n" + file.read_bytes())


def _no_manifests(running: Running, _dumps: list[Path]) -> None:
    """Leave what a plain pg_dump by cron would have left."""
    for file in _folder(running).glob("*.manifest.json"):
        file.unlink()


def dump_with(*options: str, database: str = "penhas") -> Callable[[Running, list[Path]], None]:
    """Return a change after which a plain pg_dump, called with `options`, has made the newest backup."""

    def change(running: Running, dumps: list[Path]) -> None:
        _no_manifests(running, dumps)
        where = ["-h", str(running.primary.sockets), "-p", str(running.primary.port), "-U", "postgres", "-d", database]
        command = [str(running.binaries.folder / "pg_dump"), "-Fc", *options, *where]
        made = subprocess.run(command, capture_output=True, check=True, env={"TZ": "UTC", "PATH": os.environ["PATH"]})
        replace_dump(running, dumps[-1], made.stdout)

    return change


def _newer_program(running: Running, dumps: list[Path]) -> None:
    """Say in the newest archive that a pg_dump far newer than the server wrote it."""
    _no_manifests(running, dumps)
    whole = dumps[-1].read_bytes()
    _, program = [match.start(1) for match in re.finditer(rb"\0(\d\d)\.\d", whole[:400])][:2]
    replace_dump(running, dumps[-1], whole[:program] + b"99" + whole[program + 2 :])


def replace_dump(running: Running, dump: Path, body: bytes) -> None:
    """Write a dump, and its second copy too."""
    dump.write_bytes(body)
    (_folder(running, s3.COPY) / dump.name).write_bytes(body)


def signing(change: "Callable[[Manifest], Manifest]", seed: str = BACKUP_SEED) -> Callable[[Running, list[Path]], None]:
    """Return a change of the newest backup's manifest, signed with `seed`."""

    def rewrite(_running: Running, dumps: list[Path]) -> None:
        from checks.engine.probes.backup import manifest as manifests  # noqa: PLC0415 (only where it is broken)

        path = dumps[-1].with_suffix(manifests.SUFFIX)
        own, _ = manifests.read(path.read_bytes())
        path.write_bytes(manifests.write(change(own), seed.encode()))

    return rewrite


def _key_beside(running: Running, _dumps: list[Path]) -> None:
    (_folder(running) / "identity.txt").write_text(f"AGE-SECRET-KEY-{word('chave', 1)}\n")


def _uncopied(which: int) -> Callable[[Running, list[Path]], None]:
    def change(running: Running, dumps: list[Path]) -> None:
        (_folder(running, s3.COPY) / dumps[which].name).unlink()

    return change


def here(state: str, *checks: str) -> dict[str, str]:
    """Return the state of some checks of the backups."""
    return all_in(state, at("postgresql", checks))


# What can no longer be judged where a plain pg_dump made the newest backup.
PLAIN = here(
    "not judged",
    "backup-manifest-signed",
    "backup-restore-contents",
    "backup-restore-extensions",
    "backup-restore-security",
    "backup-restore-structure",
    "backup-rows-complete",
    "backup-source-current",
)
_UNREAD = ("backup-rows-complete", "backup-toc-complete")
# What an empty database has nothing of.
_NOTHING_IN_IT = (
    "backup-restore-indexes",
    "backup-restore-large-objects",
    "backup-restore-listed",
    "backup-restore-policies",
    "backup-restore-references",
    "backup-restore-sequences",
    "backup-restore-validated",
    "backup-restore-views-filled",
)
_UNRESTORED = here("UNKNOWN", "backup-restore", "backup-restore-private", *COPY)
_NONE = (
    "backup-checksummed",
    "backup-globals",
    "backup-manifest-signed",
    "backup-second-copy",
    "backup-size-usual",
    "backup-source-current",
    "backup-version-restorable",
    "backup-whole",
    *_UNREAD,
)

for _name, _what, _change, _expect in (
    ("backup-truncated", "the newest backup lacks its last tenth", _truncate, here("CRITICAL", "backup-freshness")),
    (
        "backup-unfinished",
        "the newest backup has no manifest: its making was cut off",
        lambda _, dumps: dumps[-1].with_suffix(".manifest.json").unlink(),
        here("CRITICAL", "backup-freshness"),
    ),
    (
        "backup-bit-flipped",
        "one bit of the newest backup is another",
        _flip,
        {
            **here("CRITICAL", "backup-whole", "backup-restore"),
            **here("not judged", *_UNREAD),
            **here("UNKNOWN", *COPY),
        },
    ),
    (
        "backup-table-missing",
        "the newest backup was taken without the table clientes_audios",
        dump_with("--exclude-table=clientes_audios"),
        {**PLAIN, **here("CRITICAL", "backup-toc-complete", "backup-restore-rows")},
    ),
    (
        "backup-rows-missing",
        "the newest backup was taken without the rows of the table chat_message",
        dump_with("--exclude-table-data=chat_message"),
        {**PLAIN, **here("CRITICAL", "backup-toc-complete", "backup-restore-rows")},
    ),
    (
        "backup-shrunk",
        "the newest backup holds no rows at all",
        dump_with("--schema-only"),
        {
            **PLAIN,
            **here("CRITICAL", "backup-size-usual", "backup-whole", "backup-toc-complete"),
            **here("CRITICAL", "backup-restore", "backup-restore-rows", "emergency-recovery-rehearsed"),
            **here("WARNING", "backup-restore-views-filled"),
            **here("UNKNOWN", "backup-media-complete", "backup-media-left-over", "backup-restore-readable"),
            **here("UNKNOWN", "backup-restore-current", "backup-rpo", "backup-rto"),
        },
    ),
    (
        "backup-wrong-database",
        "the newest backup is of another database",
        dump_with(database="postgres"),
        {
            **PLAIN,
            **here("CRITICAL", "backup-databases-complete", "backup-whole", "backup-toc-complete"),
            **here("CRITICAL", "backup-restore", "backup-restore-rows", "emergency-recovery-rehearsed"),
            **here("not judged", "backup-size-usual", *_NOTHING_IN_IT),
            **here("UNKNOWN", "backup-media-complete", "backup-media-left-over", "backup-restore-readable"),
            **here("UNKNOWN", "backup-restore-current", "backup-rpo", "backup-rto"),
        },
    ),
    (
        "backup-uncompressed",
        "the newest backup has no checksum of any kind",
        dump_with("-Z0"),
        {**PLAIN, **here("WARNING", "backup-checksummed"), **here("not judged", "backup-size-usual")},
    ),
    (
        "backup-newer-program",
        "the newest backup was written by a pg_dump newer than the server",
        _newer_program,
        {**PLAIN, **_UNRESTORED, **here("WARNING", "backup-version-restorable")},
    ),
    (
        "backup-old",
        "no backup was taken for two days",
        lambda _, dumps: _forget(dumps[-2:]),
        {**here("CRITICAL", "backup-freshness"), **here("WARNING", "backup-retention-complete")},
    ),
    (
        "backup-day-missing",
        "one day has no backup",
        lambda _, dumps: _forget(dumps[2:3]),
        here("WARNING", "backup-retention-complete"),
    ),
    (
        "backup-none",
        "there is no backup",
        _forget_all,
        {
            **_UNRESTORED,
            **here("CRITICAL", "backup-freshness", "backup-retention-complete", "backup-databases-complete"),
            **here("not judged", *_NONE),
        },
    ),
    (
        "backup-globals-missing",
        "no backup has the roles beside it",
        _forget_globals,
        here("CRITICAL", "backup-globals"),
    ),
    (
        "backup-globals-changed",
        "someone has written into the newest backup's dump of roles",
        _change_globals,
        here("CRITICAL", "backup-globals"),
    ),
    (
        "backup-forged",
        "someone else signed the newest backup's manifest",
        signing(lambda own: own, word("outra-semente", 1)),
        here("CRITICAL", "backup-manifest-signed", "backup-freshness"),
    ),
    (
        "backup-stale-replica",
        "the newest backup was taken of a replica two hours behind",
        signing(lambda own: replace(own, in_recovery=True, last_replay_at=own.snapshot_at - 2 * HOUR)),
        here("CRITICAL", "backup-source-current", "backup-restore-current"),
    ),
    (
        "backup-database-missing",
        "a second database of the server has no backup",
        signing(lambda own: replace(own, databases=(*own.databases, "relatorios"))),
        here("CRITICAL", "backup-databases-complete"),
    ),
    (
        "backup-manifest-wrong",
        "the newest backup's manifest counts a row more in every table",
        signing(lambda own: replace(own, tables=tuple(replace(t, rows=t.rows + 1) for t in own.tables))),
        {
            **here("CRITICAL", "backup-rows-complete", "backup-restore-rows"),
            **here("UNKNOWN", "backup-restore-contents"),
        },
    ),
    (
        "backup-not-copied",
        "the newest backup is not in the second place",
        _uncopied(-1),
        here("CRITICAL", "backup-second-copy"),
    ),
    (
        "backup-copy-thinned",
        "an older backup is not in the second place",
        _uncopied(1),
        here("WARNING", "backup-second-copy"),
    ),
    (
        "backup-key-beside",
        "a private key lies among the backups",
        _key_beside,
        here("WARNING", "backup-key-apart"),
    ),
):
    register(Fault(_name, _what, ("backup",), _expect, *changing(_change)))
