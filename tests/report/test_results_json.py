"""Tests of results.json: an exact round trip, and one clear error for a bad file."""

import dataclasses
import json
import math

import pytest

from checks.engine.model import Measure, Run, State
from checks.engine.report.results_json import BadResultsError, dump, load, load_readings
from tests.report.made import NOW, hostile, large, ordinary, result, run


@pytest.mark.parametrize(
    "made", [ordinary(), large(150), hostile(), run()], ids=["ordinary", "large", "hostile", "empty"]
)
def test_what_is_dumped_is_loaded_exactly(made: Run) -> None:
    text = dump(made)
    text.encode("utf-8")
    assert load(text) == made


@pytest.mark.parametrize("value", [0, 0.0, 1, 1.5, "", None, 2**70, -0.25])
def test_a_value_keeps_its_type(value: float | str | None) -> None:
    made = run(result("a", "x", State.OK, measure=Measure(value, "%", "s", NOW)))
    back = load(dump(made)).results[0].measure
    assert back is not None
    assert (back.value, type(back.value)) == (value, type(value))


def test_a_number_that_json_does_not_have_becomes_its_word() -> None:
    made = run(result("a", "x", State.OK, measure=Measure(math.nan, "%", "s", NOW)))
    assert json.loads(dump(made))["checks"][0]["reading"]["value"] == "NaN"


def test_the_field_names_are_those_of_the_schema() -> None:
    table = json.loads(dump(ordinary()))
    assert table["schema"] == "penhas-checks/results/1"
    assert {"environment", "production", "profile", "started", "finished", "verdict", "complete"} <= set(table)
    assert {"suite_version", "checks", "not_covered", "readings"} <= set(table)
    assert {"id", "target", "title", "service", "chapter", "guide", "profiles", "state", "reading"} <= set(
        table["checks"][0]
    )
    assert {"limits", "message", "action", "evidence", "blocked_by", "waiver", "seconds"} <= set(table["checks"][0])


def test_readings_come_back() -> None:
    readings = [{"reading": "redis_info", "value": {"used": 1}}]
    assert load_readings(dump(ordinary(), readings)) == readings


def test_a_key_of_a_later_version_is_passed_over() -> None:
    table = json.loads(dump(ordinary()))
    table["later"] = table["checks"][0]["later"] = 1
    assert load(json.dumps(table)) == ordinary()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.pop("verdict"), "verdict:"),
        (lambda t: t.update(schema="penhas-checks/results/2"), "schema:"),
        (lambda t: t.update(checks={}), "checks:"),
        (lambda t: t["checks"].append(3), "checks[11]:"),
        (lambda t: t["checks"][4].update(state="GREEN"), "checks[4].state:"),
        (lambda t: t["checks"][4]["reading"].update(value=[]), "checks[4].reading.value:"),
        (lambda t: t["checks"][4]["limits"]["above"].update(warning="a"), "checks[4].limits.above.warning:"),
    ],
)
def test_a_bad_file_is_one_error_that_names_the_key(change: object, says: str) -> None:
    table = json.loads(dump(ordinary()))
    change(table)  # type: ignore[operator]
    with pytest.raises(BadResultsError) as error:
        load(json.dumps(table))
    assert str(error.value).startswith(says)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "[" * 100_000])
def test_what_is_not_results_is_refused(text: str) -> None:
    with pytest.raises(BadResultsError):
        load(text)


def test_the_schema_names_every_field_of_the_model() -> None:
    """A field added to the model reaches the file without a second place to remember."""
    names = {field.name for field in dataclasses.fields(Run)} - {"results"}
    assert names <= set(json.loads(dump(ordinary())))
