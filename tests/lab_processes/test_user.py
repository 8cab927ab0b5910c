"""The lab with everything that watches it comes up for a user who is not root, and is judged by the same user."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.client import down
from lab.state import FOLDER_VARIABLE, REPOSITORY, Places, places
from tests.lab_processes.namespace import as_user

# All in one namespace: who is in another may not see which files its processes have open, and takes no lab of it down.
SCRIPT = """
"$0" -m lab up --monitoring --traffic 10 || exit 9
timeout 60 "$0" -m pytest checks/logs --environment=lab --reports-dir="$1" --quiet
"$0" -m lab down
"""


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Places]:
    """Give the places of a lab of this test's own, and clean up after it."""
    found = places(tmp_path / "lab")
    yield found
    down(found)


def test_what_watches_the_lab_comes_up_for_a_user(where: Places, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    done = subprocess.run(
        [*as_user(), "sh", "-c", SCRIPT, sys.executable, str(reports)],
        cwd=REPOSITORY,
        env={**os.environ, FOLDER_VARIABLE: str(where.state)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Traceback" not in said
    if "lab: no logs" in said or "not installed" in said:
        pytest.skip("Debian's programs are not all installed: python -m lab.packages")
    found = json.loads((reports / "lab" / "latest" / "results.json").read_text(encoding="utf-8"))
    states = {f"{check['id']}@{check['target']}": check["state"] for check in found["checks"]}
    assert {state for state in states.values() if state in {"WARNING", "CRITICAL", "UNKNOWN"}} == set(), said
    followed = {key for key, state in states.items() if key.startswith("logs-rotation-followed@") and state == "OK"}
    assert followed == {f"logs-rotation-followed@{name}" for name in ("api", "nginx", "syslog")}
