"""A backup is taken whole and can be proven, or nothing of it is stored and the exit code says so."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from checks.engine.environment.secrets import SecretText
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup.archive import Header
from checks.engine.probes.backup.archive_read import Contents, TableData
from checks.engine.probes.backup.inventory import take_stock
from checks.engine.probes.backup.manifest import TableSum
from checks.engine.probes.backup.store import Store, open_store
from checks.engine.probes.backup.store_folder import FolderStore
from checks.take_backup.failure import BackupFailed
from checks.take_backup.progress import Progress
from checks.take_backup.source import Content
from checks.take_backup.take import Plan, agree, take
from tests.backup.conftest import Cloud
from tests.backup.servers import Source
from tests.backup.test_sums import taken

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = (
    "CREATE TABLE pessoas (id serial PRIMARY KEY, nome text, criada timestamptz DEFAULT now())",
    "INSERT INTO pessoas (nome) SELECT 'Marcada ' || g FROM generate_series(1, 20000) g",
    "CREATE TABLE casos (id serial PRIMARY KEY, pessoa int REFERENCES pessoas, j json)",
    "INSERT INTO casos (pessoa, j) SELECT g, '{}' FROM generate_series(1, 5000) g",
    "CREATE MATERIALIZED VIEW resumo AS SELECT count(*) FROM casos",
    "SELECT lo_from_bytea(0, 'um')",
)


@pytest.fixture
def penhas(oldest: Source) -> str:
    """A database to back up."""
    return oldest.database("penhas", *SCHEMA)


def plan(server: Source, database: str, store: Store, stage: Path, **more: object) -> Plan:
    """Return a plan for taking one backup."""
    fields: dict[str, object] = {
        "connection": SecretText(server.dsn(database)),
        "store": store,
        "prefix": "",
        "seed": SecretText("a seed of the tests"),
        "encrypt": (),
        "binaries": server.programs,
        "stage": stage / "stage",
        **more,
    }
    return Plan(**fields)  # type: ignore[arg-type]


def quiet() -> Progress:
    """Progress that says nothing."""
    return Progress(quiet=True)


@pytest.mark.parametrize("major", ["oldest", "newest"])
def test_counts_and_sums_are_those_of_the_dump_while_others_write(
    request: pytest.FixtureRequest, major: str, tmp_path: Path
) -> None:
    server: Source = request.getfixturevalue(major)
    database = server.database("penhas", *SCHEMA)
    (tmp_path / "store").mkdir()
    done = threading.Event()

    def write() -> None:
        with psycopg.connect(server.dsn(database), autocommit=True) as link:
            while not done.is_set():
                link.execute("INSERT INTO casos (pessoa, j) VALUES (1, '{}')")
                link.execute("UPDATE pessoas SET nome = nome || 'x' WHERE id = 1 + (random() * 19000)::int")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        manifest = take(plan(server, database, FolderStore(tmp_path / "store", ""), tmp_path), quiet())
        time.sleep(0.05)
    finally:
        done.set()
        writer.join()
    server.database("copia")
    restored = server.program("pg_restore", "--dbname=copia", str(tmp_path / "store" / manifest.dump.name))
    assert restored.returncode == 0, restored.stderr
    copy, live = taken(server, "copia"), taken(server, database)
    expected = {table.name: (table.rows, table.sum) for table in manifest.tables}
    assert {table.name: (table.rows, table.sum) for table in copy.values()} == expected
    assert live["public.casos"].rows > expected["public.casos"][0]
    assert live["public.pessoas"].rows == expected["public.pessoas"][0]
    assert live["public.pessoas"].sum != expected["public.pessoas"][1]


def test_a_bucket_holds_dump_globals_and_then_the_manifest(
    oldest: Source, penhas: str, cloud: Cloud, tmp_path: Path
) -> None:
    backup = cloud.backup("taken", prefix="pg/", seed={"env": "PENHAS_CHECKS_TEST_SEED"})
    store = open_store(backup)
    manifest = take(plan(oldest, penhas, store, tmp_path, prefix="pg/"), quiet())
    names = [stored.key.removeprefix(f"pg/{manifest.name}") for stored in store.objects()]
    assert names == [".dump", ".globals.sql", ".manifest.json"]
    newest = take_stock(store, backup).require_newest()
    assert (newest.manifest_state, newest.problem, newest.taken_at) == ("signed", "", manifest.snapshot_at)
    assert not (tmp_path / "stage").exists()


class _Failing(FolderStore):
    """A store whose disk is full for everything whose name ends in a given way."""

    def __init__(self, folder: Path, full: str) -> None:
        super().__init__(folder, "")
        self.full = full

    def put_bytes(self, key: str, data: bytes) -> None:
        self._refuse(key)
        super().put_bytes(key, data)

    def put_file(self, key: str, path: Path, sha256: str) -> None:
        self._refuse(key)
        super().put_file(key, path, sha256)

    def _refuse(self, key: str) -> None:
        if key.endswith(self.full):
            raise ProbeError(Reason.OURS, f"{key} cannot be written: no space left on device")


@pytest.mark.parametrize("full", [".dump", ".globals.sql", ".manifest.json"])
def test_what_cannot_be_stored_whole_is_not_stored_at_all(
    oldest: Source, penhas: str, tmp_path: Path, full: str
) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(BackupFailed, match="no space left"):
        take(plan(oldest, penhas, _Failing(tmp_path / "store", full), tmp_path), quiet())
    assert [path.name for path in (tmp_path / "store").rglob("*")] == []
    assert not (tmp_path / "stage").exists()


def test_encrypted_nothing_is_stored_in_the_clear(oldest: Source, penhas: str, tmp_path: Path) -> None:
    word = tmp_path / "word"
    word.write_text("a passphrase of the tests")
    gpg = ("gpg", "--batch", "--homedir", str(tmp_path), "--pinentry-mode", "loopback", "--passphrase-file", str(word))
    if subprocess.run([*gpg, "--version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("gpg is not installed")
    (tmp_path / "store").mkdir()
    manifest = take(
        plan(oldest, penhas, FolderStore(tmp_path / "store", ""), tmp_path, encrypt=(*gpg, "--symmetric")), quiet()
    )
    assert {file.encryption for file in manifest.files} == {"gpg"}
    for path in (tmp_path / "store").glob("*.gpg"):
        assert b"PGDMP" not in path.read_bytes()
        assert b"CREATE ROLE" not in path.read_bytes()
    assert len(list((tmp_path / "store").glob("*.gpg"))) == 2


@pytest.mark.parametrize("command", ["cat", "false"])
def test_a_command_that_does_not_encrypt_is_refused(oldest: Source, penhas: str, tmp_path: Path, command: str) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(BackupFailed):
        take(plan(oldest, penhas, FolderStore(tmp_path / "store", ""), tmp_path, encrypt=(command,)), quiet())
    assert list((tmp_path / "store").iterdir()) == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ((), "left the data of public.a out"),
        ((TableData("public", "a", 2, 9),), "wrote 2 rows of public.a, the snapshot holds 3"),
    ],
)
def test_a_table_that_the_archive_lacks_or_has_short_is_missed(found: tuple[TableData, ...], said: str) -> None:
    header = Header("custom", (1, 14, 0), 4, 8, "gzip", None, "penhas", "15.0", "15.0")
    with pytest.raises(BackupFailed, match=said):
        agree(Content((TableSum("public.a", 3, "1"),), 0, None, {}), Contents(header, (), found, 0, 9))


@pytest.fixture
def command(oldest: Source, penhas: str, tmp_path: Path) -> "Command":
    """The program as an operator calls it, storing in a folder."""
    (tmp_path / "store").mkdir()
    (tmp_path / "scratch").mkdir()
    return Command(oldest, penhas, tmp_path)


class Command:
    """`python -m checks.take_backup` with an environment file of its own."""

    def __init__(self, server: Source, database: str, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.variables = {
            **os.environ,
            "PENHAS_CHECKS_TEST_SOURCE": f"postgresql://postgres:segredo-marcado@/{database}?host={server.folder}",
            "PENHAS_CHECKS_TEST_SEED": "semente-marcada",
        }
        self.write("")

    def write(self, more: str) -> None:
        """Write the environment file."""
        (self.folder / "environment.toml").write_text(
            f"""
            name = "tests"
            [backup]
            folder = "{self.folder}/store"
            source = {{ env = "PENHAS_CHECKS_TEST_SOURCE" }}
            seed = {{ env = "PENHAS_CHECKS_TEST_SEED" }}
            {more}
            """
        )

    def start(self, *options: str) -> "subprocess.Popen[str]":
        """Start it."""
        words = [sys.executable, "-m", "checks.take_backup", f"--environment={self.folder}/environment.toml"]
        words += [f"--binaries={self.server.programs}", f"--scratch={self.folder}/scratch", *options]
        return subprocess.Popen(words, cwd=ROOT, env=self.variables, stderr=subprocess.PIPE, text=True)

    def run(self, *options: str) -> tuple[int, str]:
        """Run it to its end; return the exit code and what it said."""
        process = self.start(*options)
        _, said = process.communicate(timeout=60)
        return process.returncode, said

    def stored(self) -> list[str]:
        """Return the names that are stored, and those that wait."""
        return sorted(p.name for p in [*(self.folder / "store").iterdir(), *(self.folder / "scratch").iterdir()])

    def dumping(self) -> list[int]:
        """Return the processes that dump from our server."""
        found = self.server.run(
            "postgres", "SELECT pid FROM pg_stat_activity WHERE application_name IN ('pg_dump', 'pg_dumpall')"
        )
        return [int(str(row[0])) for row in found]


def _arguments() -> str:
    """Return the arguments of every process of this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().decode("utf-8", "replace"))
        except OSError:
            continue
    return "\n".join(found)


