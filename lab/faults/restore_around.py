"""What goes wrong around the database that is restored: Redis' saved file, the media bucket, what killed runs left."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from lab import s3
from lab.faults.backup import here
from lab.faults.backup_changes import changing
from lab.faults.registry import Act, Fault, register
from lab.faults.s3 import SEEN_WITHIN
from lab.running import Running

DAY = 86400.0


def _orphaned_copy() -> tuple[Act, Act]:
    folder = Path("/dev/shm/penhas-checks-restore-lab")  # noqa: S108 (where the suite restores)

    def break_(_running: Running) -> None:
        folder.mkdir(mode=0o700)
        (folder / "lock").touch()

    def mend(_running: Running) -> None:
        shutil.rmtree(folder, ignore_errors=True)

    return break_, mend


def _object(how: Literal["added", "gone", "emptied"]) -> tuple[Act, Act]:
    """Return acts that add an object that no row names, or take away one that a row does, or what it holds."""

    def break_(running: Running) -> None:
        folder = running.store.folder / s3.MEDIA
        if how == "added":
            path = folder / "guardiao/lab.m4a"
            path.write_bytes(b"x")
            os.utime(path, (time.time() - 10 * DAY,) * 2)
            running.kept["media"] = (path, None)
        else:
            path = min(folder.rglob("*.m4a"))
            running.kept["media"] = (path, path.stat().st_mtime, path.read_bytes())
            path.unlink()
            if how == "emptied":
                path.touch()
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


for _name, _what, _change, _expect in (
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
        _object("gone"),
    ),
    (
        "restore-media-emptied",
        "an object that a row of the backup names is in the bucket and holds nothing",
        here("CRITICAL", "backup-media-complete"),
        _object("emptied"),
    ),
    (
        "restore-media-left-over",
        "an object has outlived the row that named it",
        here("WARNING", "backup-media-left-over"),
        _object("added"),
    ),
):
    register(Fault(_name, _what, ("backup",), _expect, *_acts))
