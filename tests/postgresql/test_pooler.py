"""Every statement through a real PgBouncer with a pool of one in transaction mode, and an application behind it."""

from collections.abc import Iterator

import psycopg
import pytest

from checks.engine.environment import Environment
from checks.engine.probes import postgresql
from lab.postgresql import CHECKS
from tests.bouncer import PROGRAM, bouncing
from tests.postgresql.conftest import PRIMARY, Pair, word
from tests.postgresql.test_blindness import ALL
from tests.probes.context import Kept


@pytest.fixture
def bouncer(pair: Pair) -> Iterator[int]:
    """Start a PgBouncer that lends one connection to whoever asks, each as the role that it says it is."""
    if PROGRAM is None:
        pytest.skip("pgbouncer is not installed")
    folder = pair.primary.sockets
    server = f"penhas = host={folder} port={pair.primary.port}"
    with bouncing(folder, server, (CHECKS, "postgres")) as port:
        yield port


def test_every_statement_is_read_through_a_pool_of_one_and_an_insert_goes_through_it_afterwards(
    bouncer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One role for both, so that it is one pool and the same connection.
    dsn = f"postgresql://postgres@127.0.0.1:{bouncer}/penhas?sslmode=disable"
    monkeypatch.setenv("PENHAS_CHECKS_DSN", dsn)
    table = {
        "primary": {"name": "primary", "env": "PENHAS_CHECKS_DSN"},
        "pooler": True,
        "migrations": {"minion": "23"},
    }
    kept = Kept(Environment.model_validate({"name": "test", "postgresql": table}), PRIMARY, ALL, seconds=30.0)
    postgresql.read(kept)
    assert {name: word(outcome) for name, outcome in kept.outcomes.items()} == dict.fromkeys(ALL, "read")
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as application:
        application.execute("INSERT INTO tags (title) VALUES ('through the pool') ON CONFLICT DO NOTHING")
        left = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')"
        row = application.execute(left).fetchone()
    assert row == ("0", "0")
