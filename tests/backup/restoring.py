"""Source and throw-away server of the same version, side by side, for the tests that restore."""

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from checks.engine.environment.secrets import SecretText
from checks.engine.probes.backup import binaries, restore, scratch, verify
from checks.engine.probes.backup.manifest import Manifest
from checks.engine.probes.backup.proof import Source as Compared
from checks.take_backup import source as taking
from tests.backup import made
from tests.backup.faults import BASE, ROLE
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
    source.run("postgres", ROLE)
    source.database("base", *BASE)
    with ExitStack() as stack:
        folder = stack.enter_context(scratch.folder(None, False))
        server = stack.enter_context(scratch.server(folder, binaries.choose(source.major), 60))
        with server.connect("postgres") as link:
            link.execute("CREATE ROLE naive SUPERUSER LOGIN")
        yield Bench(source, server, folder.fetched)


def compare(bench: Bench, name: str, dump: Path, manifest: Manifest | None) -> dict[str, tuple[str, ...]]:
    """Restore a backup as `name`, verify it, drop it; return the findings by aspect, the restore's own as `errors`."""
    held = restore.contents(dump)
    done = restore.restore(bench.scratch, dump, held, database=name, seconds=60)
    seen = verify.verify(bench.scratch, name, held.entries, Compared(manifest, None, SEED, "", 60.0), hands=2)
    drop(bench, name)
    findings = {aspect.name: aspect.findings for aspect in seen.aspects if aspect.findings}
    return {**findings, "errors": tuple(str(error) for error in done.errors)} if done.errors else findings


def manifest_of(source: Source, database: str) -> Manifest:
    """Return the manifest of a database as it stands."""
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


def drop(bench: Bench, *names: str) -> None:
    """Drop databases of the throw-away server."""
    with bench.scratch.connect("postgres") as link:
        for name in names:
            link.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