def test_a_taken_backup_is_said_in_a_line_and_no_secret_is_seen(command: Command) -> None:
    process = command.start()
    seen = ""
    while process.poll() is None:
        seen += _arguments()
        time.sleep(0.01)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert "penhas-" in said
    assert "2 tables, 25000 rows" in said
    everything = seen + said + "".join(p.read_text("latin-1") for p in (command.folder / "store").glob("*.json"))
    for secret in ("segredo-marcado", "semente-marcada", "Marcada 1"):
        assert secret not in everything
    assert {path.stat().st_mode & 0o777 for path in (command.folder / "store").iterdir()} == {0o600}


def test_a_role_that_may_not_read_everything_is_told_which_table(command: Command) -> None:
    command.server.run("postgres", "DROP ROLE IF EXISTS meia", "CREATE ROLE meia LOGIN")
    command.server.run("penhas", "GRANT SELECT ON pessoas, casos_id_seq, pessoas_id_seq TO meia")
    command.variables["PENHAS_CHECKS_TEST_SOURCE"] = command.server.dsn("penhas", "meia")
    code, said = command.run()
    assert (code, command.stored()) == (1, [])
    assert "permission denied for table casos" in said
    command.server.run("penhas", "REVOKE ALL ON pessoas, casos_id_seq, pessoas_id_seq FROM meia")


