"""INFO -> readings: pure, called by the probe of Redis. What a version lacks is said, never taken for 0."""

import re
import time
from collections.abc import Callable, Mapping

from checks.engine.environment.operations import Redis
from checks.engine.model import ProbeError, Reading, Reason
from checks.engine.readings.redis import (
    RedisClients,
    RedisCounters,
    RedisFragmentation,
    RedisMemory,
    RedisPersistence,
    RedisReplicas,
    RedisServer,
    RedisWrites,
)

Fields = Mapping[str, str]
_ERRORS_SINCE = (6, 2)
_CLOCK = "server_time_usec"
_AT_START = 2.0  # seconds: both times are whole ones
_GOOD = "min_slaves_good_slaves"
_REFUSALS = ("OOM", "MISCONF", "NOREPLICAS", "READONLY")
_IS_DATABASE = re.compile(r"db\d+")
_DATABASE = re.compile(r"keys=(\d+),expires=(\d+)")
_REPLICA = re.compile(r"state=(\w+),.*\blag=(-?\d+)")


def fields_of(info: bytes) -> dict[str, str]:
    """Return INFO's lines by name."""
    lines = info.decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))


def due(fields: Fields, name: str) -> str:
    """Return a field; ProbeError where INFO does not have it."""
    value = fields.get(name, "")
    if value == "":
        raise ProbeError(Reason.NO_DATA, f"INFO has no {name}", "See whether a proxy or a rename hides it.")
    return value


def number(fields: Fields, name: str) -> int:
    """Return a field as a whole number."""
    try:
        return int(due(fields, name))
    except ValueError:
        raise ProbeError(Reason.PROTOCOL, f"INFO has no number for {name}") from None


def elsewhere(fields: Fields, database: int) -> bool:
    """Whether a database holds no key while another of the server does."""
    filled = {name for name in fields if _IS_DATABASE.fullmatch(name)}
    return filled != set() and f"db{database}" not in filled


def server(fields: Fields, _: Redis) -> Reading:
    """Return version, role and load."""
    return RedisServer(
        version=due(fields, "redis_version"),
        role=due(fields, "role"),
        loading=due(fields, "loading") != "0",
        uptime=number(fields, "uptime_in_seconds"),
        connected_clients=number(fields, "connected_clients"),
        ops_per_second=number(fields, "instantaneous_ops_per_sec"),
        source="INFO",
        sampled_at=time.time(),
    )


def memory(fields: Fields, settings: Redis) -> Reading:
    """Return what is used of maxmemory or of the container, whichever is met first; of the host where neither is told.

    Against anything but maxmemory counts what the process takes, as whoever kills it counts.
    """
    used, maxmemory = number(fields, "used_memory"), number(fields, "maxmemory")
    limits = [(maxmemory, "maxmemory")] if maxmemory > 0 else []
    if settings.memory_bytes is not None:
        limits.append((settings.memory_bytes, "memory_bytes of the environment file"))
    if limits == []:
        limits = [(number(fields, "total_system_memory"), "the host's memory, because maxmemory is not set")]
    limit, limit_is = min(limits)
    if limit <= 0:
        raise ProbeError(Reason.NO_DATA, "neither maxmemory nor the host's memory is known", "Set maxmemory.")
    taken = used if limit == maxmemory else max(used, number(fields, "used_memory_rss"))
    return RedisMemory(
        used=used,
        maxmemory=maxmemory,
        limit=limit,
        limit_is=limit_is,
        used_ratio=taken / limit,
        policy=due(fields, "maxmemory_policy"),
        source="INFO memory",
        sampled_at=time.time(),
    )


def _fragmentation(fields: Fields, _: Redis) -> Reading:
    used, resident = number(fields, "used_memory"), number(fields, "used_memory_rss")
    return RedisFragmentation(
        wasted=max(0, resident - used),
        used=used,
        ratio=resident / used if used > 0 else 1.0,
        source="INFO memory",
        sampled_at=time.time(),
    )


