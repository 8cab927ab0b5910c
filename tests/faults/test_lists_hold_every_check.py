"""The lists that the broad faults are made of hold every check of the API, Redis, S3, the queue and the application.

A check that is missing there is found by a broad fault too, but by a lab and minutes later. And every check of the
suite has a fault that turns it, or a reason why not.
"""

import re
import subprocess
import sys

import pytest

from lab.faults import FAULTS
from lab.faults.expect import API, APPLICATION, QUEUE, REDIS, S3, at
from lab.state import REPOSITORY

# What the lab cannot break within seconds, or for which it has nothing: each is judged by tests of its own.
WITHOUT_FAULT = {
    "s3-key-age": "of Amazon's own store only; tests/services/test_s3_policy.py has an IAM that tells it",
    "s3-access-logged": "of Amazon's own store only: another says nothing where none are kept",
}
# Those of PostgreSQL and of the backups have their reasons in tests/postgresql and tests/backup.
EXCUSED_ELSEWHERE = {
    *("postgresql-indexes-unused", "statements-frequent"),
    *("backup-drill", "backup-nothing-deleted", "backup-restore-indexes"),
}
# Minion's own page, which the example does not name.
ELSEWHERE = {"api-admin-guarded@api2"}
LISTS = {
    "api2": at("api2", API),
    "cache": REDIS,
    "media": ("s3-connection@media", *S3),
    "queue": QUEUE,
    "penhas": APPLICATION,
}


@pytest.fixture(scope="module")
def keys() -> set[tuple[str, str]]:
    """Return (check, target) of the example environment, whose targets are called as the lab's are."""
    command = [sys.executable, "-m", "pytest", "checks", "--collect-only", "-q", "--environment=production.example"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    found = set()
    for line in done.stdout.splitlines():
        row = re.search(r"::test_limit\[([a-z0-9-]+)@([a-z0-9-]+)\]", line)
        check = re.search(r"::test_([a-z0-9_]+)\[([a-z0-9-]+)\]", line)
        match = row or check
        if match is not None:
            found.add((match[1].replace("_", "-"), match[2]))
    return found


@pytest.fixture(scope="module")
def collected(keys: set[tuple[str, str]]) -> dict[str, set[str]]:
    """Return the checks of each target that has a list."""
    return {target: {f"{check}@{target}" for check, of in keys if of == target} for target in LISTS}


@pytest.mark.parametrize("target", LISTS)
def test_the_list_holds_every_check(collected: dict[str, set[str]], target: str) -> None:
    assert len(collected[target]) > 8
    of_target = {key for key in LISTS[target] if key.endswith(f"@{target}")}
    assert collected[target] - of_target == set()
    assert of_target - collected[target] - ELSEWHERE == set()


def turned() -> set[str]:
    """Return the checks that a fault turns."""
    return {
        key.partition("@")[0]
        for fault in FAULTS.values()
        for key, state in fault.expect.items()
        if state in {"WARNING", "CRITICAL"}
    }


def test_every_check_has_a_fault(keys: set[tuple[str, str]]) -> None:
    every = {check for check, _ in keys}
    assert len(every) > 280
    assert every - turned() - WITHOUT_FAULT.keys() - EXCUSED_ELSEWHERE == set()


def test_what_is_excused_has_no_fault_and_is_there(keys: set[tuple[str, str]]) -> None:
    excused = WITHOUT_FAULT.keys() | EXCUSED_ELSEWHERE
    assert excused - {check for check, _ in keys} == set()
    assert excused & turned() == set()
