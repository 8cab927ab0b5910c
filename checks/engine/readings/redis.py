"""What is read of each Redis server."""

from dataclasses import dataclass

from checks.engine.model import Bytes, Count, PerSecond, Ratio, Reading, Seconds
from checks.engine.readings import reading


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
    """INFO memory; `limit` is maxmemory where it is set, else the memory of the container or host (`limit_is`)."""

    used: Bytes
    maxmemory: Bytes
    limit: Bytes
    limit_is: str
    used_ratio: Ratio
    policy: str
