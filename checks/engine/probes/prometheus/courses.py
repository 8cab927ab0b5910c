"""The courses of what the environment file names: a point every six hours, as the suite's own history has them."""

import math
from http import HTTPStatus

from checks.engine.environment.monitoring import Kept, Prometheus
from checks.engine.model import NotJudged
from checks.engine.probes.prometheus.query import now
from checks.engine.probes.watchers import Asker
from checks.engine.readings.prometheus import YOUNG
from checks.engine.readings.prometheus_history import Course, PrometheusCourses

STEP = 6 * 3600
POINTS = 30
PATH = "/api/v1/query_range"


def courses(asker: Asker, settings: Prometheus, uptime: float) -> PrometheusCourses | NotJudged:
    """Return each course up to now; Prometheus looks back five minutes from a point and no further."""
    if settings.history == ():
        return NotJudged("the environment file names nothing under [[prometheus.history]]")
    until = now()
    found = tuple(_course(asker, kept, until) for kept in settings.history)
    if uptime < YOUNG + settings.interval and any(course.series == 0 and course.problem == "" for course in found):
        return NotJudged(f"Prometheus started {uptime:.0f} s ago: its first scrapes are not in yet")
    return PrometheusCourses(courses=found, source=f"GET {PATH}", sampled_at=until)


def _course(asker: Asker, kept: Kept, until: float) -> Course:
    found = _range(asker, kept.expr, until, STEP, POINTS)
    if found is None:
        return Course(kept.check, kept.target, (), 0, problem="Prometheus cannot evaluate its expression")
    points = found[0] if len(found) == 1 else ()
    lately = [value for series in _range(asker, kept.expr, until, 60, 10) or () for _, value in series]
    ends = (min(lately), max(lately)) if lately and points else None
    return Course(kept.check, kept.target, points, len(found), ends)


def _range(
    asker: Asker, expr: str, until: float, step: float, count: int
) -> list[tuple[tuple[float, float], ...]] | None:
    """Return the points of each series of an expression that are numbers; None where it cannot be evaluated."""
    ends = {"start": f"{until - step * (count - 1):.3f}", "end": f"{until:.3f}", "step": f"{step:g}"}
    failed = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
    answer = asker.json_or_none(PATH, {"query": expr, **ends, "timeout": "5s"}, *failed)
    if answer is None:
        return None
    read = [[(float(moment), float(value)) for moment, value in one["values"]] for one in answer["data"]["result"]]
    return [tuple(point for point in points if math.isfinite(point[1])) for points in read]
