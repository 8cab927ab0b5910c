"""What sessions do at this moment: how long, for whom others wait, and what holds back the vacuum."""

from checks.engine.model import Count, Reading, Seconds
from checks.engine.readings import reading
from checks.engine.records import dataclass


@reading("postgresql_transactions", service="postgresql", noisy=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlTransactions(Reading):
    """The longest idle transaction, transaction and query of clients (catalogue PG05 to PG07), 0 where there is none.

    Dumps and what the server reports progress of (VACUUM, CREATE INDEX, COPY, ...) are named and not counted.
    """

    idle_in_transaction: Seconds
    oldest: Seconds
    query: Seconds
    culprits: tuple[str, ...]


@reading("postgresql_blocked", service="postgresql", noisy=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlBlocked(Reading):
    """Sessions that wait for a lock, and for whom (catalogue PG08).

    A build CONCURRENTLY that waits for older transactions blocks nobody: it is named and not counted.
    """

    sessions: Count
    longest: Seconds
    culprits: tuple[str, ...]


@reading("postgresql_prepared", service="postgresql", kinds=("primary",), noisy=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlPrepared(Reading):
    """Prepared transactions, which hold locks and row versions until somebody ends them (catalogue PG10)."""

    transactions: Count
    oldest: Seconds
    culprits: tuple[str, ...]


@reading("postgresql_horizon", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlHorizon(Reading):
    """The oldest row version that VACUUM must keep, in transactions, and for whose sake (catalogue PG11)."""

    transactions: Count
    culprits: tuple[str, ...]
