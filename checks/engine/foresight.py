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
    """Return the courses of what the checks read themselves, by key, and the run with a WARNING where one is not.

    What a check read lies within what Prometheus saw in the last minutes, give or take half of it, or a tenth of the
    limit.
    """
    results = {result.key: result for result in run.results}
    kept: dict[str, Points] = {}
    wrong = []
    for course in courses:
        result = results.get(course.key)
        value = None if result is None or result.measure is None else result.measure.value
        if result is None or result.limits is None or not isinstance(value, (int, float)) or course.points == ():
            continue
        newest = course.points[-1][1]
        low, high = course.lately or (newest, newest)
        slack = _slack(value, result.limits)
        if low - slack <= value <= high + slack:
            kept[course.key] = course.points
        else:
            wrong.append(f"{course.key}: Prometheus says {newest:g}, we read {value:g} {result.limits.unit}")
    return (run if wrong == [] else _doubted(run, tuple(wrong))), kept


def _slack(value: float, limits: Limits) -> float:
    bounds = [bound for bound in (limits.above, limits.below) if bound is not None]
    ends = [abs(end) for bound in bounds for end in (bound.warning, bound.critical) if end is not None]
    return max(_ALIKE * abs(value), _NEAR * max(ends, default=0.0))


def _doubted(run: Run, wrong: tuple[str, ...]) -> Run:
    text = f"histories that are not of what the checks read: {len(wrong)}"

    def of(result: Result) -> Result:
        if result.id != KEPT or result.state not in {State.OK, State.WARNING}:
            return result
        if result.state is State.WARNING:
            return replace(result, message=f"{result.message}; {text}", evidence=(*result.evidence, *wrong))
        message = f"{result.message.partition(': ')[0]}: {text}"
        return replace(result, state=State.WARNING, message=message, evidence=wrong)

    results = tuple(of(result) for result in run.results)
    return replace(run, results=results, verdict=overall(results, complete=run.complete))
