"""Every fault of the table is made on a real server, restored, and seen; and what a naive restore says of it."""

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from checks.engine.environment.secrets import SecretText
from checks.engine.probes.backup import binaries, restore, scratch
from checks.engine.probes.backup import verify as verifying
from checks.engine.probes.backup.manifest import Manifest
from checks.engine.probes.backup.proof import Source as Compared
from checks.take_backup import source as taking
from tests.backup import made
from tests.backup.faults import BASE, FAULTS, Fault
from tests.backup.servers import Source

SEED = 4711


@dataclass(frozen=True, slots=True)
class Bench:
    """A source and a throw-away server of the same version."""

    source: Source
    scratch: scratch.Server
    folder: Path


@pytest.fixture(scope="module", params=["oldest", "newest"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    source: Source = request.getfixturevalue(request.param)
    if request.param == "newest" and source is request.getfixturevalue("oldest"):
        pytest.skip("one version of PostgreSQL only")
    source.run("postgres", "DROP ROLE IF EXISTS faults_app", "CREATE ROLE faults_app LOGIN")
    source.database("base", *BASE)
    with ExitStack() as stack:
        folder = stack.enter_context(scratch.folder(None, False))
        server = stack.enter_context(scratch.server(folder, binaries.choose(source.major), 60))
        with server.connect("postgres") as link:
            link.execute("CREATE ROLE naive SUPERUSER LOGIN")
        yield Bench(source, server, folder.fetched)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_fault_is_seen(bench: Bench, fault: Fault) -> None:
    """Exactly the aspects of the table turn, and the findings name the table or object."""
    if bench.source.major < fault.least:
        pytest.skip(f"from PostgreSQL {fault.least}")
    manifest, dump = _taken(bench, fault)
    held = restore.contents(dump)
    name = f"ours_{fault.id.lower()}"
    done = restore.restore(bench.scratch, dump, held, database=name, seconds=60)
    compared = Compared(manifest, None, SEED, "", 60.0)
    seen = verifying.verify(bench.scratch, name, held.entries, compared, hands=2)
    findings = {aspect.name: aspect.findings for aspect in seen.aspects if aspect.findings}
    if done.errors:
        findings["errors"] = tuple(str(error) for error in done.errors)
    assert {name for name in fault.turns if name not in findings} == set(), findings.keys()
    extra = set(findings) - set(fault.turns) - _FOLLOW.get(fault.id, set())
    assert extra == set(), {name: findings[name] for name in extra}
    told = " ".join(text for texts in findings.values() for text in texts)
    assert [name for name in fault.names if name not in told] == []
    assert "Marcada" not in told
    _drop(bench, name)


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
    manifest = _manifest(source, name)
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


def _manifest(source: Source, database: str) -> Manifest:
    with taking.snapshot(SecretText(source.dsn(database))) as (link, facts):
        content = taking.content(link, SEED, lambda *_: None)
    return dataclasses.replace(
        made.manifest("penhas", b"", 0.0, database=facts.database),
        server_version_num=facts.version_num,
        tables=content.tables,
        large_objects=content.large_objects,
        large_objects_sum=content.large_objects_sum,
        structure=content.structure,
    )


def _drop(bench: Bench, *names: str) -> None:
    with bench.scratch.connect("postgres") as link:
        for name in names:
            link.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
