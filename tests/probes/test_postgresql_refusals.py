"""Every way in which PostgreSQL may not answer: what the connection then says, and in our words only."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.engine.environment import Environment
from checks.engine.model import ProbeError, Reason, Target
from checks.engine.probes import postgresql
from checks.engine.probes.conninfo import parameters, several_hosts
from checks.engine.probes.postgresql.problems import error_in_trace
from checks.engine.readings.postgresql import PostgresqlConnection
from tests.probes import sockets
from tests.probes.certificates import certificate, server_context
from tests.probes.conftest import Pair
from tests.probes.context import Kept
from tests.probes.sockets import Relay, Talk, serving

NAMES = ("postgresql_connection", "postgresql_server", "postgresql_connections")
PRIMARY = Target("postgresql", "primary", "primary")
SECRET = "SEGREDOMARCADOx1"


@pytest.fixture(autouse=True)
def variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENHAS_CHECKS_DSN", raising=False)


def read(dsn: str, *, seconds: float = 10.0, pooler: bool = False) -> Kept:
    """Read a few names over a DSN; what was settled holds nothing of the DSN but the name of its variable."""
    os.environ["PENHAS_CHECKS_DSN"] = dsn
    table = {"name": "t", "postgresql": {"primary": {"name": "primary", "env": "PENHAS_CHECKS_DSN"}, "pooler": pooler}}
    kept = Kept(Environment.model_validate(table), PRIMARY, NAMES, seconds=seconds)
    postgresql.read(kept)
    assert set(kept.outcomes) == set(NAMES)
    said = "".join(o.why + o.mend if isinstance(o, ProbeError) else repr(o) for o in kept.outcomes.values())
    assert SECRET not in said
    assert "127.0.0.1" not in said
    return kept


def problem(kept: Kept) -> str:
    """Return what the connection says is wrong, when everything else says that there is none."""
    connection = kept.outcomes["postgresql_connection"]
    assert isinstance(connection, PostgresqlConnection), getattr(connection, "why", connection)
    assert not connection.reachable
    assert all(kept.error(name).reason is Reason.CONNECTION for name in NAMES[1:])
    return connection.problem


def ours(kept: Kept) -> str:
    """Return why it is our own fault, for every name."""
    assert all(kept.error(name).reason is Reason.OURS for name in NAMES)
    assert all(kept.error(name).mend != "" for name in NAMES)
    return kept.error("postgresql_connection").why


def to(port: int, more: str = "") -> str:
    return f"postgresql://penhas_checks:{SECRET}@127.0.0.1:{port}/penhas{more}"


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_a_refused_connection() -> None:
    assert problem(read(to(closed_port()))) == "connection refused"


def test_a_socket_that_is_not_there() -> None:
    assert "connection refused" in problem(read(f"postgresql://a:{SECRET}@/p?host=/nowhere"))


@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        (sockets.hang, "accepts but does not answer within 0.5 s"),
        (sockets.cut, "the connection was cut"),
        (sockets.rubbish, "answers something that is not PostgreSQL"),
        (sockets.http, "answers something that is not PostgreSQL"),
        (sockets.dripping(b"", b"N"), "answers something that is not PostgreSQL"),
        (sockets.dripping(b"N", b"R"), "accepts but does not answer within 0.5 s"),
    ],
)
@pytest.mark.parametrize("more", ["", "?sslmode=disable"])
def test_what_is_no_server(talk: Talk, expected: str, more: str) -> None:
    started = time.monotonic()
    with serving(talk) as port:
        said = problem(read(to(port, more), seconds=0.5))
    assert time.monotonic() - started < 1.5
    if talk not in (sockets.hang, sockets.cut, sockets.rubbish, sockets.http):
        # What drips is either recognised or given up, by what the first byte happens to mean.
        assert said in {
            expected,
            "accepts but does not answer within 0.5 s",
            "answers something that is not PostgreSQL",
        }
    else:
        assert said == expected


@pytest.mark.parametrize("after", [1, 40, 200, 600, 900])
def test_a_connection_cut_in_the_middle(pair: Pair, after: int) -> None:
    with serving(Relay(pair.primary.port, after=after)) as port:
        kept = read(pair.dsn(port, more="?sslmode=disable"))
    connection = kept.outcomes["postgresql_connection"]
    assert isinstance(connection, PostgresqlConnection)
    assert (connection.reachable, connection.problem) == (False, "the connection was cut")


@pytest.mark.parametrize("after", [1, 200, 700])
def test_a_server_that_falls_silent_in_the_middle(pair: Pair, after: int) -> None:
    started = time.monotonic()
    with serving(Relay(pair.primary.port, after=after, then="hang")) as port:
        kept = read(pair.dsn(port, more="?sslmode=disable"), seconds=1.5)
    assert time.monotonic() - started < 2
    connection = kept.outcomes["postgresql_connection"]
    assert isinstance(connection, PostgresqlConnection)
    assert not connection.reachable
    assert "answer" in connection.problem


@pytest.fixture
def frozen(pair: Pair) -> Iterator[None]:
    assert pair.primary.process is not None
    os.kill(pair.primary.process.pid, signal.SIGSTOP)
    yield
    os.kill(pair.primary.process.pid, signal.SIGCONT)


@pytest.mark.usefixtures("frozen")
def test_a_frozen_server(pair: Pair) -> None:
    assert problem(read(pair.dsn(pair.primary.port), seconds=0.5)) == "accepts but does not answer within 0.5 s"


def test_a_wrong_password_is_our_own_fault(pair: Pair) -> None:
    assert "28P01" in ours(read(to(pair.primary.port)))


def test_a_role_without_entry_is_our_own_fault(pair: Pair) -> None:
    assert "28P01" in ours(read(pair.dsn(pair.primary.port, role="nobody")))


def test_a_missing_database_is_a_finding(pair: Pair) -> None:
    assert "3D000" in problem(read(pair.dsn(pair.primary.port).removesuffix("penhas") + "gone"))


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        (f"postgresql://a:{SECRET}@nobody.invalid/p", "does not resolve"),
        (f"postgresql://a:{SECRET}@127.0.0.1:x/p", "malformed"),
        (f"postgresql://a:{SECRET}@127.0.0.1:5432/p?nonsense=1", "malformed"),
        (f"{SECRET} is not a DSN", "malformed"),
        (f"postgresql://a:{SECRET}@one,two/p", "several hosts"),
        (f"postgresql://a:{SECRET}@127.0.0.1/p?sslmode=loud", "malformed"),
        (f"service=nowhere password={SECRET}", "service"),
    ],
)
def test_what_is_wrong_with_the_variable_is_our_own_fault(dsn: str, expected: str) -> None:
    assert expected in ours(read(dsn, seconds=1))


def test_an_unset_variable_is_our_own_fault_and_is_named() -> None:
    table = {"name": "t", "postgresql": {"primary": {"name": "primary", "env": "PENHAS_CHECKS_DSN"}}}
    kept = Kept(Environment.model_validate(table), PRIMARY, NAMES)
    postgresql.read(kept)
    assert "PENHAS_CHECKS_DSN is not set" in ours(kept)


def test_a_server_without_tls_where_it_is_demanded_is_our_own_fault(pair: Pair) -> None:
    assert "TLS" in ours(read(pair.dsn(pair.primary.port, more="?sslmode=require")))


def over_tls(certificate_path: Path) -> Talk:
    """Return a talk that accepts TLS as PostgreSQL does, and says nothing after that."""
    context = server_context(certificate_path)

    def talk(connection: socket.socket) -> None:
        connection.recv(8)
        connection.sendall(b"S")
        with context.wrap_socket(connection, server_side=True) as wrapped:
            sockets.hang(wrapped)

    return talk


def test_certificates_are_told_apart(tmp_path: Path) -> None:
    good, old = certificate(tmp_path), certificate(tmp_path, days=-1)
    other = certificate(tmp_path, address="127.0.0.2")
    full = "?sslmode=verify-full&sslrootcert="
    with serving(over_tls(good)) as port:
        assert "root certificate" in ours(read(to(port, f"{full}/gone"), seconds=1))
        assert "cannot be verified" in ours(read(to(port, f"{full}{other}"), seconds=1))
        assert problem(read(to(port, f"{full}{good}"), seconds=0.5)) == "accepts but does not answer within 0.5 s"
    with serving(over_tls(other)) as port:
        assert "another name" in ours(read(to(port, f"{full}{other}"), seconds=1))
    with serving(over_tls(old)) as port:
        assert "expired" in ours(read(to(port, f"{full}{old}"), seconds=1))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "UPDATE pg_database SET datallowconn = false WHERE datname = 'penhas'",
            "UPDATE pg_database SET datallowconn = true WHERE datname = 'penhas'",
            "the database takes no sessions: ALTER DATABASE … ALLOW_CONNECTIONS true (55000)",
        ),
        (
            "BEGIN; LOCK TABLE pg_attribute IN ACCESS EXCLUSIVE MODE",
            "ROLLBACK",
            "no session begins: a table of the system's own is locked, as by VACUUM FULL of it (55P03)",
        ),
    ],
)
def test_a_database_that_lets_nobody_begin_says_why(pair: Pair, before: str, after: str, expected: str) -> None:
    with contextlib.closing(pair.primary.connect()) as holder:
        holder.execute(before.encode())
        try:
            found = problem(read(pair.dsn(pair.primary.port, more="?options=-clock_timeout%3D200")))
        finally:
            holder.execute(after.encode())
    assert found == expected


def test_exhausted_connections_are_told_from_our_own_limit(pair: Pair) -> None:
    with contextlib.ExitStack() as opened:
        for _ in range(5):
            opened.enter_context(contextlib.closing(pair.primary.connect("penhas_checks")))
        assert "CONNECTION LIMIT" in ours(read(pair.dsn(pair.primary.port)))
    with contextlib.ExitStack() as opened:
        for _ in range(17):
            opened.enter_context(contextlib.closing(pair.primary.connect("penhas_app")))
        kept = read(pair.dsn(pair.primary.port))
        assert problem(kept) == "connections exhausted (53300)"
    connection = kept.outcomes["postgresql_connection"]
    assert isinstance(connection, PostgresqlConnection)
    assert connection.sqlstate == "53300"


def test_the_code_of_a_refusal_is_read_in_any_language() -> None:
    trace = 'B\t103\tErrorResponse\t S "FATAL" V "FATAL" C "28P01" M "autenticação" F "auth.c" R "auth_failed" \\x00\n'
    assert error_in_trace(trace) == ("28P01", "auth_failed")
    assert error_in_trace("") == ("", "")


@pytest.mark.parametrize(
    ("dsn", "variables", "expected"),
    [
        ("host=127.0.0.1 hostaddr=127.0.0.1,127.0.0.2 user=a", {}, "names several hosts"),
        ("service=both user=a", {}, "names a service"),
        ("user=a", {"PGHOST": "127.0.0.1,127.0.0.1"}, "leaves host to libpq's environment"),
        ("host=127.0.0.1 user=a", {"PGHOSTADDR": "127.0.0.1,127.0.0.1"}, "leaves hostaddr to libpq's environment"),
        ("user=a", {"PGSERVICE": "both"}, "leaves host to libpq's environment"),
    ],
)
def test_whatever_may_mean_two_hosts_is_refused_and_none_is_contacted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dsn: str, variables: dict[str, str], expected: str
) -> None:
    (tmp_path / "services").write_text("[both]\nhost=127.0.0.1,127.0.0.1\n")
    with socket.create_server(("127.0.0.1", 0)) as second:
        second.setblocking(False)
        monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
        monkeypatch.setenv("PGPORT", f"1,{second.getsockname()[1]}")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        kept = read(dsn)
        with pytest.raises(BlockingIOError):
            second.accept()
    for name in NAMES:
        error = kept.error(name)
        assert error.reason is Reason.OURS
        assert expected in error.why
    monkeypatch.setenv("PENHAS_CHECKS_DSN", dsn)
    assert expected in several_hosts(parameters(dsn))


def test_one_host_of_libpqs_environment_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    assert several_hosts(parameters("user=a dbname=b")) == ""
    monkeypatch.setenv("PGHOST", "one,two")
    assert several_hosts(parameters("host=here user=a")) == ""
