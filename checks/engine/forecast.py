"""When a reading will meet its limit: a robust slope, and silence where there is no trend to speak of.

Pure. Called by the history for each reading that has a limit; what it says is shown, and never makes a CRITICAL.
"""

import bisect
import itertools
import statistics
from collections.abc import Sequence

from checks.engine.model import Limits
from checks.engine.report.past import Forecast
from checks.engine.trend import pairwise_slopes, thinned

FEWEST = 7
SHORTEST = 3 * 86400.0
LONGEST_DAYS = 365.0
_MOST = 16
_REACH = 4.0  # nothing is said further ahead than this many times the time looked at
_MONOTONE = 0.8  # share of the pairs that go the way of the slope: Kendall's tau of 0.6 or more
_RESET = 0.5  # a fall against the trend by more than this share of the range: what lies before it is another story


def forecast(points: Sequence[tuple[float, float]], limits: Limits) -> Forecast | None:
    """Return when the (Unix time, value) points, in time order, meet their limit; None when that cannot be said.

    The slope is that of Theil and Sen, the median over all pairs, so that single outliers do not move it (Sen 1968);
    the range is that of its quartiles.
    """
    course = thinned(_since_reset(points), _MOST)
    if len(course) < FEWEST or course[-1][0] - course[0][0] < SHORTEST:
        return None
    values = [value for _, value in course]
    if not within_reach(values[-1], max(values) - min(values), limits):
        return None
    slopes = pairwise_slopes(course)
    slope = statistics.median(slopes)
    with_it = len(slopes) - bisect.bisect_right(slopes, 0) if slope > 0 else bisect.bisect_left(slopes, 0)
    if slope == 0 or with_it < _MONOTONE * len(slopes):
        return None
    limit = _next_limit(limits, slope)
    now = course[-1][0]
    level = statistics.median(value + slope * (now - moment) for moment, value in course)
    low, _, high = statistics.quantiles(slopes, n=4)
    if (
        limit is None
        or low * high <= 0
        or (limit - max(level, course[-1][1], key=lambda value: value * slope)) * slope <= 0
    ):
        return None
    days = (limit - level) / slope / 86400
    earliest, latest = sorted((limit - level) / quartile / 86400 for quartile in (low, high))
    reach = _REACH * (now - course[0][0]) / 86400
    if days > min(reach, LONGEST_DAYS):
        return None
    return Forecast(f"{limit:g} {limits.unit}".rstrip(), days, earliest, latest)


def _since_reset(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Return the points after the last sharp turn back: a clean-up, a new disk, a restart."""
    if len(points) < FEWEST:
        return points
    values = [value for _, value in points]
    sharp = _RESET * (max(values) - min(values))
    steps = [later - earlier for earlier, later in itertools.pairwise(values)]
    rising = sum(step > 0 for step in steps) >= sum(step < 0 for step in steps)
    turns = [i for i, step in enumerate(steps) if (-step if rising else step) > sharp]
    return points[turns[-1] + 1 :] if turns else points


def within_reach(value: float, spread: float, limits: Limits) -> bool:
    """Whether a value that moved by `spread` may meet a limit: a shortcut, because most never come near theirs."""
    far = (_REACH + 1) * spread
    ends = (_next_limit(limits, 1), _next_limit(limits, -1))
    return any(limit is not None and abs(limit - value) <= far for limit in ends)


def _next_limit(limits: Limits, slope: float) -> float | None:
    bound = limits.above if slope > 0 else limits.below
    if bound is None:
        return None
    return bound.critical if bound.critical is not None else bound.warning
