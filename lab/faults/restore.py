"""What only a restore tells: faults of a database that a dump takes along without a word, and of what is around it."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab import s3
from lab.faults.backup import PLAIN, changing, dump_with, here, signing
from lab.faults.registry import Act, Fault, register
from lab.faults.s3 import SEEN_WITHIN
from lab.running import Running

if TYPE_CHECKING:
    from checks.engine.probes.backup.manifest import Manifest

DAY = 86400.0
_CHAT = "public.chat_message"


def _dump_of(*statements: str, undo: tuple[str, ...]) -> Callable[[Running, list[Path]], None]:
    """Return a change after which the newest backup is a plain dump of a database that statements have broken."""

    def change(running: Running, dumps: list[Path]) -> None:
        running.primary.execute(statements)
        try:
            dump_with()(running, dumps)
        finally:
            running.primary.execute(undo)

    return change


def _told(kind: str, name: str, value: str) -> "Callable[[Manifest], Manifest]":
    """Return a change of a manifest after which the source had one thing more, or another value of it."""

    def change(own: "Manifest") -> "Manifest":
        told = own.structure
        assert isinstance(told, dict)  # noqa: S101 (it is ours)
        things = dict(told["things"]) if isinstance(told["things"], dict) else {}
        of_kind = things.get(kind)
        things[kind] = {**(of_kind if isinstance(of_kind, dict) else {}), name: value}
        return replace(own, structure={**told, "things": things})

    return change


def _other_sums(own: "Manifest") -> "Manifest":
    return replace(own, tables=tuple(replace(table, sum="1") for table in own.tables))


def _days_ago(running: Running, dumps: list[Path]) -> None:
    """Let the newest backup hold what stood there three days before, as one of a replica that stood still does."""
    for file in dumps[-1].parent.glob("*.manifest.json"):
        file.unlink()
    start = 11 + 5  # the clock of an archive of PostgreSQL 15: seven numbers of five bytes
    if dumps[-1].read_bytes()[6] >= 15:  # noqa: PLR2004 (later ones name the compression in one byte)
        start = 11 + 1
    old, new = dumps[-4].read_bytes(), dumps[-1].read_bytes()
    body = old[:start] + new[start : start + 35] + old[start + 35 :]
    dumps[-1].write_bytes(body)
    (running.store.folder / s3.COPY / "postgresql" / dumps[-1].name).write_bytes(body)


def _orphaned_copy() -> tuple[Act, Act]:
    folder = Path("/dev/shm/penhas-checks-restore-lab")  # noqa: S108 (where the suite restores)

    def break_(_running: Running) -> None:
        folder.mkdir(mode=0o700)
        (folder / "lock").touch()

    def mend(_running: Running) -> None:
        shutil.rmtree(folder, ignore_errors=True)

    return break_, mend


def _object(*, added: bool) -> tuple[Act, Act]:
    """Return acts that add an object that no row names, or take away one that a row does."""

    def break_(running: Running) -> None:
        folder = running.store.folder / s3.MEDIA
        if added:
            path = folder / "guardiao/lab.m4a"
            path.write_bytes(b"x")
            os.utime(path, (time.time() - 10 * DAY,) * 2)
            running.kept["media"] = (path, None)
        else:
            path = min(folder.rglob("*.m4a"))
            running.kept["media"] = (path, path.stat().st_mtime, path.read_bytes())
            path.unlink()
        time.sleep(SEEN_WITHIN)

    def mend(running: Running) -> None:
        path, stamp, *body = running.kept.pop("media")
        if stamp is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body[0])
            os.utime(path, (stamp, stamp))
        time.sleep(SEEN_WITHIN)

    return break_, mend


def _saved(change: Callable[[bytes], bytes]) -> Callable[[Running, list[Path]], None]:
    """Return a change of the saved file of Redis."""

    def spoil(running: Running, _dumps: list[Path]) -> None:
        path = running.store.folder / s3.BACKUPS / "redis/dump.rdb"
        path.write_bytes(change(path.read_bytes()))

    return spoil


def _unchecked(data: bytes) -> bytes:
    """Take the checksum away, as a server with `rdbchecksum no` leaves it out."""
    return data[:-8] + bytes(8)


def _old(data: bytes) -> bytes:
    """Say in the file that it was saved three days ago; the checksum would tell, so there is none."""
    at = data.index(b"ctime") + len(b"ctime") + 1  # one byte says that four follow, the lowest first
    then = int.from_bytes(data[at : at + 4], "little") - int(3 * DAY)
    return _unchecked(data[:at] + then.to_bytes(4, "little") + data[at + 4 :])


_EVENTS = "public.clientes_audios_eventos"
_KEY = "clientes_audios_eventos_cliente_id_fkey"
_ORPHAN = (
    f"SET session_replication_role = replica; INSERT INTO {_EVENTS} (event_id, cliente_id) VALUES ('lab', 999999999)"
)
_NO_ORPHAN = f"DELETE FROM {_EVENTS} WHERE event_id = 'lab'"

for _name, _what, _change, _expect in (
    (
        "restore-orphan-row",
        "a row of the newest backup points to one that does not exist",
        _dump_of(_ORPHAN, undo=(_NO_ORPHAN,)),
        {**PLAIN, **here("CRITICAL", "backup-restore", "backup-restore-listed"), **here("UNKNOWN", "backup-rto")},
    ),
    (
        "restore-key-unvalidated",
        "a foreign key of the newest backup was never validated, and a row breaks it",
        _dump_of(
            _ORPHAN,
            f"ALTER TABLE {_EVENTS} DROP CONSTRAINT {_KEY}",
            f"ALTER TABLE {_EVENTS} ADD CONSTRAINT {_KEY} FOREIGN KEY (cliente_id) REFERENCES public.clientes (id)"
            " ON DELETE CASCADE NOT VALID",
            undo=(_NO_ORPHAN, f"ALTER TABLE {_EVENTS} VALIDATE CONSTRAINT {_KEY}"),
        ),
        {
            **PLAIN,
            **here("WARNING", "backup-restore-validated"),
            **here("CRITICAL", "backup-restore-references"),
        },
    ),
    (
        "restore-sequence-behind",
        "a sequence of the newest backup stands behind the keys that it gave",
        _dump_of(
            "SELECT setval('public.sent_sms_log_id_seq', 1)",
            undo=("SELECT setval('public.sent_sms_log_id_seq', (SELECT max(id) FROM public.sent_sms_log))",),
        ),
        {**PLAIN, **here("CRITICAL", "backup-restore-sequences")},
    ),
    (
        "restore-policy-lost",
        "a table of the newest backup has row security and no policy",
        _dump_of(
            f"ALTER TABLE {_CHAT} ENABLE ROW LEVEL SECURITY", undo=(f"ALTER TABLE {_CHAT} DISABLE ROW LEVEL SECURITY",)
        ),
        {**PLAIN, **here("CRITICAL", "backup-restore-policies")},
    ),
    (
        "restore-large-objects-missing",
        "the newest backup was taken without the large objects",
        dump_with("-B"),
        {**PLAIN, **here("CRITICAL", "backup-restore-large-objects")},
    ),
    (
        "restore-stale",
        "the newest backup was taken of a replica that had stood still for three days",
        _days_ago,
        {
            **PLAIN,
            **here("CRITICAL", "backup-restore-current", "backup-rpo"),
            **here("WARNING", "backup-media-left-over"),  # what was uploaded in those days
        },
    ),
    (
        "restore-rows-changed",
        "the rows of the newest backup are not those that its manifest summed",
        signing(_other_sums),
        here("CRITICAL", "backup-restore-contents"),
    ),
    (
        "restore-index-missing",
        "the newest backup lacks an index that its source had",
        signing(_told("index", "public.clientes clientes_lab_idx", "unique")),
        here("CRITICAL", "backup-restore-structure"),
    ),
    (
        "restore-policy-missing",
        "the newest backup lacks a policy that its source had",
        signing(_told("policy", f"{_CHAT} lab", "* to public")),
        here("CRITICAL", "backup-restore-security"),
    ),
    (
        "restore-extension-other",
        "the source of the newest backup had another version of an extension",
        signing(_told("extension", "unaccent", "0.1")),
        here("WARNING", "backup-restore-extensions"),
    ),
    (
        "redis-save-cut",
        "the saved file of Redis lacks its second half",
        _saved(lambda data: data[: len(data) // 2]),
        here("CRITICAL", "backup-redis-loads"),
    ),
    (
        "redis-save-unchecked",
        "Redis was saved without a checksum",
        _saved(_unchecked),
        here("WARNING", "backup-redis-checksummed"),
    ),
    (
        "redis-save-old",
        "Redis was last saved three days ago",
        _saved(_old),
        {**here("CRITICAL", "backup-redis-age"), **here("WARNING", "backup-redis-checksummed")},
    ),
):
    register(Fault(_name, _what, ("backup",), _expect, *changing(_change)))

for _name, _what, _expect, _acts in (
    (
        "restore-copy-left",
        "a run that was killed has left its copy",
        here("WARNING", "backup-restore-private"),
        _orphaned_copy(),
    ),
    (
        "restore-media-missing",
        "an object that a row of the backup names is not in the bucket",
        here("CRITICAL", "backup-media-complete"),
        _object(added=False),
    ),
    (
        "restore-media-left-over",
        "an object has outlived the row that named it",
        here("WARNING", "backup-media-left-over"),
        _object(added=True),
    ),
):
    register(Fault(_name, _what, ("backup",), _expect, *_acts))
