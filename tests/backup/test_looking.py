"""Each reading of the backups is settled once: with what was seen, or with whose fault it is that nothing was."""

import contextlib
import hashlib
import socket
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from botocore.config import Config

from checks.engine.environment import Environment
from checks.engine.environment.models import Backup
from checks.engine.model import Failure, NotJudged, ProbeError, Reading, Reason, Target
from checks.engine.probes import backup
from checks.engine.probes.backup import live_catalog, looking, store_s3
from checks.engine.probes.backup.inventory import Visit
from checks.engine.readings.backup import BackupConnection, BackupNewest
from tests.backup import made
from tests.backup.conftest import Cloud
from tests.backup.servers import Source

Outcome = Reading | ProbeError | NotJudged
NAMES = ("backup_connection", "backup_inventory", "backup_second", "backup_newest")


@dataclass
class Settled:
    """A context that keeps what is settled."""

    environment: Environment
    names: tuple[str, ...]
    target: Target = field(default_factory=lambda: Target("backup", "postgresql"))
    run_id: str = "test"
    found: dict[str, Outcome] = field(default_factory=dict)

    def settle(self, name: str, outcome: Outcome) -> None:
        """Keep an outcome; no name comes twice."""
        assert name not in self.found
        self.found[name] = outcome

    def remaining(self, at_most: float) -> float:
        """Have all the time."""
        return at_most

    def peer(self, name: str, target: Target) -> Reading | Failure:
        """Have no peers."""
        raise AssertionError((name, target))


def look(place: Backup, **tables: object) -> dict[str, Outcome]:
    """Read everything."""
    environment = Environment.model_validate({"name": "test", "backup": place, **tables})
    names = NAMES if place.second is not None else tuple(name for name in NAMES if name != "backup_second")
    context = Settled(environment, names)
    looking.read(context, names, Visit(place))
    return context.found


def reasons(found: dict[str, Outcome]) -> dict[str, Reason | None]:
    """Return why each reading could not be had; None where it was."""
    return {name: outcome.reason if isinstance(outcome, ProbeError) else None for name, outcome in found.items()}


def test_a_place_that_refuses_has_a_reading_and_the_others_are_blocked_by_it(cloud: Cloud) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = cloud.backup("refused", second={"folder": "/"})
    found = look(place.model_copy(update={"endpoint": f"http://127.0.0.1:{port}"}))
    connection = found["backup_connection"]
    assert isinstance(connection, BackupConnection)
    assert not connection.reachable
    assert reasons(found) == {"backup_connection": None, **dict.fromkeys(NAMES[1:], Reason.CONNECTION)}


