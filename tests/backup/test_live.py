"""A live server that is asked what a backup should hold: never beyond its time, and never more than it can answer."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from checks.engine.environment import Environment
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup import live, live_catalog, live_rows
from tests.backup.servers import Source
from tests.bench.restore_once import Once
from tests.bouncer import PROGRAM, bouncing

GRANTS = Path(__file__).parents[2] / "checks/environments/grants/postgresql.sql"


def context(dsn: str, monkeypatch: pytest.MonkeyPatch, *, pooler: bool = False) -> Once:
    """Return a context whose only live server is at `dsn`."""
    monkeypatch.setenv("PENHAS_CHECKS_TEST_DSN", dsn)
    table = {"primary": {"name": "primary", "env": "PENHAS_CHECKS_TEST_DSN"}, "pooler": pooler}
    return Once(Environment.model_validate({"name": "t", "backup": {"folder": "/"}, "postgresql": table}), ())


@pytest.fixture(scope="module")
def asked(oldest: Source) -> str:
    """A database with two tables and the two functions that count."""
    text = GRANTS.read_text("utf-8")
    functions = [text[text.index(f"CREATE OR REPLACE FUNCTION penhas_checks.{name}(") :] for name in FUNCTIONS]
    return oldest.database(
        "asked",
        "CREATE TABLE a (x int, created_at timestamptz DEFAULT now())",
        "INSERT INTO a SELECT i, to_timestamp(i) FROM generate_series(1, 300) i",
        "CREATE TABLE b (x int)",
        "CREATE SCHEMA penhas_checks",
        *(function[: function.index("$$;") + 3] for function in functions),
    )


FUNCTIONS = ("table_rows", "newest_rows")


@pytest.fixture
def silent() -> Iterator[int]:
    """A server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def bouncer(oldest: Source, tmp_path: Path) -> Iterator[int]:
    """A PgBouncer that lends one connection to whoever asks, in transaction mode."""
    if PROGRAM is None:
        pytest.skip("pgbouncer is not installed")
    with bouncing(tmp_path, f"asked = host={oldest.folder} port=5432", ("postgres",)) as port:
        yield port


def test_rows_and_newest_times_are_counted_by_the_functions_of_the_grants(
    oldest: Source, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = context(oldest.dsn(asked), monkeypatch)
    assert live_rows.rows(once) == live_rows.LiveRows("primary", {"public.a": 300, "public.b": 0})
    assert live_rows.newest(once, 100.0).newest == {("public.a", "created_at"): 99.0}


def test_through_a_pool_of_one_nothing_is_left_on_the_connection(
    bouncer: int, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application that gets it next may write, without a limit of ours."""
    dsn = f"postgresql://postgres@127.0.0.1:{bouncer}/{asked}?sslmode=disable"
    once = context(dsn, monkeypatch, pooler=True)
    assert live_rows.rows(once).rows["public.a"] == 300
    assert live_catalog.relations(once.environment) == ((("public", "a"), ("public", "b")), "primary")
    postgresql = once.environment.postgresql
    assert postgresql is not None
    with pytest.raises(live.RefusedError, match="25006"):  # read-only
        live.ask(postgresql.primary, ("INSERT INTO b VALUES (1) RETURNING x",), pooler=True, seconds=5)
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as application:
        application.execute("INSERT INTO b VALUES (1)")
        application.execute("DELETE FROM b")
        row = application.execute("SELECT current_setting('statement_timeout')").fetchone()
    assert row == ("0",)


def test_a_server_that_accepts_and_never_answers_ends_at_the_deadline(
    silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOGIN", 0.3)
    once = context(f"postgresql://u@127.0.0.1:{silent}/x", monkeypatch)
    began = time.monotonic()
    with pytest.raises(ProbeError, match="accepts but does not answer"):
        live_rows.rows(once)
    assert live_catalog.relations(once.environment) == ((), "")
    assert time.monotonic() - began < 5


def test_a_server_that_stops_answering_ends_after_the_statements_own_time(
    oldest: Source, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands between passes the login on, and nothing that comes after it."""
    monkeypatch.setattr(live, "MARGIN", 0.1)
    with _passing_only_the_login(f"{oldest.folder}/.s.PGSQL.5432") as port:
        once = context(f"postgresql://postgres@127.0.0.1:{port}/{asked}?sslmode=disable", monkeypatch)
        with pytest.raises(ProbeError, match="stopped answering"):
            live_rows.rows(once, 0.3)


def test_what_takes_too_long_is_ended_by_the_server(
    oldest: Source, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = context(oldest.dsn(asked), monkeypatch)
    monkeypatch.setattr(live_rows, "_ROWS", "SELECT 'a', pg_sleep(5)::text")
    with pytest.raises(ProbeError) as raised:
        live_rows.rows(once, 0.2)
    assert raised.value.reason is Reason.TIMEOUT


def test_what_cannot_be_counted_in_time_is_not_asked_for(
    oldest: Source, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size is asked first, and the message says it."""
    oldest.run(asked, "ANALYZE")
    monkeypatch.setattr(live_rows, "BYTES_A_SECOND", 1)
    monkeypatch.setattr(live_rows, "_ROWS", "SELECT 1/0")
    with pytest.raises(ProbeError, match="too much to count in 120 s"):
        live_rows.rows(context(oldest.dsn(asked), monkeypatch))


def test_without_the_grants_the_mend_is_named(oldest: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    oldest.database("ungranted", "CREATE TABLE a (x int)")
    with pytest.raises(ProbeError, match="may not be counted") as raised:
        live_rows.rows(context(oldest.dsn("ungranted"), monkeypatch))
    assert "grants/postgresql.sql" in raised.value.mend


class _passing_only_the_login:  # noqa: N801 (a context manager)
    """A relay to a unix socket that passes on what the server says until it is ready for a statement."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        threading.Thread(target=self._serve, daemon=True).start()
        return int(self._listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        ours, _ = self._listener.accept()
        with ours, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._path)
            server.sendall(ours.recv(4096))
            told = b""
            while not told.endswith(b"Z\x00\x00\x00\x05I"):
                told += server.recv(4096)
            ours.sendall(told)
            while ours.recv(4096) != b"":
                pass
