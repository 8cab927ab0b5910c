"""Where nothing is restored, and why that says nothing of the backup; and that only our own server is restored into."""

import ast
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from checks.engine.environment import Environment
from checks.engine.model import ProbeError, Reason
from checks.engine.probes import backup
from checks.engine.probes.backup import binaries, child, erasure, guard, messages, restore, scratch
from checks.engine.readings.restore import BackupRestored
from tests.backup.faults import BASE, ROLE
from tests.backup.restoring import Bench, bench, compare
from tests.backup.servers import Source
from tests.bench.restore_once import Once

__all__ = ["bench"]  # a fixture

HERE = {"host": socket.gethostname()}
PACKAGE = Path(backup.__file__).parent


def _environment(folder: Path, restore_table: Mapping[str, object], **more: object) -> Environment:
    return Environment.model_validate(
        {"name": "r", "backup": {"folder": str(folder)}, "restore": restore_table, **more}
    )


def _refused(environment: Environment) -> str:
    with pytest.raises(ProbeError) as raised:
        guard.allowed(environment)
    assert raised.value.reason is Reason.OURS
    return raised.value.why


def test_a_copy_lies_only_where_the_environment_says(tmp_path: Path) -> None:
    """Another machine's name, or none, is a refusal."""
    assert "only on elsewhere" in _refused(_environment(tmp_path, {"host": "elsewhere"}))
    assert "no [restore]" in _refused(Environment.model_validate({"name": "r", "backup": {"folder": str(tmp_path)}}))


def test_a_hosted_runner_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner of one's own is not, and a reason opens every door."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.delenv("RUNNER_ENVIRONMENT", raising=False)
    assert "hosted CI runner" in _refused(_environment(tmp_path, HERE))
    assert guard.allowed(_environment(tmp_path, {**HERE, "allow_here": "a test"})).allow_here == "a test"
    monkeypatch.setenv("RUNNER_ENVIRONMENT", "self-hosted")
    guard.allowed(_environment(tmp_path, HERE))


def test_a_machine_that_serves_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of the environment at an address of this machine is one that a restore would starve."""
    for name in guard.HOSTED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PENHAS_CHECKS_R_DSN", f"postgresql://u@{socket.gethostname()}/penhas")
    live = {"primary": {"name": "primary", "env": "PENHAS_CHECKS_R_DSN"}}
    assert "postgresql primary" in _refused(_environment(tmp_path, HERE, postgresql=live))
    for several in (f"host=db.example.org,{socket.gethostname()} dbname=penhas", "hostaddr=192.0.2.1,127.0.0.1"):
        monkeypatch.setenv("PENHAS_CHECKS_R_DSN", several)
        assert "postgresql primary" in _refused(_environment(tmp_path, HERE, postgresql=live))
    key = {"env": "PENHAS_CHECKS_R_DSN"}
    media = {"buckets": [{"name": "media", "bucket": "m"}], "access_key": key, "secret_key": key}
    assert "runs s3" in _refused(_environment(tmp_path, HERE, s3={**media, "endpoint": "http://127.0.0.1:9000"}))
    guard.allowed(_environment(tmp_path, HERE, s3={**media, "endpoint": "https://s3.example.org"}))
    monkeypatch.setenv("PENHAS_CHECKS_R_DSN", "postgresql://u@db.example.org/penhas")
    guard.allowed(_environment(tmp_path, HERE, postgresql=live))


def test_libpqs_variables_lead_nowhere_else(oldest: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every variable of libpq pointing at a live server, that server is not even spoken to."""
    oldest.run("postgres", ROLE)
    oldest.database("live", *BASE)
    assert oldest.program("pg_dump", "-Fc", "-f", str(tmp_path / "live.dump"), "live").returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as network, socket.socket(socket.AF_UNIX) as local:
        port = network.getsockname()[1]
        local.bind(str(tmp_path / f".s.PGSQL.{port}"))
        local.listen()
        for name, value in {
            "PGHOST": str(tmp_path),
            "PGHOSTADDR": "127.0.0.1",
            "PGPORT": str(port),
            "PGUSER": "postgres",
            "PGDATABASE": "live",
            "PGOPTIONS": "-c search_path=public",
            "PGSERVICEFILE": str(tmp_path / "none"),
        }.items():
            monkeypatch.setenv(name, value)
        context = Once(_environment(tmp_path, {**HERE, "allow_here": "a test", "nice": 0}), ("backup_restored",))
        backup.read(context)
        for listener in (network, local):
            listener.setblocking(False)
            with pytest.raises(BlockingIOError):
                listener.accept()
    found = context.outcomes["backup_restored"]
    assert isinstance(found, BackupRestored)
    assert found.errors == ()


