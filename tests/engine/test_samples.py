"""What a reading may hold, so that it can be stored and judged again."""

import dataclasses
import enum
import math
import typing

from checks.engine.readings import READINGS
from checks.engine.readings.s3 import S3Clock
from checks.engine.samples import from_json, to_json

PLAIN = {float, int, str, bool, type(None)}


def test_readings_hold_only_what_json_has() -> None:
    foreign = {f"{name}: {kind}" for name, spec in READINGS.items() for kind in _kinds(spec.type) if kind not in PLAIN}
    assert foreign == set()
    assert len(READINGS) > 150


def _kinds(hint: object) -> set[object]:
    if typing.get_origin(hint) is typing.Annotated:
        return _kinds(typing.get_args(hint)[0])
    if typing.get_origin(hint) is not None:
        kinds = [_kinds(inner) for inner in typing.get_args(hint) if inner is not ...]
        return set().union(*kinds) | ({dict} if typing.get_origin(hint) in {dict, list, set, frozenset} else set())
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return set().union(*(_kinds(inner) for inner in typing.get_type_hints(hint, include_extras=True).values()))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {type(member.value) for member in hint}
    return {hint}


def test_a_number_that_json_does_not_have_comes_back() -> None:
    clock = S3Clock(offset=math.inf, source="Date", sampled_at=1.0)
    assert from_json("s3_clock", to_json(clock)) == clock
