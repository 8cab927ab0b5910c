"""Turns a forecast into a WARNING: a limit that is about to be met, said while there is time to plan. Pure.

Called by the plugin when a run is over, with what the history foresees; never makes a CRITICAL.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from checks.engine.model import Limits, Result, Run, State
from checks.engine.readings.prometheus_history import Course
from checks.engine.report.findings import overall
from checks.engine.report.past import Forecast

KEPT = "metrics-history-kept"  # the check of the courses
_ALIKE = 0.5  # share of the value that two readings of one figure, minutes apart, may differ by
_NEAR = 0.1  # or share of its limit: what is far from it is not worth a word

Points = Sequence[tuple[float, float]]


def warned(run: Run, forecasts: Mapping[str, Forecast], days: float) -> Run:
    """Return the run with a WARNING for each OK result, by its key, that meets its limit in fewer than so many days."""
    results = tuple(_warned(result, forecasts.get(result.key), days) for result in run.results)
    return replace(run, results=results, verdict=overall(results, complete=run.complete))


def _warned(result: Result, found: Forecast | None, days: float) -> Result:
    if found is None or result.state is not State.OK or found.days >= days:
        return result
    soon = max(round(found.days), 1)
    when = f"{soon} {'day' if soon == 1 else 'days'} ({found.earliest:.0f} to {found.latest:.0f})"
    text = f"{result.message}, {found.limit} in about {when} as it grows now"
    return replace(result, state=State.WARNING, message=text)


def usable(run: Run, courses: Iterable[Course]) -> tuple[Run, dict[str, Points]]:
    """Return the courses of what the checks read themselves, by key, and the run with a WARNING where one is not."""
    results = {result.key: result for result in run.results}
    kept: dict[str, Points] = {}
    wrong = []
    for course in courses:
        result = results.get(course.key)
        value = None if result is None or result.measure is None else result.measure.value
        if result is None or result.limits is None or not isinstance(value, (int, float)) or course.points == ():
            continue
        if _alike(course.points[-1][1], value, result.limits):
            kept[course.key] = course.points
        else:
            wrong.append(
                f"{course.key}: Prometheus says {course.points[-1][1]:g}, we read {value:g} {result.limits.unit}"
            )
    return (run if wrong == [] else _doubted(run, tuple(wrong))), kept


def _alike(claimed: float, value: float, limits: Limits) -> bool:
    bounds = [bound for bound in (limits.above, limits.below) if bound is not None]
    ends = [abs(end) for bound in bounds for end in (bound.warning, bound.critical) if end is not None]
    return abs(claimed - value) <= max(_ALIKE * abs(value), _NEAR * max(ends, default=0.0))


def _doubted(run: Run, wrong: tuple[str, ...]) -> Run:
    text = f"histories that are not of what the checks read: {len(wrong)}"

    def of(result: Result) -> Result:
        if result.id != KEPT or result.state is not State.OK:
            return result
        message = f"{result.message.partition(': ')[0]}: {text}"
        return replace(result, state=State.WARNING, message=message, evidence=wrong)

    results = tuple(of(result) for result in run.results)
    return replace(run, results=results, verdict=overall(results, complete=run.complete))
