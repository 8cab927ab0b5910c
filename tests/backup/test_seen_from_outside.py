"""What is wrong with a backup and seen without restoring it: each fault made on a real server, and what tells it.

A naive look (pg_restore --list, a fresh file, a usual size) sees none of these.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest

from checks.engine.environment import Environment
from checks.engine.environment.models import Backup
from checks.engine.environment.secrets import SecretText
from checks.engine.model import State
from checks.engine.probes.backup import manifest as manifests
from checks.engine.probes.backup.examine import examine
from checks.engine.probes.backup.inventory import take_stock
from checks.engine.probes.backup.looking import inventory
from checks.engine.probes.backup.manifest import Manifest
from checks.engine.probes.backup.store import open_store
from checks.engine.probes.backup.store_folder import FolderStore
from checks.take_backup.progress import Progress
from checks.take_backup.take import Plan, take
from tests.backup import made
from tests.backup.servers import Source
from tests.backup.test_backup_checks import said

SCHEMA = (
    "CREATE EXTENSION citext",
    "CREATE TABLE clientes (id serial PRIMARY KEY, nome citext)",
    "CREATE TABLE casos (id serial PRIMARY KEY, cliente int REFERENCES clientes, texto text)",
    "CREATE TABLE evidencias (id int PRIMARY KEY, caso int REFERENCES casos)",
    "CREATE VIEW resumo AS SELECT count(*) FROM casos",
    "INSERT INTO clientes (nome) SELECT 'Marcada ' || g FROM generate_series(1, 3000) g",
    "INSERT INTO casos (cliente, texto) SELECT g, md5(g::text) FROM generate_series(1, 3000) g",
    "INSERT INTO evidencias SELECT g, g FROM generate_series(1, 3000) g",
    "SELECT lo_from_bytea(0, 'um')",
    "ALTER TABLE casos ENABLE ROW LEVEL SECURITY",
    "DROP ROLE IF EXISTS parcial",
    "CREATE ROLE parcial LOGIN IN ROLE pg_read_all_data",
    "CREATE POLICY metade ON casos TO parcial USING (id % 2 = 0)",
    "ALTER ROLE parcial SET lo_compat_privileges TO on",
)


@dataclass(frozen=True, slots=True)
class Night:
    """A store with one backup that take_backup took, and its server."""

    server: Source
    folder: Path
    manifest: Manifest

    @property
    def dump(self) -> Path:
        """The dump's file."""
        return self.folder / self.manifest.dump.name

    def replace(self, data: bytes, **changes: object) -> None:
        """Put another dump in its place, with a manifest that was signed for it."""
        self.dump.write_bytes(data)
        digest = sha256(data).hexdigest()
        files = tuple(
            replace(file, size=len(data), sha256=digest) if file.role == "dump" else file
            for file in self.manifest.files
        )
        made.commit(self.folder, replace(self.manifest, files=files, **changes))  # type: ignore[arg-type]

    def said(self) -> dict[str, tuple[State, str]]:
        """Return what each check that is about the backup's own contents says, where that is not OK."""
        backup = Backup.model_validate(
            {"folder": str(self.folder), "seed": {"env": "PENHAS_CHECKS_TEST_SEED"}, "databases": ["penhas"]}
        )
        environment = Environment(name="test", backup=backup)
        store = open_store(backup)
        stock = take_stock(store, backup)
        outside = inventory(store, stock, environment)
        whole = examine(store, stock, environment, lambda: 60.0)
        found = {check: said(check, outside) for check in _OUTSIDE} | {check: said(check, whole) for check in _WHOLE}
        return {check: (state, self._told(text)) for check, (state, text) in found.items() if state is not State.OK}

    def _told(self, text: str) -> str:
        """Return a message without what differs from run to run."""
        for varies, name in ((self.manifest.name, "NAME"), (f"folder {self.folder}", "the folder")):
            text = text.replace(varies, name)
        return text.removeprefix("backup postgresql: ")

    def judge(self) -> dict[str, State]:
        """Return the states alone."""
        return {check: state for check, (state, _) in self.said().items()}

    def naive(self) -> str:
        """Return what a script sees that lists the newest file: its age by its time, and pg_restore --list."""
        newest = max(self.folder.glob("*.dump"), key=lambda path: path.stat().st_mtime)
        listed = self.server.program("pg_restore", "--list", str(newest)).returncode
        fresh = time.time() - newest.stat().st_mtime < 26 * 3600
        return f"{'fresh' if fresh else 'old'}, exit {listed}"


