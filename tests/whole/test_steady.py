"""A healthy lab stays green, run after run and with workers, and what hangs does not hold the others back."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import Lab
from lab.state import FOLDER_VARIABLE, REPOSITORY
from tests.faults.suite import run

RUNS = 20


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.up(folder=tmp_path_factory.mktemp("steady") / "lab") as started:
        yield started


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "workers"])
def test_twenty_healthy_runs_have_not_one_finding(
    lab: Lab, reports: Path, workers: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    if workers and not request.config.getoption("--full"):
        pytest.skip("twenty runs with workers are part of --full")
    for number in range(RUNS):
        outcome = run(lab, reports, options=workers)
        assert outcome.findings == {}, f"run {number}: {outcome.explain(list(outcome.findings))}"
        assert outcome.code == 0


def test_workers_find_the_same(lab: Lab, tmp_path: Path) -> None:
    alone = run(lab, tmp_path / "alone", options=["--restore"])
    shared = run(lab, tmp_path / "shared", options=["--restore", "-n2"])
    assert list(alone.checks) == list(shared.checks)
    first, second = shape(tmp_path / "alone"), shape(tmp_path / "shared")
    different = {key: (first[key], second[key]) for key in first if first[key] != second[key]}
    assert different == {}
    assert first.keys() == second.keys()


def test_workers_judge_the_same_readings_to_the_byte(lab: Lab, tmp_path: Path) -> None:
    """What live servers say differs from run to run: the same readings are judged once more, alone and by workers."""
    run(lab, tmp_path)
    found = [judged_again(lab, tmp_path, *workers) for workers in ((), ("-n2",))]
    assert found[0] == found[1]
    assert '"state": "OK"' in found[0]


def judged_again(lab: Lab, reports: Path, *options: str) -> str:
    """Judge a run's readings again; return results.json without the times and the run's own id."""
    results = reports / "lab/latest/results.json"
    command = [sys.executable, "-m", "pytest", "checks", "--environment=lab", f"--replay={results}", *options]
    variables = {**os.environ, FOLDER_VARIABLE: str(lab.places.state)}
    command.append(f"--reports-dir={reports}")
    done = subprocess.run(command, cwd=REPOSITORY, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = (reports / "lab-replay/latest/results.json").read_text(encoding="utf-8")
    return re.sub(r'("(?:started|finished|seconds|run_id)": )[^,\n]+', r"\1-", text)


def shape(reports: Path) -> dict[str, object]:
    """Return what results.json has of each check and of the run, without what a live server says anew.

    That is times, ids, numbers and the units and plurals that follow from them.
    """
    found = json.loads((reports / "lab/latest/results.json").read_text(encoding="utf-8"))
    kept = (
        "title",
        "service",
        "chapter",
        "guide",
        "profiles",
        "state",
        "limits",
        "action",
        "blocked_by",
    )
    shapes: dict[str, object] = {
        f"{check['id']}@{check['target']}": (*(check[key] for key in kept), numberless(check["message"]))
        for check in found["checks"]
    }
    shapes["readings"] = sorted(f"{record['reading']}@{record['target']}" for record in found["readings"])
    return shapes | {"verdict": found["verdict"], "not covered": found["not_covered"]}


def numberless(message: str) -> str:
    """Return a message with N for every number and its unit."""
    plain = re.sub(r"-?\d[\d.]*(e-\d+)?( (ms|s|min|h|d|B|KiB|MiB|GiB)\b)?", "N", message)
    return re.sub(r"(?<=N )(\w+?)s?\b", r"\1", plain)


def test_other_services_answer_within_three_seconds_while_postgresql_hangs(lab: Lab, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "checks", "--environment=lab", "--profile=triage", "-v"]
    with lab.broken("postgresql-primary-hangs"):
        started = time.monotonic()
        with subprocess.Popen(
            [*command, f"--reports-dir={tmp_path}"],
            cwd=REPOSITORY,
            env={**os.environ, FOLDER_VARIABLE: str(lab.places.state), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            seen: dict[str, float] = {}
            reader = threading.Thread(target=_note, args=(child, seen, started))
            reader.start()
            child.wait(40)
            reader.join(5)
            seconds = time.monotonic() - started
    begun = seen["profile:"]  # what the interpreter takes to begin on a busy machine is nobody's answer
    assert seen["test_redis_connection[cache]"] - begun < 3, seen
    assert seen["test_s3_connection[media]"] - begun < 3, seen
    assert seconds < 20, seconds


def _note(child: "subprocess.Popen[str]", seen: dict[str, float], started: float) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        match = re.search(r"^profile:|(?<=::)test_\w+\[[^\]]+\]", line)
        if match is not None:
            seen.setdefault(match.group(), time.monotonic() - started)
