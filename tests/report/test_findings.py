"""Tests of the order in which findings are shown, of the verdict, and of what counts as new."""

import dataclasses

import pytest

from checks.engine.model import State
from checks.engine.report.findings import emergency, findings, new_findings, overall
from tests.report.made import ordinary, result, run


def test_what_is_blocked_stands_under_its_root_and_the_worst_stands_first() -> None:
    found = findings(ordinary().results)
    assert [finding.result.key for finding in found] == [
        "postgresql-connection@primary",
        "backup-freshness@postgresql",
        "capacity-redis-memory@cache",
    ]
    assert [len(finding.blocked) for finding in found] == [3, 0, 0]


def test_among_equals_the_root_that_blocks_most_stands_first() -> None:
    a, b, c = (result(f"{name}-connection", "x", State.UNKNOWN) for name in "abc")
    under = [result(f"c-{n}", "x", State.UNKNOWN, blocked_by=c.key) for n in range(2)]
    under.append(result("b-1", "x", State.UNKNOWN, blocked_by=b.key))
    assert [finding.result.id for finding in findings((a, b, c, *under))] == [
        "c-connection",
        "b-connection",
        "a-connection",
    ]


def test_a_chain_is_folded_under_its_end() -> None:
    end = result("a", "x", State.CRITICAL)
    middle = result("b", "x", State.UNKNOWN, blocked_by=end.key)
    far = result("c", "x", State.UNKNOWN, blocked_by=middle.key)
    assert [len(finding.blocked) for finding in findings((far, middle, end))] == [2]


@pytest.mark.parametrize("root", ["absent@x", "d@x"])
def test_a_result_whose_root_is_missing_or_well_stands_on_its_own(root: str) -> None:
    fine = result("d", "x", State.OK)
    lost = result("a", "x", State.UNKNOWN, blocked_by=root)
    assert [finding.result.id for finding in findings((fine, lost))] == ["a"]


def test_a_circle_of_causes_hides_nothing() -> None:
    a = result("a", "x", State.UNKNOWN, blocked_by="b@x")
    b = result("b", "x", State.UNKNOWN, blocked_by="a@x")
    assert {finding.result.id for finding in findings((a, b))} == {"a", "b"}


@pytest.mark.parametrize(
    ("states", "complete", "verdict"),
    [
        ([], True, State.UNKNOWN),
        ([State.NOT_COVERED, State.NOT_JUDGED], True, State.UNKNOWN),
        ([State.OK], True, State.OK),
        ([State.OK], False, State.UNKNOWN),
        ([State.OK, State.WAIVED], True, State.OK),
        ([State.WARNING, State.OK], True, State.WARNING),
        ([State.WARNING], False, State.UNKNOWN),
        ([State.WARNING, State.UNKNOWN], True, State.UNKNOWN),
        ([State.CRITICAL, State.UNKNOWN], False, State.CRITICAL),
    ],
)
def test_the_verdict_is_never_green_by_accident(states: list[State], complete: bool, verdict: State) -> None:
    results = [result(f"a-{n}", "x", state) for n, state in enumerate(states)]
    assert overall(results, complete=complete) is verdict


@pytest.mark.parametrize(
    ("before", "now", "is_new"),
    [
        (None, State.WARNING, True),
        (State.OK, State.CRITICAL, True),
        (State.WAIVED, State.WARNING, True),
        (State.WARNING, State.WARNING, False),
        (State.WARNING, State.CRITICAL, True),
        (State.UNKNOWN, State.CRITICAL, True),
        (State.CRITICAL, State.UNKNOWN, False),
        (State.CRITICAL, State.OK, False),
    ],
)
def test_a_finding_is_new_when_it_was_not_there_or_is_worse(before: State | None, now: State, is_new: bool) -> None:
    baseline = run(*([] if before is None else [result("a", "x", before)]))
    assert bool(new_findings(run(result("a", "x", now)), baseline)) is is_new


def test_what_an_incomplete_baseline_could_not_read_is_not_something_it_had() -> None:
    baseline = dataclasses.replace(run(result("a", "x", State.UNKNOWN)), complete=False)
    assert new_findings(run(result("a", "x", State.UNKNOWN)), baseline)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.OK, ""),
        (State.UNKNOWN, ""),
        (State.WARNING, "it is on"),
        (State.CRITICAL, "it is on"),
        (State.WAIVED, "it is on"),
    ],
)
def test_emergency_mode_is_what_its_checks_found(state: State, said: str) -> None:
    assert (
        emergency([result("emergency-mode-off", "cache", state, "it is on"), result("a", "x", State.CRITICAL)]) == said
    )
