"""Replication in depth: the stream from either side, conflicts on the standby, and what a standby needs to follow."""

from checks.engine.model import Bytes, Count, NotJudged, Ratio, Reading, Seconds
from checks.engine.readings import alias, derived, reading
from checks.engine.records import dataclass


@reading("postgresql_sent", service="postgresql", kinds=("primary",), noisy=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlSent(Reading):
    """The standby that is furthest behind in receiving, as the primary sees it; there is none where none is attached.

    `reply_age` grows without bound where the stream hangs while its state still says that it streams; `reply_ratio` is
    its share of wal_sender_timeout, 0 where that is off: the replica's side then still tells, and where that is off too
    only its lag as soon as anything is written.
    """

    unflushed: Bytes
    reply_age: Seconds
    reply_ratio: Ratio
    culprits: tuple[str, ...]


@reading("postgresql_received", service="postgresql", kinds=("replica",), noisy=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlReceived(Reading):
    """How long the replica has heard nothing, and what it has received and not replayed (catalogue PG19).

    `message_ratio` is the share of wal_receiver_timeout, 0 where that is off: the primary's side then still tells, and
    where that is off too only the lag as soon as anything is written.
    """

    message_age: Seconds
    message_ratio: Ratio
    apply_backlog: Bytes


@reading("postgresql_conflicts", service="postgresql", kinds=("replica",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlConflicts(Reading):
    """Queries on the replica that replay cancelled, since the statistics began (catalogue PG20).

    `databases` has `number name` of those where any was, for comparing.
    """

    cancelled: Count
    databases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlCancelled(Reading):
    """Queries that replay cancelled between two samples, an hour's worth where they lie further apart."""

    per_hour: Count
    culprits: tuple[str, ...] = ()


@derived("postgresql_cancelled", base="postgresql_conflicts", apart=(10.0, 7 * 86400.0), type=PostgresqlCancelled)
def cancelled(earlier: PostgresqlConflicts, later: PostgresqlConflicts) -> PostgresqlCancelled | NotJudged:
    """Return the cancellations of the time between; a smaller total means that the statistics were reset."""
    if later.cancelled < earlier.cancelled:
        return NotJudged("the statistics were reset since the last sample")
    before = {name: int(number) for number, name in (text.split(" ", 1) for text in earlier.databases)}
    now = {name: int(number) for number, name in (text.split(" ", 1) for text in later.databases)}
    grown = {name: number - before.get(name, 0) for name, number in now.items()}
    hours = max(1.0, (later.sampled_at - earlier.sampled_at) / 3600)
    return PostgresqlCancelled(
        per_hour=-(-(later.cancelled - earlier.cancelled) // round(hours)),
        culprits=tuple(f"{name}: {number} queries" for name, number in grown.items() if number > 0),
        source=later.source,
        sampled_at=later.sampled_at,
    )


@reading("postgresql_standby_settings", service="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlStandbySettings(Reading):
    """The settings that must be at least as high on a standby as on its primary, or replay stops."""

    max_connections: Count
    max_worker_processes: Count
    max_wal_senders: Count
    max_prepared_transactions: Count
    max_locks_per_transaction: Count


alias("primary_settings", of="postgresql_standby_settings", kinds=("primary",))
alias("replica_settings", of="postgresql_standby_settings", kinds=("replica",))


@reading("postgresql_unlogged", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlUnlogged(Reading):
    """Tables that are empty on a standby and after a crash (catalogue PG36), Minion's own two left out."""

    tables: Count
    culprits: tuple[str, ...]
