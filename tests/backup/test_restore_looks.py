"""One copy of one night, and everything that looks at it: recovery point, rehearsal, media, second dump, drill."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from checks.engine.environment import Environment
from checks.engine.environment.models import Restore
from checks.engine.environment.sealed import Sealed
from checks.engine.environment.secrets import SecretText
from checks.engine.model import NotJudged, ProbeError, Reason
from checks.engine.probes.backup import (
    drill,
    integrity,
    live_rows,
    media,
    recovery_point,
    recovery_time,
    rehearsal,
    sealed,
    second_generation,
)
from checks.engine.probes.backup.copy import Copy, UnrestorableError, copied
from checks.engine.probes.backup.inventory import take_stock
from checks.engine.probes.backup.live_rows import LiveNewest
from checks.engine.probes.backup.messages import RestoreError
from checks.engine.probes.backup.store import open_store
from checks.engine.readings.restore import BackupRecoveryTime, BackupSecondGeneration
from checks.take_backup.progress import Progress
from checks.take_backup.take import Plan, take
from tests.backup.conftest import Cloud
from tests.backup.faults import BASE, ROLE
from tests.backup.servers import Source
from tests.bench.restore_once import Once

OBJECTS = 30


@dataclass(frozen=True, slots=True)
class Night:
    """A context, and the copy of the backup that was taken for it."""

    context: Once
    copy: Copy


@pytest.fixture(scope="module")
def night(oldest: Source, cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("night")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ACCESS_KEY", "SECRET_KEY"):
            patch.setenv(f"PENHAS_CHECKS_TEST_{name}", "test")
        patch.setenv("PENHAS_CHECKS_TEST_SEED", "a seed of the tests")
        environment = _environment(folder, cloud)
        _source(oldest)
        assert environment.backup is not None
        store = open_store(environment.backup)
        seed = SecretText("a seed of the tests")
        take(
            Plan(SecretText(oldest.dsn("night")), store, "", seed, (), oldest.programs, folder / "stage"),
            Progress(quiet=True),
        )
        context = Once(environment, ())
        assert environment.restore is not None
        newest = take_stock(store, environment.backup).require_newest()
        with ExitStack() as stack:
            yield Night(context, stack.enter_context(copied(context, environment.restore, store, newest)))


def _environment(folder: Path, cloud: Cloud) -> Environment:
    keys = {
        "access_key": {"env": "PENHAS_CHECKS_TEST_ACCESS_KEY"},
        "secret_key": {"env": "PENHAS_CHECKS_TEST_SECRET_KEY"},
    }
    cloud.client.create_bucket(Bucket="night-media")
    cloud.client.put_bucket_versioning(Bucket="night-media", VersioningConfiguration={"Status": "Enabled"})
    for number in range(OBJECTS):
        cloud.client.put_object(Bucket="night-media", Key=f"audio/{number} á.m4a", Body=b"x")
    (folder / "backups").mkdir()
    return Environment.model_validate(
        {
            "name": "night",
            "s3": {"endpoint": cloud.endpoint, "buckets": [{"name": "media", "bucket": "night-media"}], **keys},
            "backup": {"folder": str(folder / "backups"), "seed": {"env": "PENHAS_CHECKS_TEST_SEED"}},
            "restore": {
                "host": socket.gethostname(),
                "allow_here": "a test",
                "nice": 0,
                "media": {"table": "public.media", "keys": ["path"], "grace_hours": 0},
                "second_generation": "always",
            },
        }
    )


def _source(server: Source) -> None:
    server.run("postgres", ROLE.replace("faults_app", "night_app"))
    server.run("postgres", ROLE)
    server.database(
        "night",
        *BASE,
        "CREATE TABLE media (id int PRIMARY KEY, path text)",
        "INSERT INTO media SELECT i, 'https://night-media.s3.amazonaws.com/audio/' || i || '%20%C3%A1.m4a?Sign=Marcada'"
        f" FROM generate_series(0, {OBJECTS - 1}) i",
    )
    server.run(
        "postgres",
        "REVOKE CONNECT ON DATABASE night FROM PUBLIC",
        "GRANT CONNECT ON DATABASE night TO night_app",
        "ALTER DATABASE night OWNER TO night_app",
        "ALTER DATABASE night SET timezone TO 'America/Sao_Paulo'",
        "ALTER ROLE night_app IN DATABASE night SET statement_timeout TO '5s'",
    )


def test_the_copy_is_the_same(night: Night) -> None:
    """Every aspect was proved against the manifest, and none has a finding."""
    assert [aspect for aspect in night.copy.seen.aspects if aspect.findings or aspect.blind] == []
    assert night.copy.done.errors == ()
    assert {aspect.against for aspect in night.copy.seen.aspects[:3]} == {"the manifest"}


def test_all_media_are_there(night: Night) -> None:
    """A URL is told from its signature, its host and its escapes."""
    found = media.compare(night.context, night.copy)
    assert (found.named, found.objects, found.missing, found.left_over) == (OBJECTS, OBJECTS, 0, 0)
    assert "Marcada" not in str(found)


def test_a_deleted_object_is_told_from_one_never_written(night: Night, cloud: Cloud) -> None:
    """Two are missing; one of them has a delete marker."""
    cloud.client.delete_object(Bucket="night-media", Key="audio/3 á.m4a")
    versions = cloud.client.list_object_versions(Bucket="night-media", Prefix="audio/4 ")["Versions"]
    cloud.client.delete_object(Bucket="night-media", Key="audio/4 á.m4a", VersionId=versions[0]["VersionId"])
    found = media.compare(night.context, night.copy)
    assert (found.missing, found.deleted) == (2, 1)
    for number in (3, 4):
        cloud.client.put_object(Bucket="night-media", Key=f"audio/{number} á.m4a", Body=b"x")


def test_an_object_that_was_emptied_is_not_taken_for_one_that_is_there(night: Night, cloud: Cloud) -> None:
    cloud.client.put_object(Bucket="night-media", Key="audio/5 á.m4a", Body=b"")
    found = media.compare(night.context, night.copy)
    assert (found.missing, found.emptied) == (0, 1)
    cloud.client.put_object(Bucket="night-media", Key="audio/5 á.m4a", Body=b"x")


def test_an_object_without_a_row_is_left_over_when_it_is_older(night: Night, cloud: Cloud) -> None:
    """An upload under way is newer than the backup and no finding."""
    cloud.client.put_object(Bucket="night-media", Key="audio/upload", Body=b"xy")
    assert media.compare(night.context, night.copy).left_over == 0
    later = replace(night.copy, newest=replace(night.copy.newest, taken_at=time.time() + 60))
    found = media.compare(night.context, later)
    assert (found.left_over, found.left_over_bytes) == (1, 2)
    cloud.client.delete_object(Bucket="night-media", Key="audio/upload")


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("a/b.m4a", "a/b.m4a"),
        ("/a/b.m4a", "a/b.m4a"),
        ("https://bucket.s3.amazonaws.com/a/b%2Fc.m4a?X=1", "a/b/c.m4a"),
        ("https://s3.example.org/bucket/a.m4a", "a.m4a"),
        ("s3://bucket/a.m4a", "a.m4a"),
    ],
)
def test_a_key_is_read_out_of_whatever_holds_it(value: str, key: str) -> None:
    assert media.key_of(value, "bucket") == key


@pytest.mark.parametrize(("pattern", "opened"), [("^Marcada", 5), ("^Escondida", 0)])
def test_what_the_application_seals_is_opened_with_the_key_that_is_kept(
    night: Night, pattern: str, opened: int
) -> None:
    """A value reaches the command's standard input and nothing else; here a row's name stands for one."""
    declared = _sealing(night, "public.clientes.nome", ("grep", "-q", pattern))
    found = sealed.unseal(night.context, declared, night.copy)
    assert (found.tried, found.opened) == (5, opened)
    assert "Marcada" not in str(found)


@pytest.mark.parametrize(
    ("column", "command", "reason"),
    [
        ("public.clientes.nome", ("/nowhere/to/be/found",), Reason.OURS),
        ("public.clientes.nome", ("sh", "-c", "exit 127"), Reason.OURS),
        ("public.clientes.nothing", ("true",), Reason.NO_DATA),
        ("public.nothing.nome", ("true",), Reason.NO_DATA),
    ],
)
def test_where_nothing_can_be_opened_nothing_is_said(
    night: Night, column: str, command: tuple[str, ...], reason: Reason
) -> None:
    with pytest.raises(ProbeError) as raised:
        sealed.unseal(night.context, _sealing(night, column, command), night.copy)
    assert raised.value.reason is reason


def _sealing(night: Night, column: str, command: tuple[str, ...]) -> Restore:
    restore = night.context.environment.restore
    assert restore is not None
    return restore.model_copy(update={"sealed": Sealed(column=column, open=command, sample=5)})


def test_the_recovery_point_is_the_manifests_where_nobody_else_can_tell(night: Night) -> None:
    """No live server is named here."""
    found = recovery_point.recovery_point(night.context, night.copy)
    assert found.behind == 0
    assert 0 <= found.seconds < 600
    assert "manifest" in found.told_by


def test_a_replica_of_which_nobody_knows_how_far_it_was_behind_proves_no_recovery_point(night: Night) -> None:
    """It must not be taken for a primary."""
    newest = night.copy.newest
    assert newest.manifest is not None
    unknown = replace(newest, manifest=replace(newest.manifest, in_recovery=True, last_replay_at=None))
    with pytest.raises(ProbeError, match="cannot be told"):
        recovery_point.recovery_point(night.context, replace(night.copy, newest=unknown))


def test_a_stale_source_is_behind_by_its_newest_row() -> None:
    """What counts is the newest row of all, so that a table that is rarely written says nothing."""
    copied_rows = {("public.a", "created_at"): 1000.0, ("public.b", "created_at"): 10.0}
    live = LiveNewest("replica1", {("public.a", "created_at"): 1600.0, ("public.b", "created_at"): 20.0})
    assert recovery_point.behind(copied_rows, live) == (600.0, "replica1")
    quiet = LiveNewest("replica1", {("public.a", "created_at"): 1000.0, ("public.b", "created_at"): 20.0})
    assert recovery_point.behind(copied_rows, quiet) == (0.0, "replica1")
    assert recovery_point.behind(copied_rows, LiveNewest("replica1", {("public.c", "created_at"): 1.0})) is None


def test_a_time_to_come_says_nothing_of_when_a_row_was_made() -> None:
    live = LiveNewest("replica1", {("public.a", "created_on"): 1.0, ("public.a", "valid_from"): 9.0})
    assert recovery_point.stamped(live) == [("public.a", "created_on")]
    assert recovery_point.stamped(LiveNewest("replica1", {("public.a", "at"): 1.0})) == [("public.a", "at")]


def test_the_second_generation_is_the_same(night: Night) -> None:
    restore = night.context.environment.restore
    assert restore is not None
    found = second_generation.second_generation(night.context, restore, night.copy)
    assert isinstance(found, BackupSecondGeneration)
    assert found.findings == ()


def test_a_recovery_takes_longer_where_the_live_database_has_grown(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never shorter than measured, and as measured where nobody says how large it is."""
    measured = recovery_time.recovery_time(night.context, night.copy)
    assert isinstance(measured, BackupRecoveryTime)
    assert (measured.live_bytes, measured.seconds) == (None, measured.measured)
    for ratio in (0.5, 1.0, 10.0):
        live = int(measured.rehearsed_bytes * ratio)
        monkeypatch.setattr(live_rows, "size", lambda _, size=live: size)
        found = recovery_time.recovery_time(night.context, night.copy)
        assert isinstance(found, BackupRecoveryTime)
        scaled = max(1.0, ratio)
        assert found.fetch == pytest.approx(measured.fetch * scaled, rel=0.01)
        assert found.indexes >= measured.indexes * scaled * 0.99
        assert found.statistics == measured.statistics
    assert recovery_time.sorting(1.0, 1000) == 1.0
    assert recovery_time.sorting(10.0, 1000) == pytest.approx(10 * 4 / 3)


