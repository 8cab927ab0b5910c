"""What a PostgreSQL server has left: limits of roles and databases, replication slots, and its size."""

from checks.engine.model import Bytes, NotJudged, Ratio, Reading, Seconds
from checks.engine.readings import derived, reading
from checks.engine.readings.postgresql import PostgresqlServer
from checks.engine.records import dataclass

DAY = 86400.0


@reading("postgresql_limits", service="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlLimits(Reading):
    """The role or database nearest to its own connection limit (catalogue PG04), our own role left out."""

    used_ratio: Ratio
    culprits: tuple[str, ...]


@reading("postgresql_headroom", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlHeadroom(Reading):
    """How much is taken of what a new standby needs (catalogue PG22)."""

    senders_ratio: Ratio
    slots_ratio: Ratio


@reading("postgresql_size", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlSize(Reading):
    """What all databases of the server take on disk (catalogue PG45)."""

    bytes: Bytes
    culprits: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlStarted(Reading):
    """Whether the server was started anew between two samples, and how long ago."""

    restarted: bool
    uptime: Seconds


@derived("postgresql_started", base="postgresql_server", apart=(10.0, 7 * DAY), type=PostgresqlStarted)
def started(earlier: PostgresqlServer, later: PostgresqlServer) -> PostgresqlStarted | NotJudged:
    """Return whether the later start is another one, by the server's own word of when it was."""
    if earlier.in_recovery != later.in_recovery:
        return NotJudged("another server than at the last sample, or one of another role")
    if earlier.started is None or later.started is None:
        return NotJudged("the last sample does not tell when the server was started")
    tolerance = 2.0  # between the start of the postmaster and of the checkpointer, which not every role may see
    return PostgresqlStarted(
        restarted=later.started > earlier.started + tolerance,
        uptime=later.uptime,
        source=later.source,
        sampled_at=later.sampled_at,
    )
