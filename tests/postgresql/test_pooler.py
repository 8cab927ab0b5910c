"""Every statement through a real PgBouncer with a pool of one in transaction mode, and an application behind it."""

import shutil
from collections.abc import Iterator

import psycopg
import pytest

from checks.engine.environment import Environment
from checks.engine.probes import postgresql
from lab.postgresql import CHECKS
from lab.processes import Launcher, free_port, listens
from tests.postgresql.conftest import PRIMARY, Pair, word
from tests.postgresql.test_blindness import ALL
from tests.probes.context import Kept

BOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")


@pytest.fixture
def bouncer(pair: Pair) -> Iterator[int]:
    """Start a PgBouncer that lends one connection to whoever asks, each as the role that it says it is."""
    if BOUNCER is None:
        pytest.skip("pgbouncer is not installed")
    folder, port = pair.primary.sockets, free_port()
    (folder / "users.txt").write_text(f'"{CHECKS}" ""\n"postgres" ""\n')
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\npenhas = host={folder} port={pair.primary.port} pool_size=1\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\n"
        f"auth_file = {folder / 'users.txt'}\npool_mode = transaction\n"
    )
    process = Launcher(folder).start("pgbouncer", [BOUNCER, settings])
    process.await_ready(lambda: listens(port))
    yield port
    process.stop()


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