def test_a_restore_with_errors_tells_no_recovery_time(night: Night) -> None:
    """What was not loaded took no time."""
    broken = replace(night.copy, done=replace(night.copy.done, errors=(RestoreError("23503", "x"),)))
    with pytest.raises(ProbeError, match="did not come back whole"):
        recovery_time.recovery_time(night.context, broken)
    rows = replace(night.copy, tier="rows")
    assert isinstance(recovery_time.recovery_time(night.context, rows), NotJudged)


def test_an_index_that_sorts_otherwise_than_its_rows_lie_is_found(night: Night) -> None:
    """An operator class whose order turns with a setting: what a changed collation does to an index of texts."""
    database = night.copy.done.database
    with night.copy.server.connect(database) as link:
        for statement in TURNING:
            link.execute(statement.encode())
        _, sound = integrity.indexes(link)
        assert [finding for index in sound if (finding := index(link)) is not None] == []
        link.execute("SET turning.round = 'on'")
        found = [finding for index in sound if (finding := index(link)) is not None]
        link.execute("DROP TABLE public.turning")
        link.execute("DROP OPERATOR FAMILY public.turning USING btree CASCADE")
        integrity.tidy(link)
    assert found == ["public.turning_x_idx does not agree with its table (XX002)"]


_ORDER = "SELECT CASE current_setting('turning.round', true) WHEN 'on' THEN b - a ELSE a - b END"
_OPERATORS = "OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >"
_SORTS = "FUNCTION 1 public.turning(int, int)"
TURNING = (
    f"CREATE FUNCTION public.turning(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS $${_ORDER}$$",
    f"CREATE OPERATOR CLASS public.turning FOR TYPE int USING btree AS {_OPERATORS}, {_SORTS}",
    "CREATE TABLE public.turning (x int)",
    "INSERT INTO public.turning SELECT generate_series(1, 1000)",
    "CREATE INDEX turning_x_idx ON public.turning (x public.turning)",
)


