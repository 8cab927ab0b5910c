"""Counters of all databases, which only grow, and what they grew by between two samples."""

from collections.abc import Iterator

from checks.engine.model import Bytes, Count, NotJudged, PerSecond, Ratio, Reading
from checks.engine.readings import derived, reading
from checks.engine.records import dataclass

RESET = "the statistics were reset since the last sample, or it is another server"
APART = (10.0, 7 * 86400.0)
FEWEST_BLOCKS = 250_000  # from which a hit ratio says something
TEMPORARY_WINDOW = 300.0  # seconds that a rate of temporary files is shown for


@reading("postgresql_counters", service="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlCounters(Reading):
    """Sums over all databases since the statistics began (catalogue PG43); `reset` changes when they begin anew.

    `databases` has `deadlocks bytes name` of those that have any, for comparing.
    """

    deadlocks: Count
    temporary: Bytes
    blocks_hit: Count
    blocks_read: Count
    reset: str
    in_recovery: bool
    databases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlRates(Reading):
    """Deadlocks a second, and temporary files in bytes each five minutes, between two samples, and whose they are."""

    deadlocks: PerSecond
    temporary: Bytes
    culprits: tuple[str, ...] = ()


@derived("postgresql_rates", base="postgresql_counters", apart=APART, type=PostgresqlRates)
def rates(earlier: PostgresqlCounters, later: PostgresqlCounters) -> PostgresqlRates | NotJudged:
    """Return the rates of the time between two samples."""
    if _was_reset(earlier, later):
        return NotJudged(RESET)
    seconds = later.sampled_at - earlier.sampled_at
    return PostgresqlRates(
        deadlocks=(later.deadlocks - earlier.deadlocks) / seconds,
        temporary=round((later.temporary - earlier.temporary) / max(seconds, TEMPORARY_WINDOW) * TEMPORARY_WINDOW),
        culprits=tuple(_grown(earlier, later)),
        source=later.source,
        sampled_at=later.sampled_at,
    )


def _grown(earlier: PostgresqlCounters, later: PostgresqlCounters) -> Iterator[str]:
    """Yield what came to each database between two samples."""
    before = dict(map(_parts, earlier.databases))
    for name, (deadlocks, size) in map(_parts, later.databases):
        old_deadlocks, old_size = before.get(name, (0, 0))
        if deadlocks > old_deadlocks or size > old_size:
            files = f"{(size - old_size) / 2**20:.0f} MiB of temporary files"
            yield f"{name}: {deadlocks - old_deadlocks} deadlocks, {files}"


def _parts(text: str) -> tuple[str, tuple[int, int]]:
    deadlocks, size, name = text.split(" ", 2)
    return name, (int(deadlocks), int(size))


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlCache(Reading):
    """The share of blocks that were found in shared_buffers between two samples."""

    hit_ratio: Ratio
    blocks: Count


@derived("postgresql_cache", base="postgresql_counters", apart=APART, type=PostgresqlCache)
def cache(earlier: PostgresqlCounters, later: PostgresqlCounters) -> PostgresqlCache | NotJudged:
    """Return the hit ratio of the time between two samples; of few blocks there is none."""
    if _was_reset(earlier, later):
        return NotJudged(RESET)
    hit, read = later.blocks_hit - earlier.blocks_hit, later.blocks_read - earlier.blocks_read
    if hit + read < FEWEST_BLOCKS:
        return NotJudged(f"{hit + read} blocks were asked for since the last sample: too few to judge by")
    return PostgresqlCache(
        hit_ratio=hit / (hit + read), blocks=hit + read, source=later.source, sampled_at=later.sampled_at
    )


def _was_reset(earlier: PostgresqlCounters, later: PostgresqlCounters) -> bool:
    fell = any(
        getattr(later, name) < getattr(earlier, name)
        for name in ("deadlocks", "temporary", "blocks_hit", "blocks_read")
    )
    return fell or later.reset != earlier.reset or later.in_recovery != earlier.in_recovery
