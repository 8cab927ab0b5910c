"""The points by which the history foretells: its own of each check, and before them those that others kept.

Called by the history, with its store.
"""

import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from checks.engine.forecast import forecast, within_reach
from checks.engine.model import Measure, Result, Run, State
from checks.engine.report.past import Forecast

_POINTS = 30
Course = Sequence[tuple[float, float]]  # (Unix time, value) points, oldest first
NO_COURSES: Mapping[str, Course] = MappingProxyType({})


def forecast_of(
    store: sqlite3.Connection,
    subject: int,
    result: Result,
    *,
    span: tuple[float, float],
    ends: tuple[float | None, float | None],
    course: Course | None,
) -> Forecast | None:
    """Return when a result meets its limit, by its stored points within `span` and a course that others kept.

    `ends` are the least and the most that it has ever been: most never come near their limit, and cost nothing.
    """
    if result.limits is None or (course is None and not _may_meet(result, *ends)):
        return None
    return forecast(_joined(course or (), _points(store, subject, *span), span[0]), result.limits)


def _may_meet(result: Result, low: float | None, high: float | None) -> bool:
    """Whether its limit is near enough, for all that it has ever been, to look at its course: most never come near."""
    value = finite(result.measure)
    if value is None or low is None or high is None or result.limits is None:
        return True
    return within_reach(value, high - low, result.limits)


def foreseen(
    store: sqlite3.Connection | None, run: Run, courses: Mapping[str, Course], since: float
) -> Iterable[tuple[str, Forecast]]:
    """Yield when each OK result of a run that is not stored yet meets its limit; without a store by courses alone."""
    for result in run.results:
        value = finite(result.measure)
        if result.state is not State.OK or result.limits is None or value is None:
            continue
        query = "select number from subject where key = ?"
        row = None if store is None else store.execute(query, (result.key,)).fetchone()
        own = [] if store is None or row is None else _points(store, row[0], since, run.started)
        points = _joined(courses.get(result.key, ()), [*own, (run.started, value)], since)
        found = forecast(points, result.limits)
        if found is not None:
            yield result.key, found


def _joined(course: Course, own: Course, since: float) -> Course:
    """Return our own points, with those of a course that lie before them."""
    began = own[0][0] if own else math.inf
    return [*(point for point in course if since <= point[0] < began), *own]


def _points(store: sqlite3.Connection, subject: int, since: float, now: float) -> list[tuple[float, float]]:
    """Return the newest points, oldest first; those that a clock once ahead left in the future are passed over."""
    return store.execute(
        "select moment, value from point where subject = ? and moment between ? and ? order by bucket desc limit ?",
        (subject, since, now, _POINTS),
    ).fetchall()[::-1]


def finite(measure: Measure | None) -> float | None:
    """Return a measure that is a finite number, else None."""
    value = None if measure is None else measure.value
    if value is None or isinstance(value, (str, bool)) or not math.isfinite(value):
        return None
    return float(value)
