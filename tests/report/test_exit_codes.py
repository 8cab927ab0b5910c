"""Tests of the exit codes: both tables, each line alone and against the next."""

import dataclasses
from typing import Any

import pytest

from checks.engine.model import State
from checks.engine.report.exit_codes import exit_code
from checks.engine.report.findings import overall
from tests.report.made import result, run

OK, WARNING, CRITICAL, UNKNOWN = State.OK, State.WARNING, State.CRITICAL, State.UNKNOWN


@pytest.mark.parametrize(
    ("states", "fields", "options", "pytest_code", "graded"),
    [
        ([OK], {}, {}, 0, 0),
        ([OK, State.WAIVED], {}, {}, 0, 0),
        ([OK, State.NOT_JUDGED, State.NOT_COVERED], {}, {}, 0, 0),
        ([OK, WARNING], {}, {}, 0, 10),
        ([OK, WARNING], {}, {"fail_on": {"warning"}}, 1, 1),
        ([OK, WARNING, UNKNOWN], {}, {}, 1, 11),
        ([OK, WARNING, UNKNOWN, CRITICAL], {}, {}, 1, 1),
        ([], {}, {}, 5, 11),
        ([State.NOT_COVERED, State.NOT_JUDGED], {}, {}, 5, 11),
        ([OK], {"complete": False}, {}, 1, 12),
        ([OK, UNKNOWN], {"complete": False, "stopped_by": "the deadline"}, {}, 1, 12),
        ([OK, UNKNOWN], {"complete": False, "stopped_by": "SIGTERM"}, {}, 2, 12),
        ([OK, CRITICAL], {"complete": False, "stopped_by": "SIGTERM"}, {}, 2, 1),
        ([OK], {}, {"report_error": True}, 3, 13),
        ([WARNING], {}, {"report_error": True}, 3, 13),
        ([UNKNOWN], {}, {"report_error": True}, 1, 11),
        ([CRITICAL], {}, {"report_error": True}, 1, 1),
    ],
)
def test_each_line_of_both_tables(
    states: list[State], fields: dict[str, Any], options: dict[str, Any], pytest_code: int, graded: int
) -> None:
    results = [result(f"a-{n}", "x", state) for n, state in enumerate(states)]
    made = dataclasses.replace(run(*results), **fields)
    assert exit_code(made, "pytest", **options) == pytest_code
    assert exit_code(made, "graded", **options) == graded


@pytest.mark.parametrize(
    ("before", "now", "fail_on", "code"),
    [
        (CRITICAL, CRITICAL, {"new"}, 0),
        (WARNING, CRITICAL, {"new"}, 1),
        (OK, UNKNOWN, {"new"}, 1),
        (UNKNOWN, UNKNOWN, {"new"}, 0),
        (OK, WARNING, {"new"}, 0),
        (OK, WARNING, {"new", "warning"}, 1),
        (WARNING, WARNING, {"new", "warning"}, 0),
    ],
)
def test_fail_on_new_fails_on_what_the_baseline_did_not_have(
    before: State, now: State, fail_on: set[str], code: int
) -> None:
    fine = result("b", "x", OK)
    baseline, made = run(result("a", "x", before), fine), run(result("a", "x", now), fine)
    assert exit_code(made, "pytest", fail_on, baseline) == code


@pytest.mark.parametrize("mode", ["pytest", "graded"])
def test_a_baseline_excuses_neither_an_incomplete_nor_an_empty_run(mode: str) -> None:
    baseline = run(result("a", "x", UNKNOWN))
    made = dataclasses.replace(baseline, complete=False, verdict=overall(baseline.results, complete=False))
    assert exit_code(made, mode, {"new"}, baseline) != 0
    assert exit_code(run(), mode, {"new"}, baseline) != 0
