"""A lab is its user's: root takes it down with that user's rights and no more, and nobody else does."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import LabError
from lab.client import down
from lab.processes import MARK, marked
from lab.state import FOLDER_VARIABLE, REPOSITORY, Places, as_owner, places
from tests.lab_processes.namespace import as_user

DAEMON = 1  # the user of that name, who is on every system


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Places]:
    """Give the places of a lab of this test's own, and clean up after it."""
    yield places(tmp_path / "lab")
    down(places(tmp_path / "lab"))


@pytest.fixture
def theirs() -> Iterator[Places]:
    """Give the places of what a lab of another user left behind when it was killed, where that user may go."""
    if os.getuid() != 0:
        pytest.skip("only root may have the rights of others")
    folder = Path(tempfile.mkdtemp(prefix="penhas-checks-lab-test-"))
    os.chown(folder, DAEMON, DAEMON)
    ours = places(folder / "lab")
    found = Places(ours.state, ours.data.with_name(ours.data.name.replace("-0-", f"-{DAEMON}-")))
    for made in (found.state, found.data, found.data / "host", found.data / "host/systemd"):
        made.mkdir(mode=0o700)
        os.chown(made, DAEMON, DAEMON)
    found.running.write_text(json.dumps({"data": str(found.data), "pid": 0}))
    os.chown(found.running, DAEMON, DAEMON)
    yield found
    shutil.rmtree(found.data, ignore_errors=True)
    shutil.rmtree(folder)


def lab(where: Places, *words: str, prefix: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run the lab's command line; return its exit code and what it said."""
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "lab", *words],
        cwd=REPOSITORY,
        env={**os.environ, FOLDER_VARIABLE: str(where.state)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_root_takes_down_what_another_user_started_and_no_third_one_does(where: Places) -> None:
    if os.getuid() != 0:
        pytest.skip("this is about root")
    one, other = tuple(as_user(1000)), tuple(as_user(1001))
    assert lab(where, "up", "--traffic=0", prefix=one)[0] == 0
    code, said = lab(where, "down", prefix=other)
    assert (code, "is another user's, and runs" in said) == (1, True)
    assert lab(where, "status")[0] == 0
    running = places(where.state)
    assert running.data.name.startswith("penhas-checks-lab-1000-")
    assert "running already" in lab(where, "up")[1]
    assert lab(where, "down") == (0, "lab: down\n")
    assert marked(running.data) == []
    assert [path for path in (where.state, running.data) if path.exists()] == []


def test_what_a_killed_lab_of_another_user_left_is_removed_with_his_rights(theirs: Places, tmp_path: Path) -> None:
    """What he wrote into his own folder makes root write nowhere."""
    trap = tmp_path / "cgroup.kill"
    trap.write_text("untouched")
    (theirs.data / "host/systemd/group").write_text(str(tmp_path))
    left = subprocess.Popen(
        ["setpriv", f"--reuid={DAEMON}", f"--regid={DAEMON}", "--clear-groups", "sleep", "60"],
        env={**os.environ, MARK: str(theirs.data)},
    )
    try:
        assert places(theirs.state) == theirs
        assert down(places(theirs.state))
        assert left.wait(5) != 0
    finally:
        left.kill()
    assert [path for path in (theirs.state, theirs.data) if path.exists()] == []
    assert trap.read_text() == "untouched"
    assert os.geteuid() == 0


def test_root_has_the_owner_s_rights_for_a_while(theirs: Places, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    with as_owner(theirs):
        assert (os.geteuid(), os.getegid(), os.getgroups()) == (DAEMON, DAEMON, [])
        with pytest.raises(PermissionError):
            secret.read_text()
    assert secret.read_text() == ""


@pytest.mark.parametrize("data", ["/", "/etc", "/srv/penhas-checks-lab-1-0000000000", 7, None])
def test_a_state_folder_leads_nowhere_else(theirs: Places, data: object) -> None:
    theirs.running.write_text(json.dumps({"data": data, "pid": 0}))
    assert places(theirs.state).data.name.startswith("penhas-checks-lab-0-")


def test_a_folder_that_we_may_not_read_is_said_to_be_another_s(theirs: Places) -> None:
    with as_owner(theirs):
        theirs.state.chmod(0)
        with pytest.raises(LabError, match="is another user's"):
            down(theirs)
        theirs.state.chmod(0o700)
