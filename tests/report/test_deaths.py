"""Tests of every death of a run against the table in docs/deaths.md: what each file says, and the exit code."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.engine.suites import Ran, Suite, heard

TABLE = Path(__file__).parents[2] / "docs/deaths.md"
CHECKS = """
def test_made_first(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    '''The host is well.'''
    judged.ok("is well")

def test_made_busy(host_cpu_times: HostCpuTimes) -> None:
    '''The host answers in time.'''
    open("begun", "w").close()
    {busy}

def test_made_last(host_cpu_times: HostCpuTimes) -> None:
    '''The host is still well.'''
"""
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child")
Die = Callable[[Suite, str], int]


def rows() -> dict[str, list[str]]:
    """Return the table of the document: how it ends, and its other cells."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]
    return {row[0]: row[1:] for row in cells}


def busy(suite: Suite, doing: str = "time.sleep(60)") -> None:
    suite.check(CHECKS.format(busy=doing))


def by_signal(number: signal.Signals, *more: str) -> Die:
    def die(suite: Suite, graded: str) -> int:
        busy(suite)
        with heard(number):
            process = subprocess.Popen(
                suite.command(graded, *more), cwd=suite.folder, env=suite.variables(),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        _begun(suite)
        if more:
            time.sleep(0.3)  # what the workers found before is still on its way to the controller
        sent = time.time()
        process.send_signal(number)
        code = process.wait(90)  # xdist takes its time to end its workers; the files do not wait for that
        for report in ("results.json", "junit.xml", "summary.html"):
            assert (suite.reports / "here/latest" / report).stat().st_mtime - sent < 5
        return code

    return die


def by_itself(doing: str, *more: str) -> Die:
    def die(suite: Suite, graded: str) -> int:
        busy(suite, doing)
        return suite.run(graded, *more).code

    return die


def as_pid_1(suite: Suite, graded: str) -> int:
    """Send SIGTERM to a run that is the first process of its namespace: there no signal has a default action."""
    _namespace()
    busy(suite)
    script = f"exec {' '.join(suite.command(graded))}"
    process = subprocess.Popen(
        [*NAMESPACE, "sh", "-c", script], cwd=suite.folder, env=suite.variables(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _begun(suite)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGTERM)
    return process.wait(10)


def disk_full(suite: Suite, graded: str) -> int:
    """Let the second check fill the disk that the reports lie on, for real; `kept` is what is left of it."""
    _namespace()
    fill = "import shutil; shutil.copyfileobj(open('/dev/zero', 'rb'), open('reports/fill', 'wb'))"
    busy(suite, f"""
    try:
        {fill}
    except OSError:
        pass""")  # fmt: skip
    suite.reports.mkdir()
    script = (
        f"mount -t tmpfs -o size=1m none reports; {' '.join(suite.command(graded))}; code=$?; rm -f reports/fill;"
        " cp -a reports kept; exit $code"
    )
    done = subprocess.run(
        [*NAMESPACE, "sh", "-c", script], cwd=suite.folder, env=suite.variables(),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "results.json could not be written: No space left on device" in done.stdout
    assert "OK: 3 OK" in done.stdout
    suite.reports.rmdir()
    (suite.folder / "kept").rename(suite.reports)
    return done.returncode


def read_only(suite: Suite, graded: str) -> int:
    """Put a file in the place of the folder: permission bits do not bind root."""
    busy(suite)
    suite.reports.write_text("")
    code = suite.run(graded).code
    assert not (suite.folder / "begun").exists()
    return code


def locked(suite: Suite, graded: str) -> int:
    """Begin a second run while the first goes on."""
    busy(suite)
    first = subprocess.Popen(
        suite.command(), cwd=suite.folder, env=suite.variables(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _begun(suite)
        return suite.run(graded).code
    finally:
        first.kill()
        first.wait()


DEATHS: dict[str, Die] = {
    "SIGINT (Ctrl-C)": by_signal(signal.SIGINT),
    "SIGTERM": by_signal(signal.SIGTERM),
    "SIGHUP": by_signal(signal.SIGHUP),
    "SIGTERM as PID 1": as_pid_1,
    "SIGTERM with -n 4": by_signal(signal.SIGTERM, "-n4"),
    "SIGKILL": by_signal(signal.SIGKILL),
    "-x": by_itself("raise KeyError", "-x"),
    "a worker crashes": by_itself("os._exit(3)", "-n2"),
    "the deadline": by_itself("time.sleep(60)", "--deadline=2"),
    "the disk is full at the end": disk_full,
    "the reports folder is read-only": read_only,
    "another run holds the lock": locked,
}


ALWAYS = {"SIGTERM as PID 1", "SIGTERM with -n 4", "the disk is full at the end", "the reports folder is read-only"}


def test_the_table_has_every_death() -> None:
    assert list(rows()) == list(DEATHS)


@pytest.mark.parametrize("name", DEATHS)
def test_what_every_file_says(tmp_path: Path, name: str, request: pytest.FixtureRequest) -> None:
    if name not in ALWAYS and not request.config.getoption("--full", False):
        pytest.skip("tests/engine/test_ends.py has it; with --full it is held to the table too")
    plain, graded, said, checks, errors, page = rows()[name]
    mode = "graded" if len(name) % 2 else "pytest"  # one of the two a row: the other differs in the number only
    suite = Suite(tmp_path)
    code = DEATHS[name](suite, f"--exit-codes={mode}")
    assert code == int(graded if mode == "graded" else plain)
    if said == "none":
        assert not suite.reports.is_dir()
        return
    run = Ran(code, "", suite.reports).latest()
    assert not run["complete"]
    assert run["verdict"] == "UNKNOWN"
    folder = suite.reports / "here/latest"
    assert page in (folder / "summary.html").read_text(encoding="utf-8")
    assert "OK" not in json.dumps(run["verdict"])
    if said != "of the other run":
        assert said == "UNKNOWN, not complete"
        assert ", ".join(check["state"] for check in run["checks"]) == checks
        assert f"{len(ET.parse(folder / 'junit.xml').findall('.//error'))} errors" == errors  # noqa: S314 (ours)


def _namespace() -> None:
    """Skip where this machine allows no namespaces."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    tried = subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False, timeout=10)
    if tried.returncode != 0:
        pytest.skip("this machine allows no namespaces")


def _begun(suite: Suite) -> None:
    until = time.monotonic() + 90  # four workers start slowly on a busy machine
    while not (suite.folder / "begun").exists():
        assert time.monotonic() < until, "the run did not begin"
        time.sleep(0.02)
