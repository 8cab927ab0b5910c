"""When things happen: a pure function of absolute time, so that history can be continued at any later moment.

A stream's events within an hour follow from the stream's name and the hour alone. Two hours written one after the
other are the same rows as both written at once; a cached lab is made fresh by writing the hours since.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from time import gmtime
from zlib import crc32

HOUR = 3600
DAY = 24 * HOUR
MONTH = 30.44 * DAY

# Shares of a day by the hour in São Paulo (UTC-3, no summer time) and of a week by the day from Monday on; mean near 1.
_BY_HOUR = (0.5, 0.3, 0.2, 0.2, 0.2, 0.3, 0.5, 0.8, 1.1, 1.3, 1.4, 1.3,
            1.3, 1.4, 1.4, 1.3, 1.2, 1.2, 1.3, 1.5, 1.7, 1.7, 1.4, 0.9)  # fmt: skip
_BY_WEEKDAY = (1.1, 1.0, 1.0, 1.0, 1.1, 0.9, 0.9)


@dataclass(frozen=True, slots=True)
class Stream:
    """Events of one kind: how many a day at the history's beginning, and how many `days` the history goes back.

    `settle` is how many seconds after its moment an event stands as it is written: a sent mail, a finished job.
    """

    name: str
    per_day: float
    days: float = 180.0
    monthly_growth: float = 0.03
    settle: float = 0.0


def moments(stream: Stream, origin: float, start: float, end: float) -> Iterator[tuple[float, Random]]:
    """Yield each event's time (epoch seconds, start < time + settle <= end), ascending, with a generator of its own."""
    start, end = start - stream.settle, end - stream.settle
    for hour in range(int(start // HOUR), int(end // HOUR) + 1):
        local = gmtime(hour * HOUR - 3 * HOUR)
        growth = (1 + stream.monthly_growth) ** max(0.0, (hour * HOUR - origin) / MONTH)
        due = stream.per_day / 24 * _BY_HOUR[local.tm_hour] * _BY_WEEKDAY[local.tm_wday] * growth
        count = int(due + _share(f"{stream.name} {hour}"))
        times = sorted((hour + _share(f"{number} {hour} {stream.name}")) * HOUR for number in range(count))
        for number, moment in enumerate(times):
            if start < moment <= end:
                yield moment, Random(f"{stream.name} {hour} {number}")


def _share(text: str) -> float:
    """Return a number in [0, 1) that follows from `text`; a checksum, as a generator costs ten times that to set up."""
    return crc32(text.encode()) / 2**32
