"""Whether the figures of /health/detailed are those that we read ourselves: pure, called by the API's check.

Four of the guide's twelve are not compared, because nothing that we read is of the same time and measure: how many
queries are slow (the guide says neither since when nor from which duration on), and requests, response time and errors
of an instance's last minute (/metrics counts since its start, and is read a second time half a minute later at least).
What they are about is judged by what we read: statements-slow, capacity-api-response-time, metrics-server-errors.
"""

from collections.abc import Mapping

from checks.engine.readings.minion import MinionQueue
from checks.engine.readings.postgresql import PostgresqlConnections, PostgresqlStandbys
from checks.engine.readings.redis import RedisMemory, RedisServer
from checks.engine.records import dataclass


@dataclass(frozen=True, slots=True)
class Direct:
    """A figure as we read it: from `low` to `high`, give or take `share` of it and at least `least`."""

    low: float
    high: float
    share: float
    least: float

    def holds(self, claimed: float) -> bool:
        """Whether the claim lies within the tolerance, its ends included."""
        return self.low - self._slack(self.low) <= claimed <= self.high + self._slack(self.high)

    def _slack(self, value: float) -> float:
        return max(self.least, self.share * abs(value))


def direct_figures(
    connections: PostgresqlConnections,
    standbys: PostgresqlStandbys,
    server: RedisServer,
    memory: RedisMemory,
    queue: MinionQueue,
) -> dict[str, Direct]:
    """Return what there is to compare with; the tolerances are for two readings some seconds apart.

    A claim of workers may count all or the busy ones, one of the queue the delayed jobs or not: both are right.
    """
    lag = max((standby.replay_lag or 0.0 for standby in standbys.standbys), default=0.0)
    return {
        "database.connections": Direct(connections.used, connections.used, 0.3, 15),
        "database.replication_lag": Direct(0.0, lag, 0.5, 10),
        "redis.memory_used": Direct(memory.used, memory.used, 0.25, 8 << 20),
        "redis.connected_clients": Direct(server.connected_clients, server.connected_clients, 0.5, 20),
        "redis.ops_per_sec": Direct(0.0, server.ops_per_second, 3.0, 500),
        "minion.active_workers": Direct(0, queue.workers, 0.25, 1),
        "minion.job_queue_size": Direct(queue.ready, queue.inactive, 0.25, 25),
        "minion.failed_jobs": Direct(queue.failed, queue.failed, 0.1, 10),
    }


def disagreements(claims: Mapping[str, float], direct: Mapping[str, Direct]) -> tuple[tuple[str, ...], int]:
    """Return one line for each claim outside its tolerance, and how many claims could be compared."""
    compared = [(name, claims[name], found) for name, found in direct.items() if name in claims]
    return tuple(
        f"{name}: it says {claimed:g}, we read {found.low:g}"
        + (f" to {found.high:g}" if found.high != found.low else "")
        for name, claimed, found in compared
        if not found.holds(claimed)
    ), len(compared)


def uncompared(claims: Mapping[str, float], direct: Mapping[str, Direct]) -> tuple[str, ...]:
    """Return one line that names the claims with which there is nothing to compare; none where there are none."""
    left = sorted(claims.keys() - direct.keys())
    return (
        (f"not compared, for nothing that we read is of the same time and measure: {', '.join(left)}",) if left else ()
    )
