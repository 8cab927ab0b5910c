"""The stretch of history that is being written, and the rows that come of it. Called by `history`."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from lab.seed.rhythm import DAY, Stream, moments


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table, in the order of `columns`: their names, a space between."""

    table: str
    columns: str
    rows: Iterable[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Media:
    """One media object: what the bucket must hold for a row of media_upload, and since when (epoch seconds)."""

    key: str
    body: bytes
    uploaded: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """History after `start` up to `end` (epoch seconds); `last` holds the last id of each table, counted on here.

    `joined` are the times at which the clients of this window signed up: `people` were there before.
    """

    origin: float
    start: float
    end: float
    now: float
    flavour: str
    media_url: str
    media_key_id: str
    last: dict[str, int]
    people: int
    joined: list[float] = field(default_factory=list)
    media: list[Media] = field(default_factory=list)

    def moments(self, stream: Stream) -> Iterator[tuple[float, Random]]:
        """Yield the events of `stream` in this window."""
        start = max(self.start, self.now - stream.days * DAY)
        return moments(stream, self.origin, start, self.end)

    def next_id(self, table: str) -> int:
        """Return the next id of `table`."""
        self.last[table] = self.last.get(table, 0) + 1
        return self.last[table]

    def client(self, rng: Random, moment: float) -> int:
        """Return the id of someone who had signed up by `moment`; there is at least one."""
        return rng.randint(1, max(1, self.people + bisect_right(self.joined, moment)))


def at(moment: float) -> datetime:
    """Return epoch seconds as the time that a timestamptz column takes."""
    return datetime.fromtimestamp(moment, UTC)
