"""Every fault of the table is made on a real server, restored, and seen; and what a naive restore says of it."""

import os
from pathlib import Path

import pytest

from checks.engine.probes.backup.manifest import Manifest
from tests.backup.faults import BASE, FAULTS, Fault
from tests.backup.naive import Naive, naive
from tests.backup.restoring import Bench, bench, compare, manifest_of

__all__ = ["bench"]  # a fixture

DOCS = Path(__file__).parents[2] / "docs/backup-faults.md"
CLIENTES = 2000
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
_SEEN: dict[str, tuple[Naive, dict[str, tuple[str, ...]]]] = {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_fault_is_seen(bench: Bench, fault: Fault) -> None:
    """Exactly the aspects of the table turn, and the findings name the table or object and no row."""
    manifest, dump = _taken(bench, fault)
    findings = compare(bench, f"ours_{fault.id.lower()}", dump, manifest)
    assert {name for name in fault.turns if name not in findings} == set(), findings.keys()
    extra = set(findings) - set(fault.turns) - _FOLLOW.get(fault.id, set())
    assert extra == set(), {name: findings[name] for name in extra}
    told = " ".join(text for texts in findings.values() for text in texts)
    assert [name for name in fault.names if name not in told] == []
    assert "Marcada" not in told
    assert b"Marcada" not in bench.scratch.folder.log.read_bytes()
    if fault.id not in _SEEN:
        _SEEN[fault.id] = (naive(bench, f"naive_{fault.id.lower()}", dump), findings)


def test_the_docs_say_what_was_seen() -> None:
    """The table in the docs is what the tests above saw; PENHAS_CHECKS_WRITE_DOCS=1 writes it anew."""
    if len(_SEEN) < len(FAULTS):
        pytest.skip("only where every fault was made")
    text = "".join(_docs())
    if os.environ.get("PENHAS_CHECKS_WRITE_DOCS") == "1":
        DOCS.write_text(text, "utf-8")
    assert DOCS.read_text("utf-8") == text


def _docs() -> list[str]:
    head = (
        "# What a restore does not say by itself\n\n"
        "Each fault is made on a real server by `tests/backup/faults.py`, dumped, and restored twice: as a runbook\n"
        f"does (`pg_restore -d X file; SELECT count(*) FROM clientes`, {CLIENTES} rows are due), and by this suite\n"
        "with the manifest that `checks.take_backup` writes. R is seen by a strict restore, N is missed by one.\n"
        "This table is what the tests saw; they fail when it is stale.\n\n"
        "| | fault | exit of pg_restore | count of clientes | this suite says |\n|---|---|---|---|---|\n"
    )
    return [head, *(_row(fault, *_SEEN[fault.id]) for fault in FAULTS)]


def _row(fault: Fault, runbook: Naive, findings: dict[str, tuple[str, ...]]) -> str:
    count = (
        "no such table" if runbook.rows is None else f"{runbook.rows}{'' if runbook.rows == CLIENTES else ', wrong'}"
    )
    said = "; ".join(_first(findings[name], fault.names) for name in fault.turns[:2]) or "the same as the source"
    return f"| {fault.id} | {fault.what} | {runbook.code} | {count} | {said.replace('|', '/')} |\n"


def _first(texts: tuple[str, ...], names: tuple[str, ...]) -> str:
    """Return what names the table in question: which others are lost with it depends on two jobs' race."""
    return next((text for text in texts if any(name in text for name in names)), texts[0])


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
