"""What each role answers, as a table: what it may not see is denied, its check UNKNOWN, and never OK."""

import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from checks.engine import catalog
from checks.engine.environment import Environment
from checks.engine.model import NotJudged, ProbeError, Reading
from checks.engine.probes.postgresql.table import LAG, STATEMENTS
from checks.engine.readings import DERIVED, READINGS
from lab.postgresql import CHECKS, find
from lab.state import REPOSITORY
from tests.postgresql.conftest import MONITOR, PLAIN, REPLICA, SUPERUSER, Pair, Read, word
from tests.probes.context import Kept

_OURS = tuple(name for name in STATEMENTS if name.startswith("postgresql_") and name != LAG)
ALL = tuple(name for name in _OURS if READINGS[name].kinds == () or "primary" in READINGS[name].kinds)
OF_REPLICA = tuple(name for name in _OURS if READINGS[name].kinds == () or "replica" in READINGS[name].kinds)
THROUGH_VIEWS = {
    "postgresql_bloat",
    "postgresql_index_bloat",
    "postgresql_migrations",
    "postgresql_sequences",
    "postgresql_sequences_behind",
    "postgresql_sessions_table",
}
NEED_MONITOR = {
    "postgresql_archiver",
    "postgresql_autovacuum",
    "postgresql_blocked",
    "postgresql_configuration",
    "postgresql_connections",
    "postgresql_headroom",
    "postgresql_horizon",
    "postgresql_indexes",
    "postgresql_limits",
    "postgresql_sent",
    "postgresql_settings",
    "postgresql_standbys",
    "postgresql_statements",
    "postgresql_statements_loaded",
    "postgresql_statements_store",
    "postgresql_tls",
    "postgresql_transactions",
    "postgresql_wal_folder",
}
REPLICA_NEEDS_MONITOR = {name for name in NEED_MONITOR if name in OF_REPLICA} | {
    "postgresql_received",
    "postgresql_receiver",
}


@pytest.mark.parametrize(
    ("role", "denied"),
    [(PLAIN, NEED_MONITOR | THROUGH_VIEWS), (MONITOR, THROUGH_VIEWS), (CHECKS, set()), (SUPERUSER, set())],
)
def test_what_a_role_may_not_see_on_the_primary_is_denied(pair: Pair, read: Read, role: str, denied: set[str]) -> None:
    if role == PLAIN and pair.major in {15, 16}:
        denied = denied | {"postgresql_slots"}  # before 17 it is files that say how long nobody reads one
    kept = read(ALL, role)
    assert {name: word(outcome) for name, outcome in kept.outcomes.items()} == {
        name: "denied" if name in denied else "read" for name in ALL
    }
    for name in denied:
        assert "GRANT" in kept.error(name).mend or "grants/postgresql.sql" in kept.error(name).mend, name


@pytest.mark.parametrize(
    ("role", "denied"), [(PLAIN, REPLICA_NEEDS_MONITOR), (MONITOR, set()), (CHECKS, set()), (SUPERUSER, set())]
)
def test_what_a_role_may_not_see_on_the_replica_is_denied(read: Read, role: str, denied: set[str]) -> None:
    kept = read(OF_REPLICA, role, REPLICA)
    assert {name: word(outcome) for name, outcome in kept.outcomes.items()} == {
        name: "denied" if name in denied else "read" for name in OF_REPLICA
    }


def test_what_is_of_the_primary_says_on_a_standby_what_it_is_and_nothing_breaks(read: Read) -> None:
    names = tuple(name for name in ALL if name not in OF_REPLICA)
    outcomes = read(names, CHECKS, REPLICA).outcomes
    broken = {name: outcome.why for name, outcome in outcomes.items() if isinstance(outcome, ProbeError)}
    assert broken == {}
    assert {name for name, outcome in outcomes.items() if isinstance(outcome, NotJudged)} == {
        "postgresql_autovacuum",
        "postgresql_sent",
    }


def test_no_reading_holds_a_statement_text_or_a_row(read: Read) -> None:
    names = tuple(name for name in ALL if name.startswith("postgresql_statements"))
    for outcome in read(names).outcomes.values():
        assert isinstance(outcome, Reading)
        assert "SELECT" not in repr(outcome).upper()