def test_a_copy_without_tables_proves_no_second_generation(night: Night) -> None:
    """Nothing is the same as nothing; nor does a copy without indexes say anything of them."""
    restore = night.context.environment.restore
    assert restore is not None
    empty = replace(night.copy, seen=replace(night.copy.seen, tables=()))
    with pytest.raises(ProbeError, match="no table"):
        second_generation.second_generation(night.context, restore, empty)
    rows = replace(night.copy, tier="rows")
    assert isinstance(second_generation.second_generation(night.context, restore, rows), NotJudged)


def test_the_second_generation_is_for_one_day_of_the_week(night: Night) -> None:
    restore = night.context.environment.restore
    assert restore is not None
    assert second_generation.not_due(restore) is None
    assert isinstance(second_generation.not_due(restore.model_copy(update={"second_generation": "never"})), NotJudged)


@pytest.mark.parametrize("day", range(len(drill.FAULTS)))
def test_every_fault_of_the_drill_is_seen(night: Night, day: int) -> None:
    """Another one each night; what is broken stays broken in this copy."""
    restore = night.context.environment.restore
    assert restore is not None
    found = drill.drill(restore, day, night.copy)
    assert found.fault == drill.FAULTS[day].name
    assert found.seen != ()
    assert all(found.broken in line for line in found.seen)


