"""The probe of PostgreSQL through a real PgBouncer with a pool of one in transaction mode, which it leaves clean."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from checks.engine.environment import Environment
from checks.engine.model import Reading, Target
from checks.engine.probes import postgresql
from checks.engine.readings.postgresql import PostgresqlConnection
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
