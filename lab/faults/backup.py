"""What goes wrong with backups."""

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from lab import s3
from lab.faults.registry import Act, Fault, register
from lab.faults.s3 import SEEN_WITHIN
from lab.running import Running, scratch


def _dumps(running: Running) -> list[Path]:
    """Return the dumps, oldest first: their names are their times."""
    return sorted((running.store.folder / s3.BACKUPS / "postgresql").glob("*.dump"))


def _aside(running: Running) -> Path:
    return scratch(running) / "backups"


def _changing(change: Callable[[Running, list[Path]], None]) -> tuple[Act, Act]:
    """Return acts that change the stored backups after putting them aside, and bring them back."""

    def break_(running: Running) -> None:
        shutil.copytree(running.store.folder / s3.BACKUPS, _aside(running))
        change(running, _dumps(running))
        time.sleep(SEEN_WITHIN)

    def mend(running: Running) -> None:
        shutil.rmtree(running.store.folder / s3.BACKUPS)
        shutil.move(_aside(running), running.store.folder / s3.BACKUPS)
        time.sleep(SEEN_WITHIN)

    return break_, mend


def _truncate(_running: Running, dumps: list[Path]) -> None:
    whole = dumps[-1].read_bytes()
    dumps[-1].write_bytes(whole[: len(whole) * 9 // 10])


def _flip(_running: Running, dumps: list[Path]) -> None:
    whole = bytearray(dumps[-1].read_bytes())
    whole[len(whole) // 2] ^= 0x10
    dumps[-1].write_bytes(whole)


def _forget_newest(_running: Running, dumps: list[Path]) -> None:
    for dump in dumps[-2:]:
        for file in dump.parent.glob(f"{dump.stem}.*"):
            file.unlink()


def _forget_all(running: Running, _dumps: list[Path]) -> None:
    for file in (running.store.folder / s3.BACKUPS / "postgresql").iterdir():
        file.unlink()


def _forget_globals(running: Running, _dumps: list[Path]) -> None:
    for file in (running.store.folder / s3.BACKUPS / "postgresql").glob("*.globals.sql"):
        file.unlink()


def _dump_without(running: Running, dumps: list[Path], option: str) -> None:
    where = ["-h", str(running.primary.sockets), "-p", str(running.primary.port), "-U", "postgres", "-d", "penhas"]
    pg_dump = running.binaries.folder / "pg_dump"
    made = subprocess.run([pg_dump, "-Fc", option, *where], capture_output=True, check=True, env={"TZ": "UTC"})
    dumps[-1].write_bytes(made.stdout)


for _name, _what, _change, _expect in (
    (
        "backup-truncated",
        "the newest backup lacks its last tenth",
        _truncate,
        {"backup-whole@postgresql": "CRITICAL", "backup-restore@postgresql": "CRITICAL"},
    ),
    (
        "backup-bit-flipped",
        "one bit of the newest backup is another",
        _flip,
        {"backup-whole@postgresql": "CRITICAL", "backup-restore@postgresql": "CRITICAL"},
    ),
    (
        "backup-table-missing",
        "the newest backup was taken without the table clientes_audios",
        lambda running, dumps: _dump_without(running, dumps, "--exclude-table=clientes_audios"),
        {"backup-toc-complete@postgresql": "CRITICAL", "backup-restore-structure@postgresql": "CRITICAL"},
    ),
    (
        "backup-rows-missing",
        "the newest backup was taken without the rows of the table chat_message",
        lambda running, dumps: _dump_without(running, dumps, "--exclude-table-data=chat_message"),
        {"backup-toc-complete@postgresql": "CRITICAL", "backup-restore-rows@postgresql": "CRITICAL"},
    ),
    (
        "backup-old",
        "no backup was taken for two days",
        _forget_newest,
        {"backup-freshness@postgresql": "CRITICAL", "backup-retention-complete@postgresql": "CRITICAL"},
    ),
    ("backup-none", "there is no backup", _forget_all, {"backup-freshness@postgresql": "CRITICAL"}),
    (
        "backup-globals-missing",
        "no backup has the roles beside it",
        _forget_globals,
        {"backup-globals@postgresql": "CRITICAL"},
    ),
):
    register(Fault(_name, _what, ("backup",), _expect, *_changing(_change)))