ENVIRONMENT = """
name = "pair"
[postgresql]
primary = { name = "primary", env = "PENHAS_CHECKS_PRIMARY" }
replicas = [{ name = "replica1", env = "PENHAS_CHECKS_REPLICA" }]
migrations = { minion = "23" }
"""
LEAST = {PLAIN: 45, MONITOR: 6, CHECKS: 0, SUPERUSER: 0}  # checks that cannot tell
PRIVILEGES = {PLAIN: "UNKNOWN", MONITOR: "OK", CHECKS: "OK", SUPERUSER: "WARNING"}


@pytest.fixture
def one(pair: Pair, request: pytest.FixtureRequest) -> Pair:
    """Give the pair of one version: the others' readings are proven beside this, and checks do not depend on it."""
    full = request.config.getoption("--full")
    if not full and (pair.kind != find("auto").kind or request.node.callspec.params["role"] in {CHECKS, SUPERUSER}):
        pytest.skip("one version, and the roles that see too little, are enough without --full")
    return pair


@pytest.mark.parametrize("role", LEAST)
def test_a_check_is_unknown_where_what_it_reads_is_denied(one: Pair, read: Read, tmp_path: Path, role: str) -> None:
    """What is denied is that of the tables above; a replica's lag is the way from a position of the primary."""
    of_primary, of_replica = _denied(read(ALL, role)), _denied(read(OF_REPLICA, role, REPLICA))
    of_replica |= {LAG} if "postgresql_standbys" in of_primary else set()
    found = _states(one, tmp_path, role)
    reads = _reads()
    expected = {f"postgresql-privileges@{name}" for name in ("primary", "replica1") if PRIVILEGES[role] == "UNKNOWN"}
    for key in found:
        check, _, target = key.partition("@")
        primarys = {name for name in reads[check] if READINGS[name].kinds == ("primary",)}
        if (reads[check] - primarys) & (of_primary if target == "primary" else of_replica) or primarys & of_primary:
            expected.add(key)
    assert {key for key, state in found.items() if state == "UNKNOWN"} == expected
    assert {found[f"postgresql-privileges@{name}"] for name in ("primary", "replica1")} == {PRIVILEGES[role]}
    assert len(found) > 80
    assert len(expected) >= LEAST[role]


def _denied(kept: Kept) -> set[str]:
    return {name for name, outcome in kept.outcomes.items() if word(outcome) == "denied"}


def _states(pair: Pair, folder: Path, role: str) -> dict[str, str]:
    """Run every check of PostgreSQL as a role, and return its states."""
    (folder / "pair.toml").write_text(ENVIRONMENT)
    variables = {"PENHAS_CHECKS_PRIMARY": pair.primary.dsn(role), "PENHAS_CHECKS_REPLICA": pair.replica.dsn(role)}
    command = [sys.executable, "-m", "pytest", "checks", f"--environment={folder / 'pair.toml'}", "-q"]
    done = subprocess.run(
        [*command, f"--reports-dir={folder / 'reports'}", "-p", "no:cacheprovider", "-p", "no:html"],
        cwd=REPOSITORY,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    results = folder / "reports" / "pair" / "latest" / "results.json"
    assert results.exists(), done.stdout
    found = json.loads(results.read_text(encoding="utf-8"))["checks"]
    return {f"{c['id']}@{c['target']}": c["state"] for c in found if c["target"] in {"primary", "replica1"}}


def _reads() -> dict[str, set[str]]:
    """Return what each check reads: its row's reading, or those that its function takes."""
    folder = Path(catalog.__file__).parents[1]
    rows = catalog.load(folder, Environment.model_validate({"name": "here"}), "here.toml", time.time()).rows
    reads = {row.id: {_base(row.reading)} for row in rows}
    for path in folder.glob("*/test_*.py"):
        for check in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(check, ast.FunctionDef):
                names = {argument.arg for argument in check.args.args} & READINGS.keys()
                reads[check.name.removeprefix("test_").replace("_", "-")] = {_base(name) for name in names}
    return reads


def _base(name: str) -> str:
    """Return the reading that a derived one, or an alias, is made of."""
    name = READINGS[name].of or name
    return DERIVED[name].base if name in DERIVED else name
