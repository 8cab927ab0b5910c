"""The probe of PostgreSQL through a real PgBouncer with a pool of one in transaction mode, which it leaves clean."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from checks.engine.environment import Environment
from checks.engine.model import ProbeError, Reading, Target
from checks.engine.probes import postgresql
from checks.engine.probes.postgresql.problems import by_sqlstate
from checks.engine.readings.postgresql import PostgresqlConnection
from lab.processes import free_port
from tests.bouncer import PROGRAM, bouncing
from tests.probes.conftest import Pair
from tests.probes.context import Kept
from tests.probes.sockets import Relay, serving

NAMES = (
    "postgresql_connection",
    "postgresql_server",
    "postgresql_privileges",
    "postgresql_connections",
    "postgresql_standbys",
    "minion_queue",
)

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")
Bounce = Callable[[str], int]


@pytest.fixture
def bounce(pair: Pair, folder: Path) -> Iterator[Bounce]:
    """Start a PgBouncer with one more line of settings and return its port."""
    server = f"penhas = host={pair.primary.sockets} port={pair.primary.port} user=postgres"
    with contextlib.ExitStack() as started:
        yield lambda more: started.enter_context(bouncing(folder, server, ("penhas_checks", "penhas_app"), more))


@pytest.mark.parametrize(
    ("more", "pooler"),
    [("", True), ("", False), ("ignore_startup_parameters = options", False)],
    ids=["told", "refuses-options", "swallows-options"],
)
def test_everything_is_read_and_nothing_stays_on_the_pooled_connection(
    bounce: Bounce, pair: Pair, monkeypatch: pytest.MonkeyPatch, more: str, *, pooler: bool
) -> None:
    bouncer = bounce(more)
    relay = Relay(bouncer)
    with serving(relay) as port:
        monkeypatch.setenv("PENHAS_CHECKS_DSN", pair.dsn(port, more="?sslmode=disable"))
        connection = {"name": "primary", "env": "PENHAS_CHECKS_DSN"}
        table = {"name": "t", "postgresql": {"primary": connection, "pooler": pooler}}
        kept = Kept(Environment.model_validate(table), Target("postgresql", "primary", "primary"), NAMES)
        postgresql.read(kept)
    assert [getattr(o, "why", "") for o in kept.outcomes.values() if not isinstance(o, Reading)] == []
    reached = kept.outcomes["postgresql_connection"]
    assert isinstance(reached, PostgresqlConnection)
    assert reached.reachable
    assert relay.connections == (2 if more == "" and not pooler else 1)
    with psycopg.connect(pair.dsn(bouncer, role="penhas_app"), autocommit=True, prepare_threshold=None) as application:
        application.execute("CREATE TABLE IF NOT EXISTS pooled (n int)")
        application.execute("INSERT INTO pooled VALUES (1)")
        said = application.execute(
            "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
            " current_setting('default_transaction_read_only'),"
            " (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_stat_activity"
            " WHERE usename = 'postgres' AND datname = 'penhas' AND state LIKE 'idle in transaction%')"
        ).fetchone()
    assert said == ("0", "0", "off", 0, 0)


@pytest.mark.parametrize(
    ("asked", "more", "expected"),
    [
        ("penhas_checks gone", "", "the pooler has no such database"),
        ("nobody penhas", "", "the pooler does not let our role in"),
        ("penhas_checks penhas", "max_client_conn = 0", "the pooler takes no more clients"),
        ("penhas_checks penhas", "query_wait_timeout = 1", "the pooler got us no session at its server in time"),
    ],
)
def test_what_a_pooler_refuses_is_said_as_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch, asked: str, more: str, expected: str
) -> None:
    role, database = asked.split()
    # Behind it nobody listens.
    with bouncing(folder, f"penhas = host=127.0.0.1 port={free_port()}", ("penhas_checks",), more) as port:
        monkeypatch.setenv("PENHAS_CHECKS_DSN", f"postgresql://{role}@127.0.0.1:{port}/{database}?sslmode=disable")
        outcome = _connection()
    assert expected in (outcome.why if isinstance(outcome, ProbeError) else getattr(outcome, "problem", ""))
    assert "08P01" in repr(outcome)


@pytest.mark.parametrize(
    ("said", "routine", "expected"),
    [
        ("server login has been failing, try again later (server_login_retry)", "", "is refused by its server"),
        ("pgbouncer cannot connect to server", "", "is refused by its server"),
        ("something new", "", "a pooler refused the session"),
        ("unsupported frontend protocol", "ProcessStartupPacket", "the server does not take our protocol"),
    ],
)
def test_refusals_that_take_long_to_provoke(said: str, routine: str, expected: str) -> None:
    assert expected in by_sqlstate("08P01", routine, said).problem


def _connection() -> object:
    table = {"primary": {"name": "primary", "env": "PENHAS_CHECKS_DSN"}, "pooler": True}
    environment = Environment.model_validate({"name": "t", "postgresql": table})
    kept = Kept(environment, Target("postgresql", "primary", "primary"), NAMES[:1], seconds=2.5)
    postgresql.read(kept)
    return kept.outcomes["postgresql_connection"]