_OUTSIDE = ("freshness", "manifest_signed", "source_current", "databases_complete")
_WHOLE = ("whole", "toc_complete", "rows_complete", "globals", "version_restorable")


@pytest.fixture
def night(oldest: Source, tmp_path: Path) -> Night:
    """A backup of tonight."""
    oldest.database("penhas", *SCHEMA)
    plan = Plan(
        SecretText(oldest.dsn("penhas")),
        FolderStore(tmp_path / "store", ""),
        "",
        SecretText(made.SEED.decode()),
        (),
        oldest.programs,
        tmp_path / "stage",
    )
    (tmp_path / "store").mkdir()
    return Night(oldest, tmp_path / "store", take(plan, Progress(quiet=True)))


def dumped(*options: str, user: str = "postgres", database: str = "penhas") -> Callable[[Night], None]:
    """Return a fault: pg_dump was called like this."""

    def change(night: Night) -> None:
        done = night.server.program("pg_dump", "--format=custom", *options, database, user=user)
        assert done.returncode == 0, done.stderr
        night.replace(done.stdout)

    return change


def cut(night: Night) -> None:
    """Cut the file after it was written."""
    night.dump.write_bytes(night.dump.read_bytes()[:-1])


def flipped(night: Night) -> None:
    """Change one letter of a row in a dump without compression, of the same length."""
    done = night.server.program("pg_dump", "--format=custom", "--compress=0", "penhas")
    night.replace(done.stdout)
    night.dump.write_bytes(done.stdout.replace(b"Marcada 777\n", b"Larcada 777\n"))


def old_and_touched(night: Night) -> None:
    """Copy the backup of last week over tonight's: its file is new."""
    at = time.time() - 8 * made.DAY
    night.replace(made.dated(night.dump.read_bytes(), at), snapshot_at=at)


def stale(night: Night) -> None:
    """Dump a replica whose replay stood still for a day."""
    made.commit(night.folder, made.from_replica(night.manifest, made.DAY))


def no_roles(night: Night) -> None:
    """Take the dump without the roles."""
    next(night.folder.glob("*.globals.sql")).unlink()