def _clients(fields: Fields, _: Redis) -> Reading:
    connected = number(fields, "connected_clients")
    return RedisClients(
        used_ratio=connected / number(fields, "maxclients") if "maxclients" in fields else None,
        connected=connected,
        blocked=number(fields, "blocked_clients"),
        source="INFO clients",
        sampled_at=time.time(),
    )


def _persistence(fields: Fields, settings: Redis) -> Reading:
    aof = due(fields, "aof_enabled") != "0"
    statuses = [fields.get(name, "ok") for name in ("aof_last_write_status", "aof_last_bgrewrite_status")]
    now = number(fields, _CLOCK) / 1e6 if _CLOCK in fields else time.time()
    last = number(fields, "rdb_last_save_time")
    return RedisPersistence(
        expected=settings.persistent,
        save_failed=due(fields, "rdb_last_bgsave_status") != "ok",
        save_age=max(0.0, now - last),
        saved=last - (now - number(fields, "uptime_in_seconds")) > _AT_START,
        changes=number(fields, "rdb_changes_since_last_save"),
        aof=aof,
        aof_failed=aof and statuses != ["ok", "ok"],
        source="INFO persistence",
        sampled_at=time.time(),
    )


def _replicas(fields: Fields, settings: Redis) -> Reading:
    found = [m for name, text in fields.items() if re.fullmatch(r"slave\d+", name) and (m := _REPLICA.search(text))]
    return RedisReplicas(
        expected=settings.replicas,
        online=sum(replica[1] == "online" for replica in found),
        connected=number(fields, "connected_slaves"),
        # -1 is a replica that was never heard of
        behind=max((float(replica[2]) for replica in found), default=0.0),
        source="INFO replication",
        sampled_at=time.time(),
    )


def _writes(fields: Fields, settings: Redis) -> Reading:
    policy = due(fields, "maxmemory_policy")
    databases = [m for name, text in fields.items() if _IS_DATABASE.fullmatch(name) and (m := _DATABASE.match(text))]
    wanted = {"allkeys": 1, "volatile": 2}.get(policy.partition("-")[0])
    return RedisWrites(
        used=number(fields, "used_memory"),
        maxmemory=number(fields, "maxmemory"),
        policy=policy,
        evictable=0 if wanted is None else sum(int(database[wanted]) for database in databases),
        # told only where min-replicas-to-write is set; how many it demands is not
        good_replicas=number(fields, _GOOD) if _GOOD in fields else None,
        min_replicas=settings.min_replicas,
        source="INFO",
        sampled_at=time.time(),
    )


def refused(fields: Fields) -> int | None:
    """Return how many commands were refused for want of memory, a save, replicas, a master; None before 6.2."""
    version = tuple(int(part) for part in re.findall(r"\d+", due(fields, "redis_version"))[:2])
    if version < _ERRORS_SINCE:
        return None
    counts = [re.match(r"count=(\d+)", fields.get(f"errorstat_{name}", "count=0")) for name in _REFUSALS]
    return sum(int(count[1]) for count in counts if count is not None)


def counters(fields: Fields, slow: int) -> Reading:
    """Return the counters; `slow` is the length of the slow log, which the server itself bounds."""
    return RedisCounters(
        port=number(fields, "tcp_port"),
        run_id=due(fields, "run_id"),
        evicted=number(fields, "evicted_keys"),
        rejected=number(fields, "rejected_connections"),
        refused=refused(fields),
        slow=slow,
        source="INFO, SLOWLOG LEN",
        sampled_at=time.time(),
    )


FROM_INFO: dict[str, Callable[[Fields, Redis], Reading]] = {
    "redis_server": server,
    "redis_memory": memory,
    "redis_fragmentation": _fragmentation,
    "redis_clients": _clients,
    "redis_persistence": _persistence,
    "redis_replicas": _replicas,
    "redis_writes": _writes,
}
