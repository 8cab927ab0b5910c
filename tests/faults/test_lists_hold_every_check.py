"""The lists that the broad faults are made of hold every check of the API, Redis, S3, the queue and the application.

A check that is missing there is found by a broad fault too, but by a lab and minutes later. And each of those checks
has a fault that turns it.
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
    "application-users-growth": "emptying the table of users would take everything with it that hangs on it",
    "redis-fragmentation": "says nothing of less than 100 MiB, which the lab's server may not hold",
    "s3-key-age": "of Amazon's own store only; tests/services/test_s3_policy.py has an IAM that tells it",
    "s3-access-logged": "of Amazon's own store only: another says nothing where none are kept",
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
def collected() -> dict[str, set[str]]:
    """Return the checks of each target, of the example environment, whose targets are called as the lab's are."""
    command = [sys.executable, "-m", "pytest", "checks", "--collect-only", "-q", "--environment=production.example"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    found: dict[str, set[str]] = {target: set() for target in LISTS}
    for line in done.stdout.splitlines():
        row = re.search(r"::test_limit\[([a-z0-9-]+)@([a-z0-9-]+)\]", line)
        check = re.search(r"::test_([a-z0-9_]+)\[([a-z0-9-]+)\]", line)
        for match in (row or check,):
            if match is not None and match[2] in LISTS:
                found[match[2]].add(f"{match[1].replace('_', '-')}@{match[2]}")
    return found


@pytest.mark.parametrize("target", LISTS)
def test_the_list_holds_every_check(collected: dict[str, set[str]], target: str) -> None:
    assert len(collected[target]) > 8
    of_target = {key for key in LISTS[target] if key.endswith(f"@{target}")}
    assert collected[target] - of_target == set()
    assert of_target - collected[target] - ELSEWHERE == set()


@pytest.mark.parametrize("target", LISTS)
def test_every_check_has_a_fault(collected: dict[str, set[str]], target: str) -> None:
    turned = {
        key.partition("@")[0]
        for fault in FAULTS.values()
        for key, state in fault.expect.items()
        if state in {"WARNING", "CRITICAL"}
    }
    assert {key.partition("@")[0] for key in collected[target]} - turned - WITHOUT_FAULT.keys() == set()


def test_what_is_excused_has_no_fault_and_is_there(collected: dict[str, set[str]]) -> None:
    every = {key.partition("@")[0] for keys in collected.values() for key in keys}
    turned = {
        key.partition("@")[0]
        for fault in FAULTS.values()
        for key, state in fault.expect.items()
        if state in {"WARNING", "CRITICAL"}
    }
    assert WITHOUT_FAULT.keys() - every == set()
    assert WITHOUT_FAULT.keys() & turned == set()