def killed(night: Night) -> None:
    """Kill the backup before its last step, a night after a good one."""
    data, at = night.dump.read_bytes(), time.time() + 60
    (night.folder / "penhas-later.dump").write_bytes(made.dated(data, at)[: len(data) // 2])


def forged(night: Night) -> None:
    """Replace dump and manifest by someone who has not the seed."""
    made.commit(night.folder, night.manifest, seed=b"of a stranger")


CRITICAL = State.CRITICAL
DOCS = Path(__file__).parents[2] / "docs" / "backup-seen.md"
FAULTS = 15
_SEEN: dict[str, tuple[str, dict[str, str]]] = {}  # by fault: what a naive look says, and what the checks say


@pytest.mark.parametrize(
    ("fault", "states"),
    [
        pytest.param(lambda _: None, {}, id="nothing"),
        pytest.param(cut, {"freshness": CRITICAL, "databases_complete": CRITICAL}, id="N1 cut"),
        pytest.param(flipped, {"whole": CRITICAL}, id="N2 bit rot without compression"),
        pytest.param(dumped("--exclude-table-data=evidencias"), {"toc_complete": CRITICAL}, id="N3 rows left out"),
        pytest.param(dumped("--exclude-table=evidencias"), {"toc_complete": CRITICAL}, id="N4 table left out"),
        pytest.param(dumped("--exclude-table=resumo"), {"toc_complete": CRITICAL}, id="N4 view left out"),
        pytest.param(
            dumped("--enable-row-security", user="parcial"), {"rows_complete": CRITICAL}, id="N5 row security"
        ),
        pytest.param(
            dumped(database="postgres"),
            {"whole": CRITICAL, "toc_complete": CRITICAL, "rows_complete": State.NOT_JUDGED},
            id="N6 other database",
        ),
        pytest.param(
            old_and_touched, {"freshness": CRITICAL, "databases_complete": CRITICAL}, id="N7 stale file, fresh mtime"
        ),
        pytest.param(stale, {"source_current": CRITICAL}, id="N8 stale replica"),
        pytest.param(dumped("--no-blobs"), {"toc_complete": CRITICAL}, id="N13 large objects left out"),
        pytest.param(no_roles, {"globals": CRITICAL}, id="N16 no roles"),
        pytest.param(dumped("--schema=public"), {"toc_complete": CRITICAL}, id="R13 one schema only"),
        pytest.param(killed, {}, id="N1 killed: the good one before it counts"),
        pytest.param(
            forged,
            {"freshness": CRITICAL, "manifest_signed": CRITICAL, "databases_complete": CRITICAL},
            id="forged manifest",
        ),
    ],
)
def test_a_fault_is_told_without_a_restore(
    night: Night, fault: Callable[[Night], None], states: dict[str, State], request: pytest.FixtureRequest
) -> None:
    fault(night)
    told = night.said()
    _SEEN[request.node.callspec.id] = (night.naive(), {c: t for c, (s, t) in told.items() if s is CRITICAL})
    found = {check: state for check, (state, _) in told.items()}
    if "freshness" in states:  # without a backup the others judge nothing
        found = {check: state for check, state in found.items() if state is State.CRITICAL}
    assert found == states


def test_the_table_in_the_docs_is_what_was_seen() -> None:
    if len(_SEEN) < FAULTS:
        pytest.skip("only some of the faults were made")
    rows = [
        f"| {name} | {naive} | {'<br>'.join(f'`backup-{c.replace(chr(95), chr(45))}`: {t}' for c, t in told.items())} |"
        for name, (naive, told) in _SEEN.items()
    ]
    text = f"{_HEAD}{chr(10).join(rows)}\n"
    if os.environ.get("PENHAS_CHECKS_WRITE_DOCS"):
        DOCS.write_text(text, encoding="utf-8")
    assert DOCS.read_text(encoding="utf-8") == text, "it is stale: run this file with PENHAS_CHECKS_WRITE_DOCS=1"


_HEAD = """# What is seen of a backup without restoring it

Each fault is made on a real server by `tests/backup/test_seen_from_outside.py`. A naive look is the newest file, its
age by its own time, and the exit code of `pg_restore --list`. What only a restore tells is in
[backup-faults.md](backup-faults.md). This table is what the tests saw; they fail when it is stale.

| fault | a naive look | these checks are CRITICAL |
|---|---|---|
"""


def test_a_newer_pg_dump_than_its_server_is_told(oldest: Source, newest: Source, night: Night) -> None:
    if oldest.major == newest.major:
        pytest.skip("only one major version is installed")
    other = Source(oldest.folder, newest.programs, oldest.major)
    data = other.program("pg_dump", "--format=custom", "penhas").stdout
    night.replace(data)
    assert night.judge() == {"version_restorable": State.WARNING}


def test_the_manifests_own_file_is_private_and_says_no_row(night: Night) -> None:
    path = night.folder / f"{night.manifest.name}{manifests.SUFFIX}"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "Marcada" not in path.read_text()
