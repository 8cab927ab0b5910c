"""What goes wrong with the primary and its replica, and what the modules beside this one break PostgreSQL with."""

from lab import minion, postgresql
from lab.api_processes import NAMES
from lab.faults import postgresql_checks
from lab.faults.expect import QUEUE, all_in
from lab.faults.registry import Act, Fault, register
from lab.proxy import Mode
from lab.running import Running

MEBIBYTE_OF_WAL = "SELECT pg_logical_emit_message(false, 'lab', repeat('x', 1024 * 1024))"


def statements(break_: tuple[str, ...], mend: tuple[str, ...]) -> tuple[Act, Act]:
    """Return acts that run statements on the primary and wait until the replica has them too."""

    def act(statements: tuple[str, ...]) -> Act:
        def run(running: Running) -> None:
            running.primary.execute(statements)
            await_replay(running)

        return run

    return act(break_), act(mend)


def await_replay(running: Running) -> None:
    """Return when the replica has replayed what the primary has written until now."""
    position = running.primary.value("SELECT pg_current_wal_lsn()::text")
    caught_up = f"SELECT coalesce(pg_last_wal_replay_lsn() >= '{position}'::pg_lsn, false)"
    assert running.replica.process is not None  # noqa: S101 (for the type checker: it runs)
    running.replica.process.await_ready(lambda: running.replica.value(caught_up) is True, within=10)


def replay_a_commit(running: Running) -> None:
    """Commit, and return when the replica has replayed that: the time since the last commit begins now."""
    # It must write something: what only took an id is flushed later, and would not be waited for.
    running.primary.execute(("SELECT pg_logical_emit_message(true, 'lab', 'commit')",))
    await_replay(running)


def promote(running: Running) -> None:
    """Promote the replica, as an operator does by mistake."""
    running.replica.value("SELECT pg_promote(true, 10)")


def rebuild(running: Running) -> None:
    """Make the replica anew from the primary."""
    postgresql.stop(running.replica)
    running.start_replica()


def to_standby(running: Running) -> None:
    """Let the primary's address lead to the standby, as after a failover that was only half done."""
    running.proxies.redirect("primary", running.replica.port)


def to_primary(running: Running) -> None:
    """Let the primary's address lead to the primary."""
    running.proxies.redirect("primary", running.primary.port)


def replica_is_primary(running: Running) -> None:
    """Let the replica's address lead to the primary."""
    running.proxies.redirect("replica1", running.primary.port)


def replica_is_replica(running: Running) -> None:
    """Let the replica's address lead to the replica."""
    running.proxies.redirect("replica1", running.replica.port)


def _behind(mebibytes: int) -> Act:
    def act(running: Running) -> None:
        replay_a_commit(running)
        running.replica.value("SELECT pg_wal_replay_pause()")
        running.primary.execute((MEBIBYTE_OF_WAL,) * mebibytes)

    return act


def resume(running: Running) -> None:
    """Let replay go on, and return when the replica has caught up."""
    running.replica.value("SELECT pg_wal_replay_resume()")
    await_replay(running)


def cut_replication(running: Running) -> None:
    """Cut the line between primary and replica, and return when both have seen it."""
    running.proxies.set("replication", Mode.REFUSED)
    assert running.replica.process is not None  # noqa: S101 (for the type checker: it runs)
    gone = "SELECT count(*) = 0 FROM pg_stat_replication"
    running.replica.process.await_ready(lambda: running.primary.value(gone) is True, within=10)


def join_replication(running: Running) -> None:
    """Restore the line, and return when the replica streams again."""
    running.proxies.set("replication", Mode.PASS)
    running.await_streaming()
    await_replay(running)


def stop_primary(running: Running) -> None:
    """Shut the primary down."""
    postgresql.stop(running.primary)
    if running.worker is not None:
        running.worker.process.stop()


def start_primary(running: Running) -> None:
    """Start the primary on its old port, and what lost its connection with it."""
    postgresql.start(running.launcher, running.binaries, running.primary, port=running.primary.port)
    if running.worker is not None:
        running.worker = minion.start(running.launcher, running.minion_dsn)
    running.await_streaming()
    await_replay(running)


