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
    query = {
        "query": kept.expr,
        "start": f"{until - STEP * (POINTS - 1):.3f}",
        "end": f"{until:.3f}",
        "step": str(STEP),
    }
    answer = asker.json_or_none(
        PATH, {**query, "timeout": "5s"}, HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY
    )
    if answer is None:
        return Course(kept.check, kept.target, (), 0, "Prometheus cannot evaluate its expression")
    series = answer["data"]["result"]
    values = [(float(moment), float(value)) for one in series for moment, value in one["values"]]
    points = tuple(point for point in values if math.isfinite(point[1]))
    return Course(kept.check, kept.target, points if len(series) == 1 else (), len(series))