def test_a_drill_that_is_not_seen_is_told(night: Night) -> None:
    """Without anything to compare with nobody sees that the rows of a table are gone."""
    restore = night.context.environment.restore
    assert restore is not None
    blind = replace(night.copy, source=replace(night.copy.source, manifest=None, seed=None))
    found = drill.drill(restore, 0, blind)
    assert (found.fault, found.seen) == ("the rows of a table are gone", ())


def test_the_guides_swap_is_refused_and_ours_works(night: Night) -> None:
    """The last of them: what the swap leaves behind is named, and the backup's own statements bring it back."""
    found = rehearsal.rehearse(night.copy)
    assert found.refused_while_connected
    assert found.refused_seconds > 4
    assert found.rows == 2000
    lost = " ".join(found.lost_by_swap)
    for what in ("owner", "public may connect", "setting TimeZone", "setting statement_timeout of night_app"):
        assert what in lost
    assert found.lost_after_mend == ()


def test_another_file_than_the_manifests_is_not_restored(night: Night) -> None:
    """Nothing of a changed file runs; what is said is said of the backup."""
    backup, restore = night.context.environment.backup, night.context.environment.restore
    assert backup is not None
    assert restore is not None
    store = open_store(backup)
    newest = take_stock(store, backup).require_newest()
    path = Path(str(backup.folder)) / newest.key
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises((UnrestorableError, ProbeError)), copied(night.context, restore, store, newest):
        pytest.fail("it was restored")
