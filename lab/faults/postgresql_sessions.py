"""What sessions do wrong; the lab holds them until they are mended."""

import threading
import time
from typing import Any

import psycopg

from lab import postgresql
from lab.faults.postgresql import await_replay, statements
from lab.faults.postgresql_deadlock import Connection, embrace
from lab.faults.registry import Act, Fault, register
from lab.postgresql import APPLICATION, CHECKS
from lab.running import Running

LONG = 4.5  # seconds: more than the lab's limits
_BOTH = ("primary", "replica1")
_DROP = "DROP TABLE IF EXISTS public.lab_fault"
_DEADLOCKS = 24
_SLOW_CLOCK = "SELECT pg_catalog.clock_timestamp() - make_interval(secs => 1.5)"


def _hold(running: Running, connection: Connection) -> Connection:
    running.kept.setdefault("sessions", []).append(connection)
    return connection


def _let_go(running: Running) -> None:
    """Close what is held and drop what it was held on."""
    for connection in running.kept.pop("sessions", []):
        connection.close()
    running.primary.execute((_DROP,))
    await_replay(running)


def _open_transaction(running: Running) -> Connection:
    connection = _hold(running, running.primary.connect(APPLICATION))
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    connection.execute("SELECT count(*) FROM public.tags")
    return connection


def _left_open(running: Running) -> None:
    _open_transaction(running)
    time.sleep(LONG)


def _lock_held(running: Running) -> None:
    running.primary.execute((_DROP, "CREATE TABLE public.lab_fault (id bigint PRIMARY KEY)"))
    holder = _hold(running, running.primary.connect())
    holder.execute("BEGIN")
    holder.execute("LOCK TABLE public.lab_fault IN ACCESS EXCLUSIVE MODE")
    waiter = _hold(running, running.primary.connect())
    threading.Thread(target=_wait_in_vain, args=(waiter,), daemon=True).start()
    time.sleep(LONG)


def _wait_in_vain(connection: Connection) -> None:
    try:
        connection.execute("SELECT count(*) FROM public.lab_fault")
    except psycopg.Error:
        return  # the mend closed it


def _release(running: Running) -> None:
    # The waiter's thread uses its connection: end both from outside.
    pids = [connection.info.backend_pid for connection in running.kept.pop("sessions", [])]
    running.primary.execute([f"SELECT pg_terminate_backend({pid}, 5000)" for pid in pids])
    running.primary.execute((_DROP,))
    await_replay(running)


def _snapshot_held(running: Running) -> None:
    _open_transaction(running)
    burn = """
    DO $$ BEGIN
        CREATE TEMPORARY TABLE burnt (n int);
        FOR n IN 1..25000 LOOP
            BEGIN
                INSERT INTO burnt VALUES (n);
                RAISE division_by_zero;
            EXCEPTION WHEN division_by_zero THEN NULL;
            END;
        END LOOP;
    END $$
    """
    running.primary.execute((burn,))
    await_replay(running)
    time.sleep(LONG)


def _prepared(running: Running) -> None:
    with running.primary.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE public.lab_fault (id bigint)")
        connection.execute("PREPARE TRANSACTION 'lab'")
    time.sleep(2)


def _deadlocks(running: Running) -> None:
    running.primary.execute((_DROP, "CREATE TABLE public.lab_fault (id bigint PRIMARY KEY)"))
    running.primary.execute(("INSERT INTO public.lab_fault VALUES (1), (2)",))
    with running.primary.connect() as one, running.primary.connect() as two:
        for connection in (one, two):
            connection.execute("SET deadlock_timeout = '10ms'")
        for _ in range(_DEADLOCKS):
            embrace(one, two)
    running.primary.execute((_DROP,))
    await_replay(running)
    time.sleep(1)  # a session hands in its counters once a second


def _spill(running: Running) -> None:
    with running.primary.connect() as connection:
        connection.execute("SET work_mem = '64kB'")
        connection.execute("SELECT count(*) FROM (SELECT n FROM generate_series(1, 3000000) n ORDER BY -n) AS sorted")
    time.sleep(1)


