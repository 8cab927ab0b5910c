"""The instance's own request counters: what the guide's middleware would keep, and a minute to look back on."""

import time
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from threading import Lock

from lab.api.wire import SERVER_ERROR

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)
_MINUTE = 60.0


@dataclass(slots=True)
class Series:
    """Requests of one method, endpoint and status: how many in each bucket (the last is +Inf), and seconds."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0

    @property
    def requests(self) -> int:
        """How many there were."""
        return sum(self.buckets)


@dataclass(frozen=True, slots=True)
class Recent:
    """The last minute: requests, mean seconds, share answered 5xx; zeros where there was none."""

    requests: int
    mean_seconds: float
    error_ratio: float


class Counters:
    """All that was counted since the process started; several threads count at once."""

    def __init__(self) -> None:
        self.started = time.time()
        self.active = 0
        self._series: dict[tuple[str, str, int], Series] = {}
        self._recent: deque[tuple[float, float, bool]] = deque()
        self._lock = Lock()

    def begin(self) -> None:
        """Count a request that is being answered."""
        with self._lock:
            self.active += 1

    def end(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Count the request as answered."""
        with self._lock:
            self.active -= 1
            series = self._series.setdefault((method, endpoint, status), Series())
            series.buckets[bisect_left(BUCKETS, seconds)] += 1
            series.seconds += seconds
            self._recent.append((time.monotonic(), seconds, status >= SERVER_ERROR))
            self._forget()

    def recent(self) -> Recent:
        """Return what the last minute was like."""
        with self._lock:
            self._forget()
            requests = len(self._recent)
            if requests == 0:
                return Recent(0, 0.0, 0.0)
            seconds = sum(entry[1] for entry in self._recent)
            errors = sum(entry[2] for entry in self._recent)
            return Recent(requests, seconds / requests, errors / requests)

    def series(self) -> list[tuple[tuple[str, str, int], Series]]:
        """Return a copy of all series, in the order of their labels."""
        with self._lock:
            return [(key, Series(list(s.buckets), s.seconds)) for key, s in sorted(self._series.items())]

    def _forget(self) -> None:
        oldest = time.monotonic() - _MINUTE
        while self._recent and self._recent[0][0] < oldest:
            self._recent.popleft()
