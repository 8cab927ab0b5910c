"""What each role's checks answer, as a table: UNKNOWN wherever what they read is denied, and nowhere else."""

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
from checks.engine.readings import DERIVED, READINGS
from lab.postgresql import CHECKS, find
from lab.state import REPOSITORY
from tests.postgresql.conftest import MONITOR, PLAIN, SUPERUSER, Pair
from tests.postgresql.test_blindness import NEED_MONITOR, REPLICA_NEEDS_MONITOR, THROUGH_VIEWS

ENVIRONMENT = """
name = "pair"
[postgresql]
primary = { name = "primary", env = "PENHAS_CHECKS_PRIMARY" }
replicas = [{ name = "replica1", env = "PENHAS_CHECKS_REPLICA" }]
migrations = { minion = "23" }
"""
# A replica's lag is the way between two positions, and a role that may not see the primary's cannot tell it.
LAG = {"postgresql_replication_lag"}
DENIED = {
    PLAIN: (NEED_MONITOR | THROUGH_VIEWS, REPLICA_NEEDS_MONITOR | LAG),
    MONITOR: (THROUGH_VIEWS, set[str]()),
    CHECKS: (set[str](), set[str]()),
    SUPERUSER: (set[str](), set[str]()),
}
LEAST = {PLAIN: 45, MONITOR: 6, CHECKS: 0, SUPERUSER: 0}  # checks that cannot tell
PRIVILEGES = {PLAIN: "UNKNOWN", MONITOR: "OK", CHECKS: "OK", SUPERUSER: "WARNING"}


@pytest.fixture
def one(pair: Pair, request: pytest.FixtureRequest) -> Pair:
    """Give the pair of one version: the others' readings are proven beside this, and checks do not depend on it."""
    full = request.config.getoption("--full")
    if not full and (pair.kind != find("auto").kind or request.node.callspec.params["role"] in {CHECKS, SUPERUSER}):
        pytest.skip("one version, and the roles that see too little, are enough without --full")
    return pair


@pytest.mark.parametrize("role", DENIED)
def test_a_check_is_unknown_where_what_it_reads_is_denied(one: Pair, tmp_path: Path, role: str) -> None:
    found = _states(one, tmp_path, role)
    reads = _reads()
    expected = set[str]()
    for key in found:
        check, _, target = key.partition("@")
        denied = DENIED[role][0] if target == "primary" else DENIED[role][1]
        primarys = {name for name in reads[check] if READINGS[name].kinds == ("primary",)}
        if (reads[check] - primarys) & denied or primarys & DENIED[role][0]:
            expected.add(key)
    expected |= {f"postgresql-privileges@{name}" for name in ("primary", "replica1") if PRIVILEGES[role] == "UNKNOWN"}
    assert {key for key, state in found.items() if state == "UNKNOWN"} == expected
    assert {found[f"postgresql-privileges@{name}"] for name in ("primary", "replica1")} == {PRIVILEGES[role]}
    assert len(found) > 80
    assert len(expected) >= LEAST[role]


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
