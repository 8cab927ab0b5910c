"""The lists that the faults are made of hold every check of PostgreSQL, and every check has a fault that turns it."""

import re
import subprocess
import sys

from lab.faults import FAULTS, postgresql_checks
from lab.faults.expect import PRIMARY, REPLICA
from lab.state import REPOSITORY

_SERVICES = r"(?:postgresql|replication|sessions|statements|vacuum|analyse|bloat|wal|maintenance-sessions)"
# What the lab cannot break, or what only lists: each is judged by tests of its own.
WITHOUT_FAULT = {
    "postgresql-indexes-unused",  # lists
    "statements-frequent",  # lists
}


def _collected() -> set[str]:
    environment = REPOSITORY / "checks" / "environments" / "production.example.toml"
    command = [sys.executable, "-m", "pytest", "checks", "--collect-only", "-q", f"--environment={environment}"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    found = set()
    for line in done.stdout.splitlines():
        if (row := re.search(rf"::test_limit\[({_SERVICES}-[a-z0-9-]+)@(primary|replica1)\]", line)) is not None:
            found.add(f"{row[1]}@{row[2]}")
        elif (check := re.search(r"::test_([a-z0-9_]+)\[(primary|replica1)\]", line)) is not None:
            found.add(f"{check[1].replace('_', '-')}@{check[2]}")
    return found


def test_the_lists_hold_every_check() -> None:
    collected = _collected()
    assert len(collected) > 80
    assert collected - {*PRIMARY, *REPLICA} == set()
    assert {*postgresql_checks.PRIMARY, *postgresql_checks.REPLICA} - collected == set()


def test_every_check_has_a_fault() -> None:
    turned = {
        key.split("@")[0]
        for fault in FAULTS.values()
        for key, state in fault.expect.items()
        if state in {"WARNING", "CRITICAL"}
    }
    ours = {key.split("@")[0] for key in (*postgresql_checks.PRIMARY, *postgresql_checks.REPLICA)}
    assert ours - turned == WITHOUT_FAULT
