"""What is read of each Redis server."""

from checks.engine.model import Bytes, Count, NotJudged, PerSecond, Ratio, Reading, Seconds
from checks.engine.readings import derived, reading
from checks.engine.records import dataclass

SLOW_LOG = 128  # entries that it has room for where slowlog-max-len is not set, which nobody but an administrator reads


@reading("redis_connection", service="redis")
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisConnection(Reading):
    """Whether the server answers PING; `problem` is our word for why not."""

    reachable: bool
    problem: str = ""
    seconds: Seconds = 0.0


@reading("redis_server", service="redis")
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisServer(Reading):
    """INFO server, clients, replication and stats."""

    version: str
    role: str
    loading: bool
    uptime: Seconds
    connected_clients: Count
    ops_per_second: PerSecond


@reading("redis_memory", service="redis")
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisMemory(Reading):
    """INFO memory; `limit` is the smaller of maxmemory and the container's memory that the environment file tells.

    Where neither is set it is the memory that Redis sees, the host's. `limit_is` says which.
    """

    used: Bytes
    maxmemory: Bytes
    limit: Bytes
    limit_is: str
    used_ratio: Ratio
    policy: str


@reading("redis_fragmentation", service="redis")
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisFragmentation(Reading):
    """What the server's process takes beyond its data; a ratio says nothing of a server with little in it."""

    wasted: Bytes
    used: Bytes
    ratio: Ratio


@reading("redis_clients", service="redis", noisy=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisClients(Reading):
    """INFO clients against maxclients; `used_ratio` is None where the server (before 7.0) does not tell its limit."""

    used_ratio: Ratio | None
    connected: Count
    blocked: Count


@reading("redis_persistence", service="redis")
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisPersistence(Reading):
    """INFO persistence; `expected` is what the environment file says of it, `aof_failed` is either of its statuses.

    `saved`: since it was started; until then the server says of its start that it was the last save.
    """

    expected: bool
    save_failed: bool
    save_age: Seconds
    saved: bool
    changes: Count
    aof: bool
    aof_failed: bool


@reading("redis_replicas", service="redis")
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisReplicas(Reading):
    """The replicas that a master sees; `behind` is the longest time since one of them was heard of."""

    expected: Count
    online: Count
    connected: Count
    behind: Seconds


@reading("redis_writes", service="redis")
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisWrites(Reading):
    """What decides whether a write is taken: PING is answered by a server that takes none.

    `evictable` is how many keys the policy may evict; `good_replicas` how many count for min-replicas-to-write, None
    where that is not set; `min_replicas` what the environment file says that it demands.
    """

    used: Bytes
    maxmemory: Bytes
    policy: str
    evictable: Count
    good_replicas: Count | None
    min_replicas: Count | None


@reading("redis_counters", service="redis")
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisCounters(Reading):
    """Counters since start or CONFIG RESETSTAT; the refusals (errorstats, from 6.2 on) are None where not told."""

    port: int
    run_id: str
    evicted: Count
    rejected: Count
    refused: Count | None
    slow: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisWindow(Reading):
    """What the counters grew by since the sample before; `refused` are writes."""

    restarted: bool
    evicted: Count
    rejected: Count
    refused: Count
    over: Seconds


@derived("redis_window", base="redis_counters", apart=(1, 93600), type=RedisWindow)
def redis_window(earlier: RedisCounters, later: RedisCounters) -> RedisWindow | NotJudged:
    """Compute what happened between two samples; after a restart everything since then counts."""
    if earlier.port != later.port:
        return NotJudged("another server than at the last sample")
    restarted = earlier.run_id != later.run_id
    fell = later.evicted < earlier.evicted or later.rejected < earlier.rejected
    if not restarted and (fell or (later.refused or 0) < (earlier.refused or 0)):
        return NotJudged("the counters were reset between the two samples (CONFIG RESETSTAT)")
    before = None if restarted else earlier
    return RedisWindow(
        restarted=restarted,
        evicted=later.evicted - (before.evicted if before else 0),
        rejected=later.rejected - (before.rejected if before else 0),
        refused=(later.refused or 0) - ((before.refused or 0) if before else 0),
        over=later.sampled_at - earlier.sampled_at,
        source=later.source,
        sampled_at=later.sampled_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisSlow(Reading):
    """How many entries the slow log got since the sample before, at least: one that is full tells nothing any more."""

    commands: Count


@derived("redis_slow", base="redis_counters", apart=(1, 93600), type=RedisSlow)
def redis_slow(earlier: RedisCounters, later: RedisCounters) -> RedisSlow | NotJudged:
    """Compute what came to the slow log between two samples; after a restart or SLOWLOG RESET all in it counts."""
    if earlier.port != later.port:
        return NotJudged("another server than at the last sample")
    if later.slow == earlier.slow >= SLOW_LOG and earlier.run_id == later.run_id:
        return NotJudged(f"the slow log is full ({later.slow} entries): SLOWLOG RESET on the server empties it")
    anew = earlier.run_id != later.run_id or later.slow < earlier.slow
    commands = later.slow - (0 if anew else earlier.slow)
    return RedisSlow(commands=commands, source=later.source, sampled_at=later.sampled_at)


@reading("redis_exposure", service="redis")
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisExposure(Reading):
    """Whether the server does anything for somebody who gives no password.

    `admits`: it takes a stranger for a user, who may not do all that was tried.
    """

    open: bool
    admits: bool = False


@reading("redis_latency", service="redis", noisy=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisLatency(Reading):
    """Round trips of a few PINGs, one after another on one connection: the 90th percentile, the middle, the longest.

    LATENCY LATEST is not asked for: while latency-monitor-threshold is 0, as it is by default, it says nothing.
    """

    p90: Seconds
    median: Seconds
    longest: Seconds
    pings: Count


@reading("redis_lock", service="redis", requires=("redis.lock_key",))
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisLock(Reading):
    """The lock of the notifications' job: None where nobody holds it, infinite where it never expires."""

    expires_in: float | None


ASTRAY = "the database that the connection string names is empty, and another is not: is it the application's?"


@reading("redis_emergency", service="redis")
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisEmergency(Reading):
    """The signs of emergency mode that Redis holds, and until when (Unix time) it is on purpose.

    `astray`: the database that we ask holds no key at all, while another of the server does.
    """

    read_only: bool
    astray: bool = False
    policy: str
    expected_policy: str | None
    until: float | None


@reading("redis_keys", service="redis", deadline=125.0)
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisKeys(Reading):
    """Session keys without a time to live, by SCAN within the budget; of `keys` in all, `seen` were looked at."""

    keys: Count
    seen: Count
    sessions: Count
    without_ttl: Count
    complete: bool
    seconds: Seconds
