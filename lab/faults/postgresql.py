"""What goes wrong with PostgreSQL and its replication."""

import contextlib
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import psycopg

from lab import minion, postgresql
from lab.api_processes import NAMES
from lab.faults import postgresql_checks
from lab.faults.expect import all_in
from lab.faults.registry import Act, Fault, register
from lab.postgresql import CHECKS, Cluster
from lab.proxy import Mode
from lab.running import PUBLIC_PATHS, Running

_BOTH = ("primary", "replica1")
_USABLE = 97  # max_connections less those reserved for superusers
_SESSIONS_OF_API = 5
_FULL = 6  # refusals in a row, a twentieth of a second apart
_MEBIBYTE_OF_WAL = "SELECT pg_logical_emit_message(false, 'lab', repeat('x', 1024 * 1024))"


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
        # a commit right before, so that the time since the last one begins now
        running.primary.execute(("SELECT txid_current()",))
        await_replay(running)
        running.replica.value("SELECT pg_wal_replay_pause()")
        running.primary.execute((_MEBIBYTE_OF_WAL,) * mebibytes)

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


def _sessions(cluster: Cluster, of: str = "") -> int:
    """Return how many sessions there are, our own left out; `of` one application only."""
    which = f"AND application_name = '{of}'" if of else ""
    query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    count = cluster.value(f"{query} {which}")
    assert isinstance(count, int)  # noqa: S101 (for the type checker: it is a count)
    return count


def _open_sessions(running: Running) -> None:
    """Have every instance of the API open all sessions that it ever will, as it has after some hours of work."""
    urls = [f"{api.url}{path}" for api in running.apis.values() for path in ("/health", *PUBLIC_PATHS) * 3]
    with ThreadPoolExecutor(len(urls)) as pool:
        for _ in range(10):
            list(pool.map(_visit, urls))
            if _sessions(running.primary, "penhas-api") >= len(running.apis) * _SESSIONS_OF_API:
                return


def _visit(url: str) -> None:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (our own API)
        answer.read()


def _fill(cluster_of: str, share: float) -> tuple[Act, Act]:
    """Return acts that hold so many connections that `share` of those that roles may use are taken, and let go."""
    key = f"connections-{cluster_of}"

    def cluster(running: Running) -> Cluster:
        return running.primary if cluster_of == "primary" else running.replica

    def break_(running: Running) -> None:
        if share > 1:
            _open_sessions(running)
        held: list[psycopg.Connection[tuple[object, ...]]] = running.kept.setdefault(key, [])
        refused = 0
        while refused < _FULL and (share > 1 or _sessions(cluster(running)) < _USABLE * share):
            try:
                held.append(cluster(running).connect(postgresql.APPLICATION))
                refused = 0
            except psycopg.OperationalError:
                refused += 1
                time.sleep(0.05)  # a session that was ending gives its place free

    def mend(running: Running) -> None:
        for connection in running.kept.pop(key):
            connection.close()
        server = cluster(running)
        assert server.process is not None  # noqa: S101 (for the type checker: it runs)
        server.process.await_ready(lambda: _sessions(server, "lab") == 0)  # a session ends after its client has gone

    return break_, mend


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


def _wrong_password(running: Running) -> None:
    running.primary.execute((postgresql.set_password(CHECKS, "another"),))
    await_replay(running)


def _right_password(running: Running) -> None:
    running.primary.execute((postgresql.set_password(CHECKS, running.credentials.checks),))
    await_replay(running)