def test_a_place_that_never_answers_is_waited_for_once_however_many_look_at_it(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver tries its listing twice; neither the restore nor Redis' files, on the same server, wait again."""
    monkeypatch.setattr(store_s3, "_CONFIG", store_s3._CONFIG.merge(Config(read_timeout=0.2)))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = {**cloud.backup("silent").model_dump(exclude_none=True, exclude_defaults=True)}
        place["endpoint"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        redis = {**place, "bucket": "other"}
        restore = {"host": socket.gethostname(), "allow_here": "a test", "redis": redis}
        environment = Environment.model_validate({"name": "test", "backup": place, "restore": restore})
        names = ("backup_connection", "backup_inventory", "backup_newest", "backup_restored", "backup_redis")
        context = Settled(environment, names)
        backup.read(context)
        asked = 0
        silent.settimeout(0.1)
        with contextlib.suppress(TimeoutError):
            while silent.accept():
                asked += 1
    assert asked == 2
    assert context.found.keys() == set(names)
    assert reasons(context.found) == {"backup_connection": None, **dict.fromkeys(names[1:], Reason.CONNECTION)}


def test_a_bucket_that_is_not_there_is_told_so(cloud: Cloud) -> None:
    found = look(cloud.backup("exists").model_copy(update={"bucket": "does-not"}))
    connection = found["backup_connection"]
    assert isinstance(connection, BackupConnection)
    assert "the bucket is not there" in connection.problem


def test_an_unset_variable_is_our_fault_in_every_reading(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    place = cloud.backup("unset", second={"folder": "/"})
    monkeypatch.delenv("PENHAS_CHECKS_TEST_ACCESS_KEY")
    assert reasons(look(place)) == dict.fromkeys(NAMES, Reason.OURS)


def test_what_cannot_be_opened_here_costs_no_other_reading(tmp_path: Path, oldest: Source) -> None:
    oldest.database("penhas", "CREATE TABLE a (x int)")
    data = b"age-encryption.org/v1\n" + made.archive(oldest, "penhas")
    (tmp_path / "penhas-0.dump").write_bytes(data)
    made.commit(tmp_path, made.manifest("penhas-0", data, time.time()))
    found = look(Backup(folder=str(tmp_path), second={"folder": str(tmp_path)}))  # type: ignore[arg-type]
    assert reasons(found) == {**dict.fromkeys(NAMES[:3]), "backup_newest": Reason.OURS}


def test_without_a_manifest_the_contents_are_compared_with_a_live_server(
    tmp_path: Path, oldest: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_of = ("CREATE TABLE a (x int)", "CREATE TABLE b (x int)", "CREATE VIEW v AS SELECT 1 AS x")
    oldest.database("penhas", *made_of)
    (tmp_path / "penhas-0.dump").write_bytes(made.archive(oldest, "penhas", "--exclude-table=b"))
    monkeypatch.setenv("PENHAS_CHECKS_TEST_DSN", oldest.dsn("penhas"))
    live = {"primary": {"name": "primary", "env": "PENHAS_CHECKS_TEST_DSN"}}
    newest = look(Backup(folder=str(tmp_path), second=None), postgresql=live)["backup_newest"]
    assert isinstance(newest, BackupNewest)
    assert (newest.compared_with, newest.relations_missing) == ("postgresql primary", ("public.b",))


def test_a_live_server_that_does_not_answer_costs_the_comparison_only(
    tmp_path: Path, oldest: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest.database("penhas", "CREATE TABLE a (x int)")
    (tmp_path / "penhas-0.dump").write_bytes(made.archive(oldest, "penhas"))
    monkeypatch.setenv("PENHAS_CHECKS_TEST_DSN", "postgresql://u@127.0.0.1:1/penhas")
    live = {"primary": {"name": "primary", "env": "PENHAS_CHECKS_TEST_DSN"}}
    newest = look(Backup(folder=str(tmp_path)), postgresql=live)["backup_newest"]
    assert isinstance(newest, BackupNewest)
    assert (newest.compared_with, newest.problem, newest.tables) == ("", "", 1)


def test_a_live_server_without_a_relation_proves_nothing(
    tmp_path: Path, oldest: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the connection string names another database: an empty catalogue is in every backup."""
    oldest.database("penhas", "CREATE TABLE a (x int)")
    (tmp_path / "penhas-0.dump").write_bytes(made.archive(oldest, "penhas"))
    monkeypatch.setenv("PENHAS_CHECKS_TEST_DSN", oldest.dsn("template1"))
    live = {"primary": {"name": "primary", "env": "PENHAS_CHECKS_TEST_DSN"}}
    newest = look(Backup(folder=str(tmp_path)), postgresql=live)["backup_newest"]
    assert isinstance(newest, BackupNewest)
    assert newest.compared_with == ""


def test_a_globals_dump_must_be_the_one_that_was_taken_with_the_backup(tmp_path: Path, oldest: Source) -> None:
    """One that makes another superuser makes all the roles too."""
    oldest.database("penhas", "CREATE TABLE a (x int)")
    data, text = made.archive(oldest, "penhas"), oldest.program("pg_dumpall", "--globals-only").stdout
    (tmp_path / "penhas-0.dump").write_bytes(data)
    own = made.manifest("penhas-0", data, time.time(), sha256=hashlib.sha256(data).hexdigest())
    digest = hashlib.sha256(text).hexdigest()
    roles = replace(own.dump, role="globals", name="penhas-0.globals.sql", size=len(text), sha256=digest)
    made.commit(tmp_path, replace(own, files=(own.dump, roles)))
    for globals_, said in ((text, ""), (text.replace(b"CREATE ROLE", b"CREATE ROLE x SUPERUSER;", 1), "SHA-256")):
        (tmp_path / "penhas-0.globals.sql").write_bytes(globals_)
        newest = look(Backup(folder=str(tmp_path)))["backup_newest"]
        assert isinstance(newest, BackupNewest)
        assert said in newest.globals_problem
        assert (newest.globals_problem == "") == (said == "")


def test_the_live_database_is_named_by_the_connection_string(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENHAS_CHECKS_TEST_DSN", "postgresql://u@localhost/outra%20base")
    live = {"primary": {"name": "primary", "env": "PENHAS_CHECKS_TEST_DSN"}}
    environment = Environment.model_validate({"name": "test", "postgresql": live})
    assert live_catalog.database_of(environment) == "outra base"


@pytest.mark.parametrize(
    ("option", "missing"),
    [("--exclude-table-data=a", ("public.a",)), ("--schema-only", ("public.a", "public.b")), ("--inserts", ())],
)
def test_a_table_without_its_data_is_named(
    tmp_path: Path, oldest: Source, option: str, missing: tuple[str, ...]
) -> None:
    oldest.database("penhas", "CREATE TABLE a (x int)", "CREATE TABLE b (x int)", "INSERT INTO a VALUES (1)")
    (tmp_path / "penhas-0.dump").write_bytes(made.archive(oldest, "penhas", option))
    newest = look(Backup(folder=str(tmp_path)))["backup_newest"]
    assert isinstance(newest, BackupNewest)
    assert newest.data_missing == missing


def test_roles_that_no_globals_dump_makes_are_named(tmp_path: Path, oldest: Source) -> None:
    oldest.database("penhas", "CREATE TABLE a (x int)", 'DROP ROLE IF EXISTS "Outra \'x"', 'CREATE ROLE "Outra \'x"')
    oldest.run("penhas", 'GRANT SELECT ON a TO "Outra \'x"')
    (tmp_path / "penhas-0.dump").write_bytes(made.archive(oldest, "penhas"))
    text = oldest.program("pg_dumpall", "--globals-only", "--no-role-passwords").stdout
    for globals_, said in (
        (text, ("", ())),
        (text.replace(b'CREATE ROLE "Outra', b"-- CREATE ROLE Outra"), ("", ("Outra 'x",))),
        (text[:-80], ("its last line is missing: it was cut off", ())),
    ):
        (tmp_path / "penhas-0.globals.sql").write_bytes(globals_)
        newest = look(Backup(folder=str(tmp_path)))["backup_newest"]
        assert isinstance(newest, BackupNewest)
        assert (newest.globals_problem, newest.roles_missing) == said
    oldest.run("penhas", 'DROP OWNED BY "Outra \'x"', 'DROP ROLE "Outra \'x"')
