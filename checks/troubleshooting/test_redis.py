"""What makes Redis fail its clients: writes refused, locks evicted, memory wasted."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.redis import RedisClients, RedisFragmentation, RedisWrites

SMALL = 100 << 20  # bytes in use below which the allocator's own share makes every ratio meaningless
UNREAD = "count for min-replicas-to-write; how many it demands we may not read: set min_replicas under [redis]"


@pytest.mark.convergent
@pytest.mark.guide("health.redis")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_redis_takes_writes(redis_writes: RedisWrites, judged: Judge) -> None:
    """The server has room for a write, or may evict for it, and has the replicas without which it refuses."""
    if redis_writes.maxmemory > 0 and redis_writes.used >= redis_writes.maxmemory and redis_writes.evictable == 0:
        judged.critical(f"is full and may evict nothing ({redis_writes.policy}): it answers PING and refuses writes")
    good, due = redis_writes.good_replicas, redis_writes.min_replicas
    if good is not None and good < (1 if due is None else due):
        judged.critical("refuses writes, because the replicas that min-replicas-to-write demands are not there")
    if good is not None and due is None:
        judged.not_judged(f"{good} replicas {UNREAD}")
    judged.ok("has room for writes")


@pytest.mark.guide("troubleshooting.memory")
@pytest.mark.profiles("nightly")
def test_redis_fragmentation(redis_fragmentation: RedisFragmentation, judged: Judge) -> None:
    """The server's process takes little more memory than its data."""
    if redis_fragmentation.used < SMALL:
        judged.ok(f"holds {redis_fragmentation.used >> 20} MiB: too little for its fragmentation to mean anything")
        return
    if redis_fragmentation.ratio < 1:
        judged.critical("a part of its memory is swapped out: every access to that part waits for the disk")
    judged(
        redis_fragmentation.ratio,
        unit="times its data",
        subject="takes",
        reading=redis_fragmentation,
        above=(1.5, 3.0),
        evidence=(f"{redis_fragmentation.wasted >> 20} MiB are wasted",),
    )


@pytest.mark.guide("health.redis")
@pytest.mark.profiles("nightly", "triage")
def test_redis_clients(redis_clients: RedisClients, judged: Judge) -> None:
    """There is room for more clients."""
    if redis_clients.used_ratio is None:
        judged.not_judged(f"{redis_clients.connected} clients; Redis before 7.0 does not tell maxclients")
    judged(
        redis_clients.used_ratio * 100,
        unit="%",
        subject="clients",
        reading=redis_clients,
        above=(80, 90),
        evidence=(f"{redis_clients.connected} connected, {redis_clients.blocked} of them blocked",),
    )