def test_a_server_is_made_in_one_place_only() -> None:
    """Nothing else builds one or connects anywhere; a live server is only asked, in a session that is read-only."""
    made_in, connects, asks = set(), set(), set()
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                made_in |= {path.stem} if called in {"Server", "scratch.Server"} else set()
                connects |= {path.stem} if called == "psycopg.connect" else set()
                asks |= {path.stem} if called == "open_session" else set()
    assert made_in == {"scratch"}
    assert connects == {"scratch"}
    assert asks == {"live"}


def test_programs_that_are_too_old_are_our_own_fault() -> None:
    """R9, R10: an archive of a newer pg_dump needs its programs, and their lack says nothing of it."""
    with pytest.raises(ProbeError) as raised:
        binaries.choose(99)
    assert raised.value.reason is Reason.OURS
    assert "PostgreSQL 99" in raised.value.why


def test_the_newer_of_server_and_program_is_chosen(oldest: Source, newest: Source, tmp_path: Path) -> None:
    """R9: a dump of an old server by a new pg_dump is restored with the new one."""
    if oldest.major == newest.major:
        pytest.skip("one version of PostgreSQL only")
    oldest.database("r9", "CREATE TABLE clientes (id int)")
    dump = tmp_path / "r9.dump"
    done = subprocess.run(
        [str(newest.programs / "pg_dump"), "-Fc", "-h", str(oldest.folder), "-U", "postgres", "-f", str(dump), "r9"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert restore.contents(dump).major == newest.major


def test_an_extension_that_this_machine_lacks_is_our_own_fault(bench: Bench, oldest: Source, tmp_path: Path) -> None:
    """R5: named, and nothing is said of the backup."""
    if bench.source.major == oldest.major:
        pytest.skip("both servers have the same extensions")
    oldest.database("r5", "CREATE EXTENSION pgcrypto", "CREATE TABLE clientes (id int)")
    dump = tmp_path / "r5.dump"
    assert oldest.program("pg_dump", "-Fc", "-f", str(dump), "r5").returncode == 0
    with pytest.raises(ProbeError) as raised:
        compare(bench, "r5", dump, None)
    assert raised.value.reason is Reason.OURS
    assert "pgcrypto" in raised.value.why


def test_a_locale_that_this_machine_lacks_is_said(bench: Bench, oldest: Source, tmp_path: Path) -> None:
    """R11: restored with C, which is told."""
    if bench.source.major == oldest.major:
        pytest.skip("both servers have the same locales")
    oldest.run(
        "postgres",
        "DROP DATABASE IF EXISTS r11",
        "CREATE DATABASE r11 TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'pt-BR'",
    )
    oldest.run("r11", "CREATE TABLE clientes AS SELECT 1 AS id")
    dump = tmp_path / "r11.dump"
    assert oldest.program("pg_dump", "-Fc", "-f", str(dump), "r11").returncode == 0
    held = restore.contents(dump)
    done = restore.restore(bench.scratch, dump, held, database="r11", seconds=60)
    assert done.errors == ()
    assert "pt-BR is not on this machine" in done.differs[0]


@pytest.fixture
def small() -> Iterator[Path]:
    """A file system of 64 MiB."""
    folder = Path("/dev/shm") / f"small-{os.getpid()}"  # noqa: S108 (short, for a socket)
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        folder.rmdir()
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()


def test_no_room_is_our_own_fault(small: Path, oldest: Source, tmp_path: Path) -> None:
    """R12: said before anything is fetched, and where the space ends on the way, too."""
    oldest.database(
        "r12", "CREATE TABLE clientes AS SELECT i, repeat(md5(i::text), 30) AS t FROM generate_series(1, 60000) i"
    )
    dump = tmp_path / "r12.dump"
    assert oldest.program("pg_dump", "-Fc", "-f", str(dump), "r12").returncode == 0
    environment = _environment(tmp_path, {**HERE, "allow_here": "a test", "scratch": str(small)})
    context = Once(environment, ("backup_restored",))
    backup.read(context)
    before = context.outcomes["backup_restored"]
    assert isinstance(before, ProbeError)
    assert "MiB of scratch" in before.why
    programs = binaries.choose(oldest.major)
    with (
        scratch.folder(str(small), False) as folder,
        scratch.server(folder, programs, 60) as server,
        pytest.raises(ProbeError) as raised,
    ):
        restore.restore(server, dump, restore.contents(dump), database="r12", seconds=60)
    assert raised.value.reason is Reason.OURS
    assert list(small.iterdir()) == []


def test_a_folder_that_someone_holds_is_left_alone() -> None:
    """Another run's copy is not an orphan, and what is not ours is not touched."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as named:
        _left_alone(Path(named))


def _left_alone(base: Path) -> None:
    with scratch.folder(str(base), False) as folder:
        assert erasure.orphans((base,), scratch.PREFIX) == ()
        assert folder.path.exists()
    orphan = base / f"{scratch.PREFIX}left"
    orphan.mkdir()
    (orphan / "lock").touch()
    link = base / f"{scratch.PREFIX}link"
    link.symlink_to(base / "elsewhere")
    (base / "elsewhere").mkdir()
    assert erasure.orphans((base,), scratch.PREFIX) == (orphan.name,)
    assert not orphan.exists()
    assert (base / "elsewhere").exists()


def test_what_pg_restore_quotes_is_dropped() -> None:
    """Rows in DETAIL, in COPY data and in messages that nobody knows stay here."""
    printed = (
        b"pg_restore: while PROCESSING TOC:\n"
        b"pg_restore: from TOC entry 7; 2606 1 FK CONSTRAINT casos casos_fk penhas\n"
        b'pg_restore: error: could not execute query: ERROR:  insert or update on table "casos" violates foreign key '
        b'constraint "casos_fk"\n'
        b"DETAIL:  Key (nome)=(Marcada) is not present.\nCommand was: INSERT Marcada\n"
        b'pg_restore: error: COPY failed: ERROR:  invalid input syntax for type integer: "Marcada"\n'
        b"pg_restore: error: something new about Marcada\n"
    )
    found = messages.errors(printed, {7: "FK CONSTRAINT casos casos_fk"}, frozenset({"casos", "casos_fk"}))
    assert [error.code for error in found] == ["23503", "22P02", ""]
    assert str(found[0]) == "FK CONSTRAINT casos casos_fk: rows point to rows that do not exist (23503)"
    assert "Marcada" not in " ".join(str(error) for error in found)


def test_what_says_something_of_this_machine_is_known_by_its_words() -> None:
    """The restore asks for these: they say nothing of the backup."""
    printed = (
        b"pg_restore: error: a worker process died unexpectedly\n"
        b"pg_restore: error: cannot restore from compressed archive (this build does not support lz4)\n"
    )
    told = [error.what for error in messages.errors(printed, {}, frozenset())]
    assert told == [messages.WORKER_DIED, messages.CANNOT_UNPACK]


def test_an_error_behind_a_flood_of_what_was_done_is_read() -> None:
    """It is a mebibyte for a few thousand objects, and a full disk at its end must not look like a bad backup."""
    text = (
        "import sys; e = sys.stderr; e.write('pg_restore: creating TABLE\\n' * 60000 + 'x' * 300000 + '\\n');"
        "e.write('pg_restore: error: could not write: No space left on device\\n')"
    )
    ended = child.run((sys.executable, "-c", text), 20, wanted=messages.speaks)
    assert [error.code for error in messages.errors(ended.stderr, {}, frozenset())] == ["53100"]
    assert len(ended.stderr) < 100


def test_the_throw_away_server_reaches_nobody(bench: Bench) -> None:
    """No network where the kernel lets us, nothing preloaded, nothing archived: the server itself is asked."""
    with bench.scratch.connect("postgres") as link:
        for name, value in {
            "listen_addresses": "",
            "shared_preload_libraries": "",
            "archive_mode": "off",
            "autovacuum": "off",
            "max_wal_senders": "0",
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
        }.items():
            assert link.execute(f"SHOW {name}".encode()).fetchone() == (value,), name
        if not child.isolates(network=True):
            pytest.skip("this kernel gives no network namespace")
        link.execute("CREATE EXTENSION IF NOT EXISTS dblink")
        with pytest.raises(psycopg.Error, match="unreachable"):
            link.execute("SELECT dblink_connect('away', 'host=127.0.0.1 port=1 user=nobody dbname=x')")


def test_a_scratch_folder_is_ours_alone(bench: Bench) -> None:
    """Nobody else may look into it, and its socket lies inside."""
    folder = bench.scratch.folder
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert folder.private
    assert (folder.path / ".s.PGSQL.5432").is_socket()
