"""Judging: (value, limits) -> state and message; pure, and the only place that compares a value with a limit."""

import math
from dataclasses import fields

from checks.engine.model import Bound, Judgement, Limits, Measure, Reading, State, Unit
from checks.engine.readings import unit_of

_FACTORS: dict[Unit, dict[str, float]] = {
    Unit.RATIO: {"%": 100.0},
    Unit.SECONDS: {"s": 1.0, "ms": 1000.0, "min": 1 / 60, "h": 1 / 3600, "d": 1 / 86400},
    Unit.BYTES: {"B": 1.0, "KiB": 2.0**-10, "MiB": 2.0**-20, "GiB": 2.0**-30},
    Unit.PER_SECOND: {"/s": 1.0, "/min": 60.0},
}

_SIZES: dict[Unit, tuple[tuple[str, float], ...]] = {
    Unit.BYTES: (("GiB", 2.0**30), ("MiB", 2.0**20), ("KiB", 2.0**10)),
    Unit.SECONDS: (("d", 172800.0), ("h", 7200.0), ("min", 120.0)),
}
DIGITS = 4  # that are shown
EXACT = 12  # that are compared: a float holds a few more, and the last ones are noise
_SECONDS_IN = {"d": 86400.0, "h": 3600.0, "min": 60.0}


def factor(base: Unit, unit: str) -> float:
    """Return what turns a value in a base unit into a row's unit; a count's unit is any word for what is counted.

    Raises ValueError naming the units that fit.
    """
    if base is Unit.COUNT:
        if unit == "" or not unit.replace(" ", "").isalpha():
            raise ValueError(f"{unit!r} is no word for what is counted (jobs, connections, ...)")
        return 1.0
    if unit not in _FACTORS[base]:
        raise ValueError(f"{unit!r} does not fit a reading in {base.value}; use {' or '.join(_FACTORS[base])}")
    return _FACTORS[base][unit]


def state_of(value: float, limits: Limits) -> State:
    """Return the state of a value in the unit of `limits`; a limit is inclusive as written: `above 70` means > 70."""
    if math.isnan(value):
        return State.UNKNOWN
    above, below = limits.above or Bound(), limits.below or Bound()
    if _past(value, above.critical, 1) or _past(value, below.critical, -1):
        return State.CRITICAL
    if _past(value, above.warning, 1) or _past(value, below.warning, -1):
        return State.WARNING
    return State.OK


def _past(value: float, limit: float | None, sign: int) -> bool:
    return limit is not None and sign * (value - limit) > 0


def judge_field(reading: Reading, name: str, field: str, subject: str, limits: Limits) -> Judgement:
    """Judge one field of the reading called `name`; a NULL, a NaN or less than nothing is UNKNOWN."""
    base = unit_of(name, field)
    value = getattr(reading, field)
    if value is not None and value < 0 and base in {Unit.COUNT, Unit.BYTES}:
        text = f"{subject.rstrip(':')}: less than nothing was reported"
        return Judgement(State.UNKNOWN, text, None, limits, evidence(reading, name, field))
    converted = math.nan if value is None or base is None else value * factor(base, limits.unit)
    return judge_value(converted, subject, limits, reading, evidence(reading, name, field))


def judge_value(
    value: float, subject: str, limits: Limits, reading: Reading, evidence: tuple[str, ...] = ()
) -> Judgement:
    """Judge a value that is already in the unit of `limits`; one that is no finite number is UNKNOWN."""
    if not math.isfinite(value):
        return Judgement(State.UNKNOWN, f"{subject.rstrip(':')}: no number was reported", None, limits, evidence)
    value = exact(value)
    state = state_of(value, limits)
    limit_text, passed = _limit_text(value, state, limits)
    digits = next((n for n in range(DIGITS, EXACT) if passed is None or rounded(value, n) != rounded(passed, n)), EXACT)
    measure = Measure(rounded(value, digits), limits.unit, reading.source, reading.sampled_at)
    return Judgement(state, f"{subject} {show(value, limits.unit, digits)}{limit_text}", measure, limits, evidence)


def _limit_text(value: float, state: State, limits: Limits) -> tuple[str, float | None]:
    if state not in {State.WARNING, State.CRITICAL}:
        return "", None
    word = "critical" if state is State.CRITICAL else "warning"
    for direction, bound, sign in (("above", limits.above, 1), ("below", limits.below, -1)):
        limit: float | None = None if bound is None else getattr(bound, word)
        if limit is not None and _past(value, limit, sign):
            return f", {word} {direction} {show(limit, limits.unit, EXACT)}", limit
    return "", None


def exact(value: float) -> float:
    """Return a value without the noise of its conversion: 0.07 of a whole is 7 %, not 7.000000000000001 %."""
    return float(f"{value:.{EXACT}g}")


def rounded(value: float, digits: int = DIGITS) -> float | int:
    """Return so many significant digits, and all those before the decimal point: reports show no noise."""
    if not math.isfinite(value):
        return value
    if value == int(value) or abs(value) >= 10.0**digits:
        return round(value)
    return float(f"{value:.{digits}g}")


def show(value: float, unit: str, digits: int = DIGITS) -> str:
    """Return a value as people read it: `93 %`, `640 jobs`, `1.25 s`."""
    number = rounded(value, digits)
    text = str(number) if isinstance(number, int) else f"{number:.{EXACT}g}"
    return f"{text} {unit}".rstrip()


def show_base(value: float, base: Unit) -> str:
    """Return a value in a base unit with a unit that suits its size."""
    if base is Unit.RATIO:
        return show(value * 100, "%")
    if base is Unit.SECONDS and 0 < abs(value) < 1:
        return show(value * 1000, "ms")
    for unit, size in _SIZES.get(base, ()):
        if abs(value) >= size:
            return f"{value / _SECONDS_IN.get(unit, size):.1f} {unit}"
    return show(value, {Unit.BYTES: "B", Unit.SECONDS: "s", Unit.PER_SECOND: "/s"}.get(base, ""))


def evidence(reading: Reading, name: str, without: str = "") -> tuple[str, ...]:
    """Return the other numbers of a reading, and the culprits that it names; other text fields are left out."""
    parts = []
    for field in fields(reading):
        if field.name in {"source", "sampled_at", without}:
            continue
        base, value = unit_of(name, field.name), getattr(reading, field.name)
        if base is not None and value is not None:
            parts.append(f"{field.name.replace('_', ' ')} {show_base(value, base)}")
    culprits: tuple[str, ...] = getattr(reading, "culprits", ())
    return (*parts, *culprits)
