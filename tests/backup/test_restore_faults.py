"""Every fault of the table is made on a real server, restored, and seen; and what a naive restore says of it."""

from pathlib import Path

import pytest

from checks.engine.probes.backup.manifest import Manifest
from tests.backup.faults import BASE, FAULTS, Fault
from tests.backup.restoring import Bench, bench, compare, manifest_of

__all__ = ["bench"]  # a fixture


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_fault_is_seen(bench: Bench, fault: Fault) -> None:
    """Exactly the aspects of the table turn, and the findings name the table or object."""
    if bench.source.major < fault.least:
        pytest.skip(f"from PostgreSQL {fault.least}")
    manifest, dump = _taken(bench, fault)
    findings = compare(bench, f"ours_{fault.id.lower()}", dump, manifest)
    assert {name for name in fault.turns if name not in findings} == set(), findings.keys()
    extra = set(findings) - set(fault.turns) - _FOLLOW.get(fault.id, set())
    assert extra == set(), {name: findings[name] for name in extra}
    told = " ".join(text for texts in findings.values() for text in texts)
    assert [name for name in fault.names if name not in told] == []
    assert "Marcada" not in told


# What follows from a fault by itself, beside what it is told by.
_FOLLOW = {
    "R3": {"structure", "listed", "sequences", "references"},
    "R4": {"security", "references", "sequences", "contents", "validated"},
    "R8": {"structure", "listed"},
    "R13": {"structure", "listed", "security"},
    "N1": {"structure", "security", "listed", "sequences", "large objects", "filled", "contents", "policies"},
    "N4": {"security", "sequences"},
    "N5": {"structure", "security", "listed", "errors", "large objects"},
    "N6": {"security", "extensions", "sequences", "large objects"},
    "N13": {"structure"},
    "N14": {"structure"},
}


def _taken(bench: Bench, fault: Fault) -> tuple[Manifest, Path]:
    name = f"f_{fault.id.lower()}"
    source = bench.source
    template = "base" if fault.create == "" else "template0"
    source.run(
        "postgres", f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} TEMPLATE {template} {fault.create}"
    )
    if fault.create != "":
        source.run(name, *BASE)
    for statement in fault.source:
        source.run(name, statement)
    manifest = manifest_of(source, name)
    for statement in fault.after:
        source.run(name, statement)
    if fault.other:
        source.run("postgres", "DROP DATABASE IF EXISTS empty", "CREATE DATABASE empty TEMPLATE template0")
    dump = bench.folder / f"{fault.id}.dump"
    run = source.program(
        "pg_dump", "-Fc", *fault.dump, "-f", str(dump), "empty" if fault.other else name, user=fault.role
    )
    assert run.returncode == 0, run.stderr
    if fault.spoil is not None:
        fault.spoil(dump)
    return manifest, dump