def _cold(running: Running) -> None:
    """Read a table larger than shared_buffers again and again."""
    running.primary.execute(
        (
            _DROP,
            "CREATE TABLE public.lab_fault (padding text) WITH (fillfactor = 10, autovacuum_enabled = true)",
            "INSERT INTO public.lab_fault SELECT repeat('x', 700) FROM generate_series(1, 6000)",
            *("SELECT count(*) FROM public.lab_fault",) * 60,
        )
    )
    await_replay(running)
    time.sleep(1)


def _limited(running: Running) -> None:
    running.primary.execute(("CREATE ROLE lab_limited LOGIN CONNECTION LIMIT 2",))
    for _ in range(2):
        _hold(running, running.primary.connect("lab_limited"))
    await_replay(running)


def _unlimited(running: Running) -> None:
    _let_go(running)
    running.primary.execute(("DROP ROLE lab_limited",))
    await_replay(running)


def _senders(running: Running) -> None:
    dsn = f"host={running.primary.sockets} port={running.primary.port} user={postgresql.REPLICATOR} replication=true"
    held: list[Any] = running.kept.setdefault("sessions", [])
    held.extend(psycopg.pq.PGconn.connect(dsn.encode()) for _ in range(8))


def _no_senders(running: Running) -> None:
    for connection in running.kept.pop("sessions"):
        connection.finish()
    gone = "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'walsender'"
    assert running.primary.process is not None  # noqa: S101 (for the type checker: it runs)
    running.primary.process.await_ready(lambda: running.primary.value(gone) is True, within=10)


def _register(name: str, what: str, expect: dict[str, str], acts: tuple[Act, Act], *, lingers: bool = False) -> None:
    on_primary = {key if "@" in key else f"{key}@primary": state for key, state in expect.items()}
    register(Fault(name, what, ("postgresql",), on_primary, *acts, lingers=lingers))


_OPEN = {"sessions-idle-in-transaction": "WARNING", "sessions-oldest-transaction": "WARNING"}
_register("sessions-transaction-open", "a client left a transaction open", _OPEN, (_left_open, _let_go))
_register(
    "sessions-lock-held",
    "a session holds a lock, and another waits for it",
    {**_OPEN, "sessions-longest-query": "WARNING", "sessions-blocked": "WARNING"},
    (_lock_held, _release),
)
_register(
    "sessions-snapshot-held",
    "a session keeps VACUUM from cleaning, while transactions go by",
    {**_OPEN, "sessions-xmin-age": "WARNING"},
    (_snapshot_held, _let_go),
)
_register(
    "sessions-prepared",
    "a prepared transaction was forgotten",
    {"sessions-prepared-transactions": "WARNING"},
    (_prepared, statements((), ("ROLLBACK PREPARED 'lab'",))[1]),
)
_register(
    "sessions-deadlocks",
    f"{_DEADLOCKS} deadlocks within seconds",
    {"sessions-deadlocks": "WARNING"},
    (_deadlocks, _let_go),
    lingers=True,
)
_register(
    "sessions-temporary-files",
    "a sort does not fit into work_mem",
    {"sessions-temporary-files": "WARNING"},
    (_spill, _let_go),
    lingers=True,
)
_register(
    "postgresql-cache-cold",
    "a query reads more than fits into shared_buffers",
    {"postgresql-cache-hit": "WARNING"},
    (_cold, _let_go),
    lingers=True,
)
_register(
    "postgresql-role-limit-reached",
    "a role has used up its own connection limit",
    {"postgresql-connection-limits": "CRITICAL"},
    (_limited, _unlimited),
)
_register(
    "postgresql-senders-used",
    "there is no walsender left for a standby that is built anew",
    {"postgresql-wal-senders-used": "WARNING"},
    (_senders, _no_senders),
)
_register(
    "postgresql-clock-off",
    "the servers' clocks are a second and a half behind (told by a function that our role finds first)",
    {f"postgresql-clock-offset@{name}": "WARNING" for name in _BOTH},
    statements(
        (
            "CREATE SCHEMA lab_clock",
            f"CREATE FUNCTION lab_clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS '{_SLOW_CLOCK}'",
            f"GRANT USAGE ON SCHEMA lab_clock TO {CHECKS}",
            f"ALTER ROLE {CHECKS} SET search_path = lab_clock, pg_catalog, public",
        ),
        (f"ALTER ROLE {CHECKS} RESET search_path", "DROP SCHEMA lab_clock CASCADE"),
    ),
)
