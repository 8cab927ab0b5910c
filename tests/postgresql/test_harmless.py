"""A run disturbs nobody: it waits for no lock, says who blocks, and its role can change and see nothing else."""

import time

import psycopg
import pytest

from checks.engine.model import Reading, Reason, State
from checks.engine.readings.postgresql import PostgresqlPrivileges
from checks.engine.readings.postgresql_activity import PostgresqlBlocked
from checks.health import test_postgresql as health
from lab.postgresql import CHECKS
from tests.postgresql.conftest import Pair, Read
from tests.postgresql.test_blindness import ALL
from tests.services.saying import says

LOCK_TIMEOUT = 0.2
_READS = "SELECT on 1 tables and views"
_OF_THE_TABLE = {"postgresql_sequences_behind", "postgresql_sessions_table"}


def test_a_locked_table_keeps_only_its_own_checks_from_answering_and_they_say_who_holds_it(
    pair: Pair, read: Read
) -> None:
    with pair.primary.connect() as holder:
        holder.execute("BEGIN")
        pid = holder.info.backend_pid
        holder.execute("LOCK TABLE clientes_active_sessions IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        kept = read(ALL)
        seconds = time.monotonic() - started
    kept_waiting = {name for name, outcome in kept.outcomes.items() if not isinstance(outcome, Reading)}
    assert kept_waiting == _OF_THE_TABLE
    assert seconds < len(_OF_THE_TABLE) * LOCK_TIMEOUT + 2.5
    for name in _OF_THE_TABLE:
        error = kept.error(name)
        assert error.reason is Reason.TIMEOUT
        assert f"pid {pid} (postgres, lab, idle in transaction" in error.why
        assert "holds AccessExclusiveLock on clientes_active_sessions" in error.why


def test_who_holds_a_table_of_the_systems_own_that_planning_needs_is_named(pair: Pair, read: Read) -> None:
    with pair.primary.connect() as holder:
        holder.execute("BEGIN")
        pid = holder.info.backend_pid
        holder.execute("LOCK TABLE pg_statistic IN ACCESS EXCLUSIVE MODE")
        error = read(("postgresql_indexes",)).error("postgresql_indexes")
    assert error.reason is Reason.TIMEOUT
    assert f"pid {pid} (postgres, lab, idle in transaction" in error.why
    assert "holds AccessExclusiveLock on pg_statistic" in error.why


@pytest.mark.parametrize(
    ("given", "taken", "excess"),
    [
        ("GRANT pg_signal_backend TO", "REVOKE pg_signal_backend FROM", "the role pg_signal_backend"),
        ("GRANT pg_write_server_files TO", "REVOKE pg_write_server_files FROM", "the role pg_write_server_files"),
        (
            "GRANT SELECT (id) ON clientes_active_sessions TO",
            "REVOKE ALL (id) ON clientes_active_sessions FROM",
            _READS,
        ),
        ("GRANT CREATE ON DATABASE penhas TO", "REVOKE CREATE ON DATABASE penhas FROM", "CREATE in the database"),
    ],
)
def test_what_our_role_may_beyond_reading_is_told(pair: Pair, read: Read, given: str, taken: str, excess: str) -> None:
    assert says(health.test_postgresql_privileges, _privileges(read))[0] is State.OK
    pair.primary.execute((f"{given} {CHECKS}",))
    try:
        found = _privileges(read)
        assert found.excess == (excess,)
        state, text = says(health.test_postgresql_privileges, found)
        assert state is State.WARNING
        assert excess in text
    finally:
        pair.primary.execute((f"{taken} {CHECKS}",))


def test_a_table_of_which_our_role_may_change_one_column_is_one_that_it_may_write(pair: Pair, read: Read) -> None:
    pair.primary.execute((f"GRANT UPDATE (title) ON tags TO {CHECKS}",))
    try:
        assert _privileges(read).writable_tables == 1
    finally:
        pair.primary.execute((f"REVOKE UPDATE (title) ON tags FROM {CHECKS}",))
    assert _privileges(read).writable_tables == 0


def _privileges(read: Read) -> PostgresqlPrivileges:
    found = read(("postgresql_privileges",)).outcomes["postgresql_privileges"]
    assert isinstance(found, PostgresqlPrivileges), found
    return found


def test_a_blocked_session_is_named_with_its_blocker(pair: Pair, read: Read) -> None:
    with pair.primary.connect() as holder, pair.primary.connect() as waiter:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE tags IN ACCESS EXCLUSIVE MODE")
        blocking, waiting = holder.info.backend_pid, waiter.info.backend_pid
        waiter.execute("SET statement_timeout = '3s'")
        waiter.pgconn.send_query(b"SELECT count(*) FROM tags")
        time.sleep(0.5)
        blocked = read(("postgresql_blocked",)).outcomes["postgresql_blocked"]
        holder.execute("ROLLBACK")
        while waiter.pgconn.get_result() is not None:
            pass
    assert isinstance(blocked, PostgresqlBlocked)
    assert blocked.sessions == 1
    assert 0.2 < blocked.longest < 3
    (text,) = blocked.culprits
    assert text.startswith(f"pid {waiting} (postgres, lab) waits")
    assert "for AccessShareLock on tags" in text
    assert f"blocked by pid {blocking} (postgres, lab, idle in transaction" in text


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO public.tags (title) VALUES ('x')",
        "ALTER TABLE public.tags ADD COLUMN x int",
        "CREATE TABLE public.x (id int)",
        "CREATE TABLE penhas_checks.x (id int)",
        "SELECT pg_terminate_backend((SELECT pid FROM pg_stat_activity WHERE usename = 'penhas' LIMIT 1))",
        "SELECT pg_switch_wal()",
        "SELECT pg_create_physical_replication_slot('x')",
        "SELECT pg_reload_conf()",
        "SELECT nome_completo FROM public.clientes",
        "SELECT email FROM public.clientes",
        "SELECT args FROM public.minion_jobs",
        "SELECT result FROM penhas_checks.minion_jobs",
        "SELECT message FROM public.chat_message",
        "SELECT nextval('public.tags_id_seq')",
        "SELECT stavalues1 FROM pg_statistic",
        "SELECT passwd FROM pg_shadow",
    ],
)
def test_the_shipped_role_changes_nothing_and_sees_no_content(pair: Pair, statement: str) -> None:
    # Before 15 everybody may create in public, which postgresql-public-schema judges: done as that asks.
    pair.primary.execute(("REVOKE CREATE ON SCHEMA public FROM PUBLIC",))
    # A session of that owner is there to be terminated, so that the refusal is not one for lack of a victim.
    with pair.primary.connect("penhas"), pair.primary.connect(CHECKS) as connection:
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedColumn)):
            connection.execute(statement.encode())


def test_the_shipped_role_has_a_connection_limit_and_what_it_was_granted(pair: Pair) -> None:
    limit = pair.primary.value(f"SELECT rolconnlimit FROM pg_roles WHERE rolname = '{CHECKS}'")
    assert limit == 5
    granted = pair.primary.value(
        "SELECT string_agg(roleid::regrole::text, ' ' ORDER BY roleid::regrole::text) FROM pg_auth_members"
        f" WHERE member = '{CHECKS}'::regrole"
    )
    knows = pair.primary.value("SELECT current_setting('server_version_num')::int >= 160000")
    assert granted == ("pg_monitor pg_use_reserved_connections" if knows else "pg_monitor")
