"""The trend of a series by the slope of Theil and Sen, robust to outliers: pure, for checks and reports."""

import itertools
import statistics
from collections.abc import Sequence

from checks.engine.records import dataclass

Points = Sequence[tuple[float, float]]
MOST = 60


@dataclass(frozen=True, slots=True)
class Trend:
    """Units a second: the middle slope, the range of the middle half of all slopes, and the level at the last point."""

    slope: float
    low: float
    high: float
    level: float
    monotone: float


def pairwise_slopes(points: Points) -> list[float]:
    """Return the slope of every pair of points, ascending (Sen 1968); points at the same time have none."""
    pairs = itertools.combinations(points, 2)
    return sorted((later[1] - one[1]) / (later[0] - one[0]) for one, later in pairs if later[0] > one[0])


def thinned(points: Points, most: int = MOST) -> Points:
    """Return at most so many of the points, first and last included: the work grows with their square."""
    if len(points) <= most:
        return points
    return [points[round(i * (len(points) - 1) / (most - 1))] for i in range(most)]


def trend(points: Points) -> Trend | None:
    """Return the trend of points in time order; None where they are fewer than two."""
    course = thinned(points)
    slopes = pairwise_slopes(course)
    if slopes == []:
        return None
    slope = statistics.median(slopes)
    low, _, high = statistics.quantiles(slopes, n=4) if len(slopes) > 1 else (slope, slope, slope)
    end = course[-1][0]
    level = statistics.median(value + slope * (end - moment) for moment, value in course)
    same = sum(one * slope > 0 for one in slopes) / len(slopes)
    return Trend(slope, low, high, level, same)


def days_until(found: Trend, limit: float) -> tuple[float, float, float] | None:
    """Return (likely, earliest, latest) days until a rising trend meets `limit`; None where it does not rise to it."""
    if found.slope <= 0:
        return None
    left = limit - found.level
    if left <= 0:
        return (0.0, 0.0, 0.0)
    days = [left / slope / 86400 if slope > 0 else float("inf") for slope in (found.slope, found.high, found.low)]
    return (days[0], days[1], days[2])