_DEPENDS_ON_PRIMARY = (
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
_REPLICATION = (
    "replication-standby-streaming@primary",
    "replication-receiver-streaming@replica1",
    "replication-lag-bytes@replica1",
    "replication-lag-seconds@replica1",
)
_API_NEEDS_IT = ("api-health", "api-probes", "api-detailed-complete")
_AGREEMENT = tuple(f"api-detailed-agreement@{name}" for name in NAMES)

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
            "capacity-job-queue@queue": "UNKNOWN",
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
for _cluster in _BOTH:
    for _name, _share, _state in (("warning", 0.82, "WARNING"), ("critical", 0.94, "CRITICAL")):
        register(
            Fault(
                f"postgresql-{_cluster}-connections-{_name}",
                f"{_share:.0%} of the connections to {_cluster} are taken",
                ("postgresql",),
                {f"postgresql-connections-used@{_cluster}": _state},
                *_fill(_cluster, _share),
            )
        )
register(
    Fault(
        "postgresql-primary-connections-exhausted",
        "the primary has no connection left",
        ("postgresql", "minion", "api"),
        {
            "postgresql-connection@primary": "CRITICAL",
            **all_in("UNKNOWN", (*_DEPENDS_ON_PRIMARY, *_AGREEMENT)),
            # the instances have their sessions, and say that all is well
            **all_in("CRITICAL", (f"api-agreement-database@{name}" for name in NAMES)),
        },
        *_fill("primary", 1.1),
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
            **all_in("UNKNOWN", (*_DEPENDS_ON_PRIMARY, *_AGREEMENT)),
            **all_in("CRITICAL", (f"{check}@{name}" for name in NAMES for check in _API_NEEDS_IT)),
        },
        stop_primary,
        start_primary,
        lingers=True,
    )
)
register(
    Fault(
        "postgresql-role-blind",
        "the checking role has lost pg_monitor",
        ("postgresql",),
        all_in(
            "UNKNOWN",
            (f"{check}@{name}" for name in _BOTH for check in ("postgresql-privileges", "postgresql-connections-used")),
        )
        | all_in("UNKNOWN", (*_REPLICATION, *postgresql_checks.BLIND)),
        *statements((f"REVOKE pg_monitor FROM {CHECKS}",), (f"GRANT pg_monitor TO {CHECKS}",)),
    )
)
register(
    Fault(
        "postgresql-role-writes",
        "the checking role may write to the application's tables",
        ("postgresql",),
        all_in("WARNING", (f"postgresql-privileges@{name}" for name in _BOTH)),
        *statements((f"GRANT pg_write_all_data TO {CHECKS}",), (f"REVOKE pg_write_all_data FROM {CHECKS}",)),
    )
)
register(
    Fault(
        "postgresql-role-superuser",
        "the checking role is a superuser",
        ("postgresql",),
        all_in("WARNING", (f"postgresql-privileges@{name}" for name in _BOTH)),
        *statements((f"ALTER ROLE {CHECKS} SUPERUSER",), (f"ALTER ROLE {CHECKS} NOSUPERUSER",)),
    )
)
register(
    Fault(
        "postgresql-views-denied",
        "the checking role may not read the views over Minion's tables",
        ("postgresql", "minion"),
        {"capacity-job-queue@queue": "UNKNOWN", **all_in("UNKNOWN", postgresql_checks.THROUGH_VIEWS)},
        *statements(
            (f"REVOKE USAGE ON SCHEMA penhas_checks FROM {CHECKS}",),
            (f"GRANT USAGE ON SCHEMA penhas_checks TO {CHECKS}",),
        ),
    )
)
register(
    Fault(
        "postgresql-password-wrong",
        "the checking role's password is not the one that we were given",
        ("postgresql", "minion", "api"),
        all_in(
            "UNKNOWN",
            (
                "postgresql-connection@primary",
                "postgresql-connection@replica1",
                *_DEPENDS_ON_PRIMARY,
                *_AGREEMENT,
                *(f"api-agreement-database@{name}" for name in NAMES),
                "postgresql-privileges@replica1",
                "postgresql-connections-used@replica1",
                "replication-receiver-streaming@replica1",
                *postgresql_checks.REPLICA,
            ),
        ),
        _wrong_password,
        _right_password,
    )
)
