"""Capacity: the scaling triggers of the guide, as rows of thresholds.toml, and what a row cannot say."""

import pytest

from checks.engine.catalog import Row
from checks.engine.plugin.judged import Judge
from checks.engine.readings.redis import RedisMemory


def test_limit(threshold: Row, judged: Judge) -> None:
    """A reading is within the limits of its row in thresholds.toml."""
    judged.row(threshold)


@pytest.mark.guide("capacity.redis-memory")
@pytest.mark.profiles("nightly", "triage")
def test_capacity_redis_memory_limit(redis_memory: RedisMemory, judged: Judge) -> None:
    """Redis has a memory limit of its own, so that it evicts or refuses before the host kills it."""
    against = (f"its memory is judged against {redis_memory.limit_is}: {redis_memory.limit / 2**20:.0f} MiB",)
    if redis_memory.maxmemory == 0:
        judged.warning(
            "maxmemory is not set: Redis grows until the host kills it. Set maxmemory below the host's memory", against
        )
    if redis_memory.limit < redis_memory.maxmemory:
        judged.warning("maxmemory is more than its container has: it is killed before it evicts or refuses", against)
    judged.ok("maxmemory is set", against)
