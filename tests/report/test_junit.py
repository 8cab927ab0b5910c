"""Tests of junit.xml: the rules that keep every consumer from misreading it."""

import dataclasses
from xml.etree import ElementTree as ET

import pytest

from checks.engine.model import Result, Run, State
from checks.engine.report.junit import render
from tests.report.made import hostile, large, ordinary, result, run


def cases(made: Run, **options: frozenset[str]) -> dict[str, ET.Element]:
    return {case.get("name", ""): case for case in ET.fromstring(render(made, **options)).iter("testcase")}  # noqa: S314


@pytest.mark.parametrize(
    ("state", "element", "kind"),
    [
        (State.OK, None, None),
        (State.WARNING, "skipped", "warning"),
        (State.CRITICAL, "failure", "critical"),
        (State.UNKNOWN, "error", "unknown"),
        (State.NOT_JUDGED, "skipped", "not-judged"),
        (State.NOT_COVERED, "skipped", "not-covered"),
        (State.WAIVED, "skipped", "waived"),
    ],
)
def test_each_state_has_its_element(state: State, element: str | None, kind: str | None) -> None:
    case = cases(run(result("a", "x", state, "x: 3 of 4")))["a@x"]
    found = [child for child in case if child.tag != "properties"]
    assert [child.tag for child in found] == ([] if element is None else [element])
    for child in found:
        assert child.get("type") == kind
        assert child.get("message") == f"{state.value}: x: 3 of 4"
        assert (child.text or "").splitlines()[0] == child.get("message")


def test_a_warning_fails_where_it_is_asked_to() -> None:
    case = cases(run(result("a", "x", State.WARNING)), fail_on=frozenset({"warning"}))["a@x"]
    assert case.find("failure") is not None
    assert case.find("skipped") is None


@pytest.mark.parametrize(
    "made", [ordinary(), large(150), hostile(), run()], ids=["ordinary", "large", "hostile", "empty"]
)
def test_the_totals_are_right_and_nothing_is_nameless(made: Run) -> None:
    root = ET.fromstring(render(made))  # noqa: S314
    for element in (root, *root.iter("testsuite")):
        assert element.get("name")
        for attribute, tag in (
            ("tests", "testcase"),
            ("failures", "failure"),
            ("errors", "error"),
            ("skipped", "skipped"),
        ):
            assert element.get(attribute) == str(len(list(element.iter(tag))))
    for case in root.iter("testcase"):
        assert case.get("name")
        assert case.get("classname")
    assert len(list(root.iter("testcase"))) == (len(made.results) or 1)


@pytest.mark.parametrize("results", [(), (result("a", "x", State.NOT_COVERED), result("b", "x", State.NOT_JUDGED))])
def test_where_nothing_was_judged_there_is_an_error(results: tuple[Result, ...]) -> None:
    made = cases(run(*results))
    assert [name for name, case in made.items() if case.find("error") is not None] == ["run-judged@production"]
    assert "run-judged@production" not in cases(run(*results, result("c", "x", State.OK)))


def test_names_carry_neither_readings_nor_states() -> None:
    made = ordinary()
    other = dataclasses.replace(
        made, results=tuple(dataclasses.replace(r, state=State.OK, message="other") for r in made.results)
    )
    assert set(cases(made)) == set(cases(other)) == {r.key for r in made.results}


def test_file_and_line_are_attributes() -> None:
    case = cases(run(result("a", "x", State.OK)))["a@x"]
    assert (case.get("file"), case.get("line")) == ("checks/health/test_made.py", "12")


def test_a_long_message_is_cut() -> None:
    assert len(render(run(result("a", "x", State.CRITICAL, "x" * 1_000_000)))) < 10_000


def test_emergency_mode_is_a_property_of_every_chapter() -> None:
    made = dataclasses.replace(ordinary(), emergency="redis cache: is on")
    suites = list(ET.fromstring(render(made)).iter("testsuite"))  # noqa: S314
    for suite in suites:
        (first,) = suite[0]
        assert (first.get("name"), first.get("value")) == ("emergency", "redis cache: is on")
    assert len(suites) > 1
    assert b'name="emergency"' not in render(dataclasses.replace(made, emergency=""))