DEPENDS_ON_PRIMARY = (
    "postgresql-accepts-writes@primary",
    "postgresql-privileges@primary",
    "postgresql-connections-used@primary",
    "replication-standby-streaming@primary",
    "postgresql-replica-follows@replica1",
    "replication-lag-bytes@replica1",
    "replication-lag-seconds@replica1",
    "capacity-job-queue@queue",
    *postgresql_checks.PRIMARY,
)
# Minion's workers and locks are in unlogged tables, which a standby does not have
_UNLOGGED = tuple(key for key in QUEUE if not key.startswith(("minion-failures", "minion-abandoned")))
_API_NEEDS_IT = ("api-health", "api-probes", "api-detailed-complete")
AGREEMENT = tuple(f"{check}@{name}" for check in ("api-detailed-agreement", "minion-stats") for name in NAMES)

register(
    Fault(
        "postgresql-replica-promoted",
        "the replica was promoted: two servers accept writes",
        ("postgresql",),
        {
            "postgresql-replica-follows@replica1": "CRITICAL",
            "replication-standby-streaming@primary": "CRITICAL",
            "replication-receiver-streaming@replica1": "CRITICAL",
            "replication-lag-bytes@replica1": "UNKNOWN",
            "replication-lag-seconds@replica1": "UNKNOWN",
            "replication-slots@primary": "WARNING",
        },
        promote,
        rebuild,
        lingers=True,
    )
)
register(
    Fault(
        "postgresql-primary-in-recovery",
        "the primary's address leads to a standby",
        ("postgresql", "minion"),
        {
            "postgresql-accepts-writes@primary": "CRITICAL",
            "replication-standby-streaming@primary": "CRITICAL",
            **all_in("UNKNOWN", _UNLOGGED),
        },
        to_standby,
        to_primary,
        lingers=True,
    )
)
register(
    Fault(
        "postgresql-replica-is-primary",
        "the replica's address leads to the primary",
        ("postgresql",),
        {
            "postgresql-replica-follows@replica1": "CRITICAL",
            "replication-receiver-streaming@replica1": "CRITICAL",
            "replication-lag-bytes@replica1": "UNKNOWN",
            "replication-lag-seconds@replica1": "UNKNOWN",
        },
        replica_is_primary,
        replica_is_replica,
        lingers=True,
    )
)
for _name, _mebibytes, _state in (("warning", 60, "WARNING"), ("critical", 120, "CRITICAL")):
    register(
        Fault(
            f"replication-lag-{_name}",
            f"replay is paused and the primary has written {_mebibytes} MiB of WAL since",
            ("postgresql",),
            {
                "replication-lag-bytes@replica1": _state,
                "replication-receiver-streaming@replica1": "CRITICAL",
                "replication-apply-backlog@replica1": "WARNING",
            },
            _behind(_mebibytes),
            resume,
        )
    )
register(
    Fault(
        "replication-cut",
        "the line between primary and replica is cut",
        ("postgresql",),
        {
            "replication-standby-streaming@primary": "CRITICAL",
            "replication-receiver-streaming@replica1": "CRITICAL",
            "replication-slots@primary": "WARNING",
        },
        cut_replication,
        join_replication,
    )
)
register(
    Fault(
        "postgresql-primary-down",
        "the primary is shut down, for the application too",
        ("postgresql", "minion", "api"),
        {
            "postgresql-connection@primary": "CRITICAL",
            "replication-receiver-streaming@replica1": "CRITICAL",
            **all_in("UNKNOWN", (*DEPENDS_ON_PRIMARY, *QUEUE, *AGREEMENT)),
            **all_in("CRITICAL", (f"{check}@{name}" for name in NAMES for check in _API_NEEDS_IT)),
            **all_in("WARNING", (f"api-health-discreet@{name}" for name in NAMES)),
        },
        stop_primary,
        start_primary,
        lingers=True,
    )
)