def test_a_role_from_which_rows_are_hidden_takes_no_backup(command: Command) -> None:
    command.server.run(
        "penhas",
        "DROP ROLE IF EXISTS leiga",
        "CREATE ROLE leiga LOGIN IN ROLE pg_read_all_data",
        "ALTER TABLE casos ENABLE ROW LEVEL SECURITY",
        "SELECT lo_unlink(oid) FROM pg_largeobject_metadata",
    )
    command.variables["PENHAS_CHECKS_TEST_SOURCE"] = command.server.dsn("penhas", "leiga")
    code, said = command.run()
    assert (code, command.stored()) == (1, [])
    assert "row security hides rows of casos" in said


def test_the_shipped_role_takes_a_whole_backup_and_may_write_nothing(command: Command) -> None:
    grants = (ROOT / "checks" / "environments" / "grants" / "postgresql-backup.sql").read_text()
    statements = ("CREATE POLICY ninguem ON casos USING (false)", "ALTER TABLE casos ENABLE ROW LEVEL SECURITY")
    command.server.run("penhas", *statements, grants, grants)
    command.variables["PENHAS_CHECKS_TEST_SOURCE"] = command.server.dsn("penhas", "penhas_backup")
    code, said = command.run()
    assert (code, len(command.stored())) == (0, 3), said
    with psycopg.connect(command.server.dsn("penhas", "penhas_backup"), autocommit=True) as link:
        link.execute("SET default_transaction_read_only TO off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            link.execute("DELETE FROM casos")


def _until(true: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait for something to come true."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def waiting(command: Command) -> Iterator["subprocess.Popen[str]"]:
    """A backup in the middle: it waits for a lock that someone holds."""
    with psycopg.connect(command.server.dsn("penhas")) as link:
        link.execute("LOCK TABLE casos IN ACCESS EXCLUSIVE MODE")
        process = command.start()
        _until(command.dumping)
        yield process
        process.kill()
        process.communicate()
        link.rollback()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stopped_in_the_middle_it_leaves_nothing(
    command: Command, waiting: "subprocess.Popen[str]", number: signal.Signals
) -> None:
    waiting.send_signal(number)
    _, said = waiting.communicate(timeout=20)
    assert waiting.returncode == 128 + number
    assert number.name in said
    assert command.stored() == []
    _until(lambda: command.dumping() == [])


def test_killed_in_the_middle_its_remains_are_found_by_the_next(command: Command) -> None:
    with psycopg.connect(command.server.dsn("penhas")) as link:
        link.execute("LOCK TABLE casos IN ACCESS EXCLUSIVE MODE")
        process = command.start()
        _until(command.dumping)
        process.kill()
        process.communicate()
        _until(lambda: command.dumping() == [])
        link.rollback()
    assert command.stored() != []
    code, said = command.run()
    assert code == 0, said
    assert "killed" in said
    assert len(command.stored()) == 3


@pytest.mark.parametrize("place", ["scratch", "store"])
def test_a_full_disk_is_said_and_nothing_stays(command: Command, place: str) -> None:
    folder = command.folder / place
    full = ["unshare", "--user", "--map-root-user", "--mount", "--", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=64k none {folder}"
    if subprocess.run([*full, mount], capture_output=True, check=False).returncode != 0:
        pytest.skip("no small file system can be made here")
    words = [sys.executable, "-m", "checks.take_backup", f"--environment={command.folder}/environment.toml"]
    words += [f"--binaries={command.server.programs}", f"--scratch={command.folder}/scratch"]
    script = f"{mount} && {' '.join(words)}; code=$?; find {folder} -type f >&2; exit $code"
    done = subprocess.run([*full, script], cwd=ROOT, env=command.variables, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "no space left" in done.stderr
    assert str(folder / "penhas") not in done.stderr
    assert command.stored() == []


def test_two_at_once_are_refused(command: Command, waiting: "subprocess.Popen[str]") -> None:
    assert waiting.poll() is None
    assert command.run() == (75, "take_backup another take_backup of this environment is running\n")


def test_the_second_place_gets_a_whole_backup_or_the_exit_code_says_so(command: Command) -> None:
    second = command.folder / "second"
    command.write(f'second = {{ folder = "{second}" }}')
    code, said = command.run("--second")
    assert (code, len(command.stored())) == (3, 3)
    assert "NOT COPIED" in said
    second.mkdir()
    code, said = command.run("--second")
    assert code == 0, said
    assert {path.name for path in second.iterdir()} < set(command.stored())
    assert len(list(second.iterdir())) == 3
    command.write("")
    assert command.run("--second")[0] == 4


@pytest.mark.parametrize(
    ("more", "unset", "said"),
    [
        ("", "PENHAS_CHECKS_TEST_SOURCE", "PENHAS_CHECKS_TEST_SOURCE is not set"),
        ("encrypted = true", "", "encrypt names no command"),
        ("colour = 1", "", "unknown key"),
    ],
)
def test_called_wrongly_it_says_what_is_wrong(command: Command, more: str, unset: str, said: str) -> None:
    command.write(more)
    command.variables.pop(unset, None)
    code, words = command.run()
    assert (code, command.stored()) == (4, [])
    assert said in words


def test_a_server_that_is_not_there_is_no_backup(command: Command) -> None:
    command.variables["PENHAS_CHECKS_TEST_SOURCE"] = "postgresql://u:segredo-marcado@127.0.0.1:1/penhas"
    code, said = command.run()
    assert (code, command.stored()) == (1, [])
    assert "no connection" in said
    assert "segredo-marcado" not in said
