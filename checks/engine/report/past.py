"""What is known of a check from earlier runs; the history store fills it in, the reports show it."""

from checks.engine.model import Result, State
from checks.engine.records import dataclass
from checks.engine.report.findings import ALARMS


@dataclass(frozen=True, slots=True)
class Forecast:
    """A limit that is about to be met: which, in words with its unit, and in how many days.

    `days` are the likely ones, `earliest` and `latest` those of the middle half of all slopes.
    """

    limit: str
    days: float
    earliest: float
    latest: float


@dataclass(frozen=True, slots=True)
class Past:
    """One check on one target over the runs so far, the run at hand included.

    It has been in its state since Unix time `since`, for `runs` runs; `before` is the state before that, None when it
    was never seen. `values` are its readings, oldest first; over the last `seen` runs it changed state `changes` times.
    """

    since: float
    runs: int
    before: State | None = None
    values: tuple[float, ...] = ()
    changes: int = 0
    seen: int = 1
    forecast: Forecast | None = None

    @property
    def is_new(self) -> bool:
        """Whether this run is the first in this state."""
        return self.runs == 1


def recovered(result: Result, past: Past | None) -> bool:
    """Whether a result is OK now and was a finding in the run before."""
    return result.state is State.OK and past is not None and past.is_new and past.before in ALARMS
