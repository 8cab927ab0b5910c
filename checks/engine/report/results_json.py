"""results.json: the source of truth of a run, written first and read back by everything that works offline.

Times are Unix seconds. Keys that this version does not know are passed over, so that a later one may add some.
"""

import dataclasses
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from checks.engine.model import Limits, Measure, Result, Run, State

SCHEMA = "penhas-checks/results/1"
_SURROGATE = re.compile("[\ud800-\udfff]")
_FINITE = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}
_RUN: list[TypeAdapter[Run]] = []  # built on first use: a run that only writes never pays for it


class BadResultsError(ValueError):
    """A results.json that cannot be used; the text names the key and what is wrong with it."""


def dump(run: Run, readings: Sequence[Mapping[str, object]] = ()) -> str:
    """Return the run as JSON; `readings` are what was read, in the form of `checks.engine.recorded`.

    A number that JSON does not have (NaN, Infinity) becomes its word; a lone surrogate is escaped.
    """
    table: dict[str, Any] = {"schema": SCHEMA}
    for field in dataclasses.fields(run):
        if field.name == "results":
            table["checks"] = [_check(result) for result in run.results]
        else:
            table[field.name] = _json(getattr(run, field.name))
    table["readings"] = list(readings)
    text = json.dumps(table, ensure_ascii=False, allow_nan=False, indent=1)
    return _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", text) + "\n"


def load(text: str) -> Run:
    """Return the run that `dump` wrote; raise BadResultsError naming the first key that is wrong."""
    table = _table(text)
    checks = table.pop("checks", None)
    if not isinstance(checks, list):
        raise BadResultsError("checks: must be a list")
    table["results"] = [_renamed(check) if isinstance(check, dict) else check for check in checks]
    if not _RUN:
        _RUN.append(TypeAdapter(Run))
    try:
        return _RUN[0].validate_python(table)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise BadResultsError(f"{_place(first['loc'])}: {first['msg']}") from None


def load_readings(text: str) -> list[dict[str, Any]]:
    """Return what was read in that run, as `checks.engine.recorded` wrote it; raise BadResultsError."""
    readings = _table(text).get("readings", [])
    if not isinstance(readings, list) or not all(isinstance(reading, dict) for reading in readings):
        raise BadResultsError("readings: must be a list of tables")
    return readings


def _table(text: str) -> dict[str, Any]:
    try:
        table = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raise BadResultsError("the file is not JSON") from None
    schema = table.get("schema") if isinstance(table, dict) else None
    if not isinstance(table, dict) or schema != SCHEMA:
        raise BadResultsError(f"schema: this is not {SCHEMA}")
    return table


def _check(result: Result) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for field in dataclasses.fields(result):
        table["reading" if field.name == "measure" else field.name] = _json(getattr(result, field.name))
    return table


def _renamed(check: dict[str, Any]) -> dict[str, Any]:
    return {"measure" if key == "reading" else key: value for key, value in check.items() if key != "measure"}


def _json(value: Any) -> Any:
    if isinstance(value, State):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else _FINITE[str(value)]
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


def _place(location: tuple[int | str, ...]) -> str:
    """`checks[3].reading.value`: the key in the file's own words."""
    words = {"results": "checks", "measure": "reading"}
    place = ""
    for part in location:
        if isinstance(part, int):
            place += f"[{part}]"
        elif part not in {"int", "float", "str"}:  # pydantic also names the types of a union: no key of ours
            place += f".{words.get(part, part)}" if place else words.get(part, part)
    return place or "the file"


__all__ = ["SCHEMA", "BadResultsError", "Limits", "Measure", "dump", "load", "load_readings"]
