"""Every statement through a real PgBouncer with a pool of one in transaction mode, and an application behind it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from checks.engine.environment import Environment
from checks.engine.probes import postgresql
from lab.postgresql import CHECKS
from lab.state import REPOSITORY
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
    _insert(dsn)


def test_the_suite_runs_through_a_pool_of_one_and_says_what_it_hides(pair: Pair, bouncer: int, tmp_path: Path) -> None:
    if pair.kind != "debian":
        pytest.skip("a whole run is tried once, through Debian's")
    dsn = f"postgresql://postgres@127.0.0.1:{bouncer}/penhas?sslmode=disable"
    environment = tmp_path / "pooled.toml"
    environment.write_text(
        'name = "pooled"\nproduction = false\n[postgresql]\npooler = true\n'
        'primary = { name = "primary", env = "PENHAS_CHECKS_DSN" }\n'
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "checks", f"--environment={environment}", f"--reports-dir={tmp_path}"],
        cwd=REPOSITORY,
        env={**os.environ, "PENHAS_CHECKS_DSN": dsn, "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    results = (tmp_path / "pooled" / "latest" / "results.json").read_text(encoding="utf-8")
    found = {check["id"]: check for check in json.loads(results)["checks"]}
    blind = [check["message"] for check in found.values() if check["state"] == "UNKNOWN"]
    assert blind == [], run.stdout
    assert found["postgresql-connection"]["state"] == "OK"
    assert "the pooler's own clients cannot be seen" in found["postgresql-tls"]["message"]
    _insert(dsn)


def _insert(dsn: str) -> None:
    """Write as an application does, through the connection that was lent to the suite: nothing stayed on it."""
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as application:
        application.execute("INSERT INTO tags (title) VALUES ('through the pool') ON CONFLICT DO NOTHING")
        left = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')"
        row = application.execute(left).fetchone()
    assert row == ("0", "0")
