"""The lab comes up, goes down, and leaves nothing behind, whatever kills it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lab import Lab, LabError
from lab.client import clean, down, running_pid
from lab.marked import BACKUP_SEED
from lab.processes import marked
from lab.state import FOLDER_VARIABLE, REPOSITORY, Places, places, read_running
from lab.systemd import Systemd


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Places]:
    """Give the places of a lab of this test's own, and clean up after it."""
    found = places(tmp_path / "lab")
    yield found
    down(found)


def left(where: Places) -> list[str]:
    """Return what there is of a lab: processes, folders and control groups."""
    found = [f"pid {pid}" for pid in marked(where.data)]
    groups = Path("/sys/fs/cgroup").rglob(where.data.name)
    return found + [str(path) for path in (where.data, where.state, *groups) if path.exists()]


def segments(where: Places) -> set[tuple[str, ...]]:
    """Return keys and ids of the System V shared memory that the lab's two clusters use."""
    clusters = [where.data / name / "postmaster.pid" for name in ("primary", "replica")]
    used = {tuple(path.read_text().splitlines()[6].split()) for path in clusters}
    assert used <= existing()
    return used


def existing() -> set[tuple[str, ...]]:
    """Return keys and ids of all System V shared memory of this machine."""
    return {tuple(line.split()[:2]) for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}


