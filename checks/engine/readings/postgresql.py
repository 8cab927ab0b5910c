"""What is read of each PostgreSQL server."""

from checks.engine.model import Bytes, Count, Ratio, Reading, Seconds
from checks.engine.readings import alias, reading
from checks.engine.records import dataclass


@reading("postgresql_connection", service="postgresql", noisy=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlConnection(Reading):
    """Whether the server lets us in and answers SELECT 1; `problem` is our word for why not, `sqlstate` its code."""

    reachable: bool
    problem: str = ""
    sqlstate: str = ""
    seconds: Seconds = 0.0


@reading("postgresql_server", service="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlServer(Reading):
    """Identity of the server (catalogue PG01), and since when it runs, crashes counted, by its own clock.

    `clock_offset` is what of the difference the time that the answer took does not explain. `refuses_writes` says that
    transactions of every role that may write are read-only by the role's or the database's own setting.
    """

    version: int
    in_recovery: bool
    system_identifier: int
    timeline: int
    uptime: Seconds
    clock_offset: Seconds
    max_connections: Count
    started: float | None = None
    refuses_writes: bool = False


alias("primary_server", of="postgresql_server", kinds=("primary",))
alias("replica_server", of="postgresql_server", kinds=("replica",))


@reading("postgresql_privileges", service="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlPrivileges(Reading):
    """What our own role may see and do (catalogue PG02); `writable_tables` counts tables that it could change.

    `excess` is what it may beyond reading statistics and our own views: attributes, roles, tables that it can read.
    """

    role: str
    superuser: bool
    pg_monitor: bool
    hidden_sessions: Count
    writable_tables: Count
    excess: tuple[str, ...] = ()


@reading("postgresql_connections", service="postgresql", kept=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlConnections(Reading):
    """Client sessions by state (catalogue PG03); usable = max_connections less what is reserved for superusers.

    Behind a pooler they are its own: who waits there for one only the pooler can tell.
    """

    used: Count
    usable: Count
    used_ratio: Ratio
    active: Count
    idle: Count
    idle_in_transaction: Count
    culprits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standby:
    """One row of pg_stat_replication; bytes behind the primary's current position, None where not reported.

    `attached` are the seconds since it connected, `sync_state` is async, potential, sync or quorum.
    """

    name: str
    state: str
    replay_bytes: int | None
    replay_lag: float | None
    reply_age: float | None
    attached: float | None = None
    sync_state: str = "async"


@reading("postgresql_standbys", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlStandbys(Reading):
    """Replication as the primary sees it (catalogue PG18), base backups left out.

    `synchronous` is for how many standbys a commit waits, `waited_for` that commits of some role do wait; `expected`
    standbys are those that the environment file names.
    """

    standbys: tuple[Standby, ...]
    current_lsn: int
    synchronous: int = 0
    waited_for: bool = True
    expected: int = 0


@reading("postgresql_receiver", service="postgresql", kinds=("replica",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlReceiver(Reading):
    """Replication as the replica sees it (catalogue PG19); `status` is None where no receiver runs."""

    status: str | None
    message_age: Seconds | None
    apply_backlog: Bytes
    replay_paused: bool
    received_lsn: int
    replayed_lsn: int
    timeline: int | None = None


@reading(
    "postgresql_replication_lag",
    service="postgresql",
    kinds=("replica",),
    noisy=True,
    needs=("postgresql_standbys",),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlReplicationLag(Reading):
    """How far a replica is behind the primary, compared directly: primary read first, then the replica.

    `seconds` is now() - pg_last_xact_replay_timestamp() where the positions differ, else 0: an idle primary is no lag.
    """

    bytes: Bytes
    seconds: Seconds
