"""What is done to stored backups to break them; the faults of backups and restores are made of it."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lab import s3
from lab.faults.registry import Act
from lab.faults.s3 import SEEN_WITHIN
from lab.marked import BACKUP_SEED, word
from lab.running import Running, scratch

if TYPE_CHECKING:
    from checks.engine.probes.backup.manifest import Manifest


def folder(running: Running, bucket: str = s3.BACKUPS) -> Path:
    """Return where a bucket's backups lie."""
    return running.store.folder / bucket / "postgresql"


def stored_dumps(running: Running) -> list[Path]:
    """Return the dumps, oldest first: their names are their times."""
    return sorted(folder(running).glob("*.dump"))


def changing(change: Callable[[Running, list[Path]], None]) -> tuple[Act, Act]:
    """Return acts that change the stored backups after putting them aside, and bring them back."""

    def break_(running: Running) -> None:
        for bucket in (s3.BACKUPS, s3.COPY):
            shutil.copytree(running.store.folder / bucket, scratch(running) / bucket)
        change(running, stored_dumps(running))
        time.sleep(SEEN_WITHIN)

    def mend(running: Running) -> None:
        for bucket in (s3.BACKUPS, s3.COPY):
            shutil.rmtree(running.store.folder / bucket)
            shutil.move(scratch(running) / bucket, running.store.folder / bucket)
        time.sleep(SEEN_WITHIN)

    return break_, mend


def truncate(_running: Running, dumps: list[Path]) -> None:
    """Cut the last tenth off the newest."""
    whole = dumps[-1].read_bytes()
    dumps[-1].write_bytes(whole[: len(whole) * 9 // 10])


def flip(_running: Running, dumps: list[Path]) -> None:
    """Change one bit in the middle of the newest."""
    whole = bytearray(dumps[-1].read_bytes())
    whole[len(whole) // 2] ^= 0x10
    dumps[-1].write_bytes(whole)


def forget(dumps: list[Path]) -> None:
    """Remove some backups, with what lies beside them."""
    for dump in dumps:
        for file in dump.parent.glob(f"{dump.stem}.*"):
            file.unlink()


def forget_all(running: Running, _dumps: list[Path]) -> None:
    """Remove every backup."""
    for file in folder(running).iterdir():
        file.unlink()


def forget_globals(running: Running, _dumps: list[Path]) -> None:
    """Remove every dump of roles."""
    for file in folder(running).glob("*.globals.sql"):
        file.unlink()


def change_globals(_running: Running, dumps: list[Path]) -> None:
    """Let the newest dump of roles make one more, a superuser."""
    file = dumps[-1].with_suffix(".globals.sql")
    file.write_bytes(b"CREATE ROLE lab SUPERUSER LOGIN;\n" + file.read_bytes())


def no_manifests(running: Running, _dumps: list[Path]) -> None:
    """Leave what a plain pg_dump by cron would have left."""
    for file in folder(running).glob("*.manifest.json"):
        file.unlink()


def dump_with(*options: str, database: str = "penhas") -> Callable[[Running, list[Path]], None]:
    """Return a change after which a plain pg_dump, called with `options`, has made the newest backup."""

    def change(running: Running, dumps: list[Path]) -> None:
        no_manifests(running, dumps)
        where = ["-h", str(running.primary.sockets), "-p", str(running.primary.port), "-U", "postgres", "-d", database]
        command = [str(running.binaries.folder / "pg_dump"), "-Fc", *options, *where]
        made = subprocess.run(command, capture_output=True, check=True, env={"TZ": "UTC", "PATH": os.environ["PATH"]})
        replace_dump(running, dumps[-1], made.stdout)

    return change


def newer_program(running: Running, dumps: list[Path]) -> None:
    """Say in the newest archive that a pg_dump far newer than the server wrote it."""
    no_manifests(running, dumps)
    whole = dumps[-1].read_bytes()
    _, program = [match.start(1) for match in re.finditer(rb"\0(\d\d)\.\d", whole[:400])][:2]
    replace_dump(running, dumps[-1], whole[:program] + b"99" + whole[program + 2 :])


def replace_dump(running: Running, dump: Path, body: bytes) -> None:
    """Write a dump, and its second copy too."""
    dump.write_bytes(body)
    (folder(running, s3.COPY) / dump.name).write_bytes(body)


def signing(change: "Callable[[Manifest], Manifest]", seed: str = BACKUP_SEED) -> Callable[[Running, list[Path]], None]:
    """Return a change of the newest backup's manifest, signed with `seed`."""

    def rewrite(_running: Running, dumps: list[Path]) -> None:
        from checks.engine.probes.backup import manifest as manifests  # noqa: PLC0415 (only where it is broken)

        path = dumps[-1].with_suffix(manifests.SUFFIX)
        own, _ = manifests.read(path.read_bytes())
        path.write_bytes(manifests.write(change(own), seed.encode()))

    return rewrite


def key_beside(running: Running, _dumps: list[Path]) -> None:
    """Leave a key that opens backups beside them."""
    (folder(running) / "identity.txt").write_text(f"AGE-SECRET-KEY-{word('chave', 1)}\n")


def uncopied(which: int) -> Callable[[Running, list[Path]], None]:
    """Return a change that removes the second copy of one of the dumps."""

    def change(running: Running, dumps: list[Path]) -> None:
        (folder(running, s3.COPY) / dumps[which].name).unlink()

    return change
