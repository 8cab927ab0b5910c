"""The lab's command line ends quietly when nobody reads any more what it prints."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import Lab
from lab.client import down
from lab.state import FOLDER_VARIABLE, REPOSITORY, Places, places


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Places]:
    """Give the places of a lab of this test's own, and clean up after it."""
    found = places(tmp_path / "lab")
    yield found
    down(found)


def unread(where: Places, *arguments: str, stream: str = "stdout") -> tuple[int, str]:
    """Run the command line with a pipe that nobody reads; return its exit code and what the other stream got."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "lab", *arguments],
            cwd=REPOSITORY,
            env={**os.environ, FOLDER_VARIABLE: str(where.state)},
            stdout=writing if stream == "stdout" else subprocess.PIPE,
            stderr=writing if stream == "stderr" else subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    return done.returncode, (done.stderr if stream == "stdout" else done.stdout)


@pytest.mark.parametrize("arguments", [("faults",), ("faults", "--json"), ("--help",), ("up", "--help")])
def test_what_nobody_reads_is_no_error(where: Places, arguments: tuple[str, ...]) -> None:
    assert unread(where, *arguments) == (0, "")


def test_a_running_lab_tells_nobody_and_comes_up_unheard(where: Places) -> None:
    assert unread(where, "up", "--traffic=0", stream="stderr") == (0, "")
    for arguments in (("status",), ("status", "--json")):
        assert unread(where, *arguments) == (0, "")
    assert unread(where, "break", "redis-cache-refused", stream="stderr") == (0, "")
    assert Lab.attach(where.state).status()["broken"] == ["redis-cache-refused"]


def test_an_error_that_nobody_reads_is_one_still(where: Places) -> None:
    assert unread(where, "status", stream="stderr") == (1, "")
    assert unread(where, "status")[0] == 1
