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
    "s3-key-not-root": "of Amazon's own store only; tests/services/test_s3_policy.py has an STS that tells it",
    "s3-access-logged": "of Amazon's own store only: another says nothing where none are kept",
}
# Those of PostgreSQL and of the backups have their reasons in tests/postgresql and tests/backup.
EXCUSED_ELSEWHERE = {
    *("postgresql-indexes-unused", "statements-frequent"),
    *("backup-drill", "backup-nothing-deleted", "backup-restore-indexes"),
}
# Only with an option: each is turned in a lab, by a fault that is no finding without it.
WITH_OPTION = {
    "api-version-expected": "tests/faults/test_faults.py",
    "api-errors-since-deploy": "tests/faults/test_faults.py",
    "minion-workers-current": "tests/faults/test_faults.py",
    "minion-canary": "tests/faults/test_faults.py",
    "s3-canary": "tests/faults/test_faults.py",
    "logs-errors-new": "tests/monitoring/test_watchers_faults.py",
    "logs-canary": "tests/monitoring/test_watchers_faults.py",
}
OPTIONS = ("--deployed-at=1", "--expect-version=1", "--allow-writes")
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
    return collect("--environment=production.example")


@pytest.fixture(scope="module")
def optional(keys: set[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return the checks that are there only with an option."""
    example = REPOSITORY / "checks" / "environments" / "production.example.toml"
    permitted = tmp_path_factory.mktemp("permitted") / "permitted.toml"
    text = example.read_text(encoding="utf-8")
    permitted.write_text(text.replace("# allow_writes = false", "allow_writes = true"), encoding="utf-8")
    return {check for check, _ in collect(f"--environment={permitted}", *OPTIONS) - keys}


def collect(*options: str) -> set[tuple[str, str]]:
    """Return (check, target) of what a run with these options would judge."""
    command = [sys.executable, "-m", "pytest", "checks", "--collect-only", "-q", *options]
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


@pytest.mark.parametrize("target", ["cron", "db1", "pgdata"])
def test_every_check_of_this_host_has_a_fault_of_its_own(keys: set[tuple[str, str]], target: str) -> None:
    """Of these no broad fault is made, so that every one of them is turned by name."""
    every = {f"{check}@{target}" for check, of in keys if of == target}
    found = {
        key for fault in FAULTS.values() for key, state in fault.expect.items() if state in {"WARNING", "CRITICAL"}
    }
    assert len(every) > 1
    assert every - found == set()


def test_every_check_of_an_option_is_turned_in_a_lab(optional: set[str]) -> None:
    """Without its option no fault turns it, so that a test names it."""
    assert optional == WITH_OPTION.keys()
    for check, file in WITH_OPTION.items():
        assert re.search(rf"\b{check}@", (REPOSITORY / file).read_text(encoding="utf-8")), check


def test_what_is_excused_has_no_fault_and_is_there(keys: set[tuple[str, str]]) -> None:
    excused = WITHOUT_FAULT.keys() | EXCUSED_ELSEWHERE
    assert excused - {check for check, _ in keys} == set()
    assert excused & turned() == set()
