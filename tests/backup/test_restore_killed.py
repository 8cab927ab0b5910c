"""Whatever is killed, and when: no process stays, no copy stays, and nothing unseen is said of the backup."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.backup.servers import Source

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0


@pytest.fixture(scope="module")
def slow(oldest: Source) -> Iterator[Path]:
    """An environment whose newest backup takes a minute to restore; it and its scratch folder lie in a new folder."""
    folder = Path(tempfile.mkdtemp(prefix="killed-", dir="/dev/shm"))
    oldest.database(
        "slow",
        "CREATE TABLE clientes AS SELECT i AS id FROM generate_series(1, 1000) i",
        "CREATE MATERIALIZED VIEW espera AS SELECT pg_sleep(60)::text AS s WITH NO DATA",
        "UPDATE pg_class SET relispopulated = true WHERE relname = 'espera'",
    )
    (folder / "backups").mkdir()
    dump = folder / "backups/slow.dump"
    assert oldest.program("pg_dump", "-Fc", "-f", str(dump), "slow").returncode == 0
    environment = folder / "killed.toml"
    environment.write_text(
        f'name = "killed"\n[backup]\nfolder = "{dump.parent}"\n'
        f'[restore]\nhost = "{socket.gethostname()}"\nallow_here = "a test"\nscratch = "{folder}"\n',
        "utf-8",
    )
    yield environment
    shutil.rmtree(folder)


def _start(environment: Path, stop: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.backup.restorer", str(environment), stop],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def _until(process: "subprocess.Popen[str]", phase: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == phase:
            return
    pytest.fail(f"the phase {phase} never came")


def _scratch(environment: Path) -> Path:
    """Return the one scratch folder that is there."""
    [folder] = environment.parent.glob("penhas-checks-restore-*")
    return folder


def _processes(words: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and words.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("phase", ["fetch", "restore"])
def test_a_killed_suite_leaves_nothing_after_the_next_run(slow: Path, phase: str) -> None:
    """The server dies with the thread that started it; the folder is removed by the next run, which says so."""
    process = _start(slow, phase)
    _until(process, phase)
    if phase == "restore":
        time.sleep(0.2)
    folder = _scratch(slow)
    process.kill()
    process.wait()
    _await(lambda: _processes(str(folder)) == [])
    later = _start(slow, "fetch")
    _until(later, "fetch")
    assert not folder.exists()
    second = _scratch(slow)
    later.send_signal(signal.SIGINT)
    later.wait(PATIENCE)
    _await(lambda: not second.exists())
    assert _processes(str(second)) == []


def test_an_interrupted_suite_leaves_nothing_at_once(slow: Path) -> None:
    """Ctrl-C reaches the main thread while another restores: what was made is removed on the way out."""
    process = _start(slow, "none")
    _until(process, "restore")
    folder = _scratch(slow)
    _await(lambda: _processes(f"{folder}/data") != [])
    process.send_signal(signal.SIGINT)
    process.wait(PATIENCE)
    assert not folder.exists()
    assert _processes(str(folder)) == []


@pytest.mark.parametrize("program", ["pg_restore", "postgres"])
def test_a_killed_program_says_nothing_of_the_backup(slow: Path, program: str) -> None:
    """What could not be verified is our own fault, and the copy is gone."""
    process = _start(slow, "none")
    _until(process, "restore")
    folder = _scratch(slow)
    _await(lambda: _named(program, folder) != [])
    time.sleep(0.3)
    for pid in _named(program, folder):
        os.kill(pid, signal.SIGKILL)
    assert process.stdout is not None
    told = process.stdout.read()
    process.wait(PATIENCE)
    assert "outcome OURS" in told
    assert not folder.exists()
    assert _processes(str(folder)) == []


def _named(program: str, folder: Path) -> list[int]:
    words = f"/{program}\0"
    found = []
    for pid in _processes(str(folder)):
        try:
            if words.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0-")[0] + b"\0":
                found.append(pid)
        except OSError:
            continue
    return found


def _await(true: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)