def command(where: Places, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    """Start the lab's command line."""
    return subprocess.Popen(
        [sys.executable, "-m", "lab", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, FOLDER_VARIABLE: str(where.state), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until_gone(where: Places, within: float = 10) -> list[str]:
    """Return what is left of the processes after at most `within` seconds."""
    until = time.monotonic() + within
    while marked(where.data) and time.monotonic() < until:
        time.sleep(0.05)
    return [f"pid {pid}" for pid in marked(where.data)]


def test_up_and_down_leave_nothing(where: Places) -> None:
    """While it runs every process lives and the folders are private; afterwards there is nothing."""
    with Lab.up(folder=where.state, traffic=0) as lab:
        found = lab.status()
        assert all(process["alive"] for process in found["processes"].values())
        assert {"primary", "replica1", "redis", "s3", "api1", "api2", "api3"} <= set(found["processes"])
        assert where.running.stat().st_mode & 0o777 == 0o600
        assert where.state.stat().st_mode & 0o777 == 0o700
        assert where.data.stat().st_mode & 0o777 == 0o700
    assert left(where) == []


def test_up_twice_is_refused_and_said(where: Places) -> None:
    """The second `up` says that a lab runs and exits 0; a second Lab.up raises."""
    with Lab.up(folder=where.state, traffic=0):
        second = command(where, "up")
        _, said = second.communicate(timeout=30)
        assert (second.returncode, "running already" in said) == (0, True)
        with pytest.raises(LabError, match="already running"):
            Lab.up(folder=where.state)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
@pytest.mark.parametrize("after", [0.15, 0.6, 1.1])
def test_interrupted_start_leaves_nothing(where: Places, how: signal.Signals, after: float) -> None:
    """`up` that is interrupted half-way takes everything with it; when it was quicker, `down` does."""
    starting = command(where, "up")
    time.sleep(after)
    starting.send_signal(how)
    starting.communicate(timeout=40)
    if starting.returncode == 0:
        assert command(where, "down").wait(30) == 0
    else:
        # told so early that Python had not begun, it dies of the signal itself
        assert starting.returncode in {128 + how, -how}
    assert left(where) == []


def test_failed_start_leaves_nothing_and_says_why(where: Places) -> None:
    """A start that cannot succeed exits 1 with one message."""
    failed = command(where, "up", PATH="/nonexistent")
    _, said = failed.communicate(timeout=40)
    assert failed.returncode == 1, said
    assert said.startswith("lab: ")
    assert "Traceback" not in said
    assert left(where) == []


def test_killed_supervisor_takes_its_children_along(where: Places) -> None:
    """After SIGKILL no server stays, the next `down` removes the files, and the next `up` works."""
    lab = Lab.up(folder=where.state, owned=False, traffic=0)
    if "systemd" in lab.status()["processes"]:
        Systemd(where.data / "host").control("start", "--no-block", "penhas-long.service")  # it runs on
    used = segments(where)
    pid = running_pid(where)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert wait_until_gone(where) == []
    assert where.data.exists()
    assert command(where, "down").wait(30) == 0
    assert left(where) == []
    assert not used & existing()


def test_up_cleans_what_sigkill_left(where: Places) -> None:
    """Every process killed at once, files and shared memory left: `up` starts as if nothing had been."""
    first = Lab.up(folder=where.state, owned=False, traffic=0)
    used = segments(where)
    for pid in marked(where.data):
        os.kill(pid, signal.SIGKILL)
    assert wait_until_gone(where) == []
    assert first.variables["PENHAS_CHECKS_API_TOKEN"] == read_running(where)["variables"]["PENHAS_CHECKS_API_TOKEN"]  # type: ignore[index]
    with Lab.up(folder=where.state, traffic=0) as lab:
        assert lab.variables != first.variables
        assert lab.status()["broken"] == []
    assert left(where) == []
    assert not used & existing()


def test_clean_leaves_other_processes_alone(where: Places) -> None:
    """A process that only names the lab's folder in its arguments is not the lab's."""
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)", str(where.data)])
    try:
        where.data.mkdir(mode=0o700)
        assert clean(where)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_two_labs_do_not_collide(where: Places, tmp_path: Path) -> None:
    """Each has its own servers, ports and passwords; taking one down leaves the other."""
    with Lab.up(folder=where.state, traffic=0) as first:
        with Lab.up(folder=tmp_path / "other", traffic=0) as second:
            ports = [{proxy["port"] for proxy in lab.status()["proxies"].values()} for lab in (first, second)]
            assert not ports[0] & ports[1]
            ours, theirs = ({v for v in lab.variables.values() if v != BACKUP_SEED} for lab in (first, second))
            assert ours.isdisjoint(theirs)
            with psycopg.connect(second.variables["PENHAS_CHECKS_PRIMARY_DSN"]) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        with psycopg.connect(first.variables["PENHAS_CHECKS_PRIMARY_DSN"]) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_run_gives_variables_and_exit_code_and_takes_the_lab_down(where: Places) -> None:
    """The command sees the lab, its exit code is ours, and afterwards nothing is left."""
    script = (
        "import json, os, sys\n"
        "found = json.load(open(os.environ['PENHAS_CHECKS_LAB'] + '/running.json'))\n"
        "sys.exit(7 if found['variables'].items() <= os.environ.items() else 1)"
    )
    running = command(where, "run", "--traffic=0", "--", sys.executable, "-c", script)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 7, said
    assert left(where) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_run_passes_signals_on(where: Places, how: signal.Signals) -> None:
    """The command is told, may end in its own way, and the lab goes down after it."""
    script = (
        "import signal, sys, time\n"
        f"signal.signal({int(how)}, lambda *_: sys.exit(9))\n"
        "print('waiting', flush=True)\n"
        "time.sleep(60)"
    )
    running = command(where, "run", "--traffic=0", "--", sys.executable, "-c", script)
    assert running.stdout is not None
    assert running.stdout.readline() == "waiting\n"
    running.send_signal(how)
    assert running.wait(40) == 9
    running.communicate()
    assert left(where) == []


def test_killed_run_takes_its_lab_along(where: Places) -> None:
    """`run` killed by SIGKILL: its lab notices that its owner is gone."""
    running = command(where, "run", "--traffic=0", "--", sys.executable, "-c", "print('up', flush=True); input()")
    assert running.stdout is not None
    assert running.stdout.readline() == "up\n"
    running.kill()
    running.communicate()
    assert wait_until_gone(where) == []
    until = time.monotonic() + 5
    while where.data.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not where.data.exists()


def test_run_uses_a_lab_that_runs(where: Places) -> None:
    """`run` neither starts a second lab nor takes down one that it did not start."""
    with Lab.up(folder=where.state, traffic=0) as lab:
        running = command(where, "run", "--", sys.executable, "-c", "raise SystemExit(3)")
        _, said = running.communicate(timeout=30)
        assert (running.returncode, said) == (3, "")
        assert lab.status()["broken"] == []


def test_faults_are_listed_as_json(where: Places) -> None:
    """`faults --json` needs no running lab, and every fault says which checks it changes to which state."""
    listing = command(where, "faults", "--json")
    listed, _ = listing.communicate(timeout=30)
    states = {"WARNING", "CRITICAL", "UNKNOWN", "not judged"}
    for fault, expect in json.loads(listed).items():
        assert set(expect.values()) <= states, fault
        assert all(key.count("@") == 1 for key in expect), fault


def test_an_unknown_fault_names_the_nearest(where: Places) -> None:
    """A slip of the finger costs no look-up."""
    with Lab.up(folder=where.state, traffic=0):
        wrong = command(where, "break", "redis-cache-refsued")
        _, said = wrong.communicate(timeout=30)
        assert wrong.returncode == 1
        assert "redis-cache-refused" in said
