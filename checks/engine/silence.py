"""Whether a business figure is silent where it should not be: pure, called by the checks of the business figures.

The count of the newest hours is compared with the same hours of the same weekdays in the three weeks before. Expected
is the middle of the three, so that one holiday or one campaign among them does not count. The stretch of hours grows,
from six hours to a week, until enough is expected for silence to mean something: a night with few events never does.

A silence of weeks empties those weeks too. It is weighed against the days before it, of which the busiest does not
count: what was shown or tried on one day was never in use. So it stays silent until those days are older than what is
read.
"""

import math
import statistics
from collections.abc import Sequence

from checks.engine.records import dataclass

STRETCHES = (6, 24, 72, 168)
DAY, WEEK = 24, 168
WEEKS = 3
ENOUGH = 10.0  # events expected: of so many, none by chance once in twenty thousand times
RARE = 0.001


@dataclass(frozen=True, slots=True)
class Finding:
    """The judgement of one figure; `hours` is None where even a week expects too little.

    Where the silence has lasted for more than a week `hours` is how long, and `expected` is of one week before it.
    """

    hours: int | None
    now: int
    expected: float
    silent: bool
    low: bool


def weigh(hours: Sequence[int]) -> Finding:
    """Weigh the newest hours (newest first) against those of the three weeks before."""
    for stretch in STRETCHES:
        now = sum(hours[:stretch])
        earlier = [sum(hours[week * WEEK : week * WEEK + stretch]) for week in range(1, WEEKS + 1)]
        expected = float(statistics.median(earlier))
        if expected >= ENOUGH:
            low = now < expected / 2 and poisson_at_most(now, expected) < RARE
            return Finding(stretch, now, expected, silent=now == 0, low=low)
    before = _week_before(hours) if now == 0 else 0.0
    if before >= ENOUGH:
        return Finding(_quiet(hours), 0, before, silent=True, low=False)
    return Finding(None, now, expected, silent=False, low=False)


def _quiet(hours: Sequence[int]) -> int:
    return next((ago for ago, events in enumerate(hours) if events > 0), len(hours))


def _week_before(hours: Sequence[int]) -> float:
    """Return the events of a mean week before the silence, without the busiest day; 0 where they are too few to say."""
    days = [sum(hours[ago : ago + DAY]) for ago in range(_quiet(hours), len(hours) - DAY + 1, DAY)]
    usual = sum(days) - max(days, default=0)
    return usual / (len(days) - 1) * WEEK / DAY if usual >= ENOUGH else 0.0


def poisson_at_most(count: int, mean: float) -> float:
    """Return how likely so few or fewer events are where `mean` are expected and each is independent of the rest."""
    log_term, total = -mean, 0.0
    for number in range(count + 1):
        total += math.exp(log_term)
        log_term += math.log(mean) - math.log(number + 1)
    return min(1.0, total)
