"""A backup counts by what is inside it, never by its file's time; what is missing is told from what was deleted."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from checks.engine.environment import Environment
from checks.engine.environment.models import Backup
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup.inventory import take_stock
from checks.engine.probes.backup.looking import inventory, second
from checks.engine.probes.backup.store import open_store
from checks.engine.readings.backup import BackupInventory
from tests.backup import made
from tests.backup.conftest import Cloud
from tests.backup.servers import Source

NOW = float(int(time.time()))


@pytest.fixture(scope="module")
def data(oldest: Source) -> bytes:
    """A small dump of a database called penhas."""
    oldest.database("penhas", "CREATE TABLE a (x int)", "INSERT INTO a VALUES (1), (2), (3)")
    return made.archive(oldest, "penhas")


def look(backup: Backup) -> BackupInventory:
    """Return the reading of a place at NOW."""
    environment = Environment(name="test", backup=backup)
    return inventory(open_store(backup), take_stock(open_store(backup), backup), environment, NOW)


def place(folder: Path, **more: object) -> Backup:
    """Return the table [backup] for a folder."""
    return Backup.model_validate({"folder": str(folder), **more})


SEEDED = {"seed": {"env": "PENHAS_CHECKS_TEST_SEED"}}


def test_the_newest_is_told_by_the_time_inside_and_never_by_its_file(tmp_path: Path, data: bytes) -> None:
    made.days(tmp_path, data, NOW, (0.25, 1.25))
    (tmp_path / "copied.dump").write_bytes(made.dated(data, NOW - 30 * made.DAY))
    for path in tmp_path.iterdir():
        made.touch(path, NOW - 90 * made.DAY)
    made.touch(tmp_path / "copied.dump", NOW)
    read = look(place(tmp_path))
    assert (read.newest, read.age) == ("penhas-0.25.dump", 0.25 * made.DAY)


def test_the_time_inside_is_read_in_the_zone_of_the_machine_that_dumps(tmp_path: Path, data: bytes) -> None:
    made.days(tmp_path, data, NOW, (1.0,))
    read = look(place(tmp_path, timezone="America/Sao_Paulo"))
    assert read.age == made.DAY - 3 * 3600


def test_a_missing_day_is_named(tmp_path: Path, data: bytes) -> None:
    made.days(tmp_path, data, NOW, (0, 1, 2, 4, 5, 6))
    assert look(place(tmp_path)).days_missing == (time.strftime("%Y-%m-%d", time.gmtime(NOW - 3 * made.DAY)),)


def test_a_place_without_any_backup_is_empty_and_no_failure(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("backups lie here")
    read = look(place(tmp_path))
    assert (read.newest, read.age, read.backups) == ("", None, ())
    with pytest.raises(ProbeError) as caught:
        take_stock(open_store(place(tmp_path)), place(tmp_path)).require_newest()
    assert caught.value.reason is Reason.NO_DATA


def test_a_folder_that_is_not_there_is_our_own_fault(tmp_path: Path) -> None:
    with pytest.raises(ProbeError) as caught:
        look(place(tmp_path / "unmounted"))
    assert caught.value.reason is Reason.OURS


def test_an_empty_a_damaged_and_a_half_written_file_are_no_backups(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "empty.dump").write_bytes(b"")
    (tmp_path / "damaged.dump").write_bytes(data[:9])
    (tmp_path / ".penhas.dump.part-12345678").write_bytes(data)
    read = look(place(tmp_path))
    assert {entry.name: entry.problem != "" for entry in read.backups} == {"empty.dump": True, "damaged.dump": True}
    assert read.newest == ""


def test_size_is_compared_with_the_median_of_those_before(tmp_path: Path, data: bytes) -> None:
    made.days(tmp_path, data, NOW, (1, 2, 3, 4))
    (tmp_path / "penhas-0.dump").write_bytes(made.dated(data, NOW)[: len(data) // 2])
    read = look(place(tmp_path))
    assert read.sizes_compared == 4
    assert read.size_ratio == pytest.approx(0.5, abs=0.01)


def test_a_backup_from_the_future_is_named(tmp_path: Path, data: bytes) -> None:
    made.days(tmp_path, data, NOW, (1, -0.5))
    assert look(place(tmp_path)).from_the_future == ("penhas--0.5.dump",)


def test_a_dump_without_the_manifest_that_others_have_was_cut_off(tmp_path: Path, data: bytes) -> None:
    made.days(tmp_path, data, NOW, (0, 1, 2))
    made.commit(tmp_path, made.manifest("penhas-1", data, NOW - made.DAY))
    read = look(place(tmp_path, **SEEDED))
    assert read.newest == "penhas-1.dump"
    assert {entry.name for entry in read.backups if entry.problem != ""} == {"penhas-0.dump"}


def test_a_manifest_that_someone_else_signed_does_not_count(tmp_path: Path, data: bytes) -> None:
    made.days(tmp_path, data, NOW, (0, 1))
    made.commit(tmp_path, made.manifest("penhas-1", data, NOW - made.DAY))
    made.commit(tmp_path, made.manifest("penhas-0", data, NOW), seed=b"of a stranger")
    read = look(place(tmp_path, **SEEDED))
    assert read.newest == "penhas-1.dump"
    assert {entry.name: entry.manifest for entry in read.backups} == {
        "penhas-0.dump": "wrong signature",
        "penhas-1.dump": "signed",
    }


def test_a_changed_word_breaks_the_signature(tmp_path: Path, data: bytes) -> None:
    made.days(tmp_path, data, NOW, (0,))
    made.commit(tmp_path, made.manifest("penhas-0", data, NOW))
    path = tmp_path / "penhas-0.manifest.json"
    path.write_text(path.read_text().replace('"rows": 3', '"rows": 2'))
    assert look(place(tmp_path, **SEEDED)).backups[0].manifest == "wrong signature"


def test_a_dump_shorter_than_its_manifest_says_is_no_backup(tmp_path: Path, data: bytes) -> None:
    made.days(tmp_path, data, NOW, (0,))
    own = made.manifest("penhas-0", data + b"x", NOW)
    made.commit(tmp_path, own)
    read = look(place(tmp_path, **SEEDED))
    assert read.newest == ""
    assert "its manifest says" in read.backups[0].problem


def test_without_the_seed_a_manifest_is_unchecked_and_with_an_unset_one_it_is_our_fault(
    tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.days(tmp_path, data, NOW, (0,))
    made.commit(tmp_path, made.manifest("penhas-0", data, NOW))
    assert look(place(tmp_path)).manifest == "unchecked"
    monkeypatch.delenv("PENHAS_CHECKS_TEST_SEED")
    with pytest.raises(ProbeError) as caught:
        look(place(tmp_path, **SEEDED))
    assert caught.value.reason is Reason.OURS


def test_a_fresh_dump_of_a_stale_replica_is_told(tmp_path: Path, data: bytes) -> None:
    made.days(tmp_path, data, NOW, (0,))
    made.commit(tmp_path, made.from_replica(made.manifest("penhas-0", data, NOW), 7200.0))
    assert look(place(tmp_path, **SEEDED)).replica_lag == 7200.0


def test_a_database_without_a_backup_is_named(tmp_path: Path, data: bytes) -> None:
    made.days(tmp_path, data, NOW, (0,))
    assert look(place(tmp_path, databases=["penhas", "metabase"])).databases_missing == ("metabase",)
    own = replace(made.manifest("penhas-0", data, NOW), databases=("penhas", "outro"))
    made.commit(tmp_path, own)
    assert look(place(tmp_path, **SEEDED)).databases_missing == ("outro",)


def test_each_database_is_judged_by_its_own_backups(tmp_path: Path, data: bytes, oldest: Source) -> None:
    oldest.database("metabase", "CREATE TABLE b (x int)")
    other = made.archive(oldest, "metabase")
    made.days(tmp_path, data, NOW, (0.25, 1.25, 2.25, 4.25, 5.25, 6.25))
    for age in (0, 3, 6):
        (tmp_path / f"metabase-{age}.dump").write_bytes(made.dated(other, NOW - age * made.DAY))
    read = look(place(tmp_path, databases=["penhas", "metabase"]))
    assert (read.newest, read.databases_missing, read.sizes_compared) == ("penhas-0.25.dump", (), 5)
    assert len(read.days_missing) == 1
    (tmp_path / "metabase-0.dump").unlink()
    assert look(place(tmp_path, databases=["penhas", "metabase"])).databases_missing == ("metabase",)


def test_a_plain_dump_counts_as_the_database_that_is_expected(tmp_path: Path, oldest: Source) -> None:
    done = oldest.program("pg_dump", "--verbose", "--file", str(tmp_path / "penhas.sql"), "penhas")
    assert done.returncode == 0
    read = look(place(tmp_path, databases=["penhas"]))
    assert (read.newest, read.databases_missing, read.backups[0].told_by) == ("penhas.sql", (), "text")


def test_a_private_key_beside_the_backups_is_found(tmp_path: Path, data: bytes) -> None:
    made.days(tmp_path, data, NOW, (0,))
    (tmp_path / "key.txt").write_text("# created\nAGE-SECRET-KEY-1QQQ\n")
    assert look(place(tmp_path)).keys_beside == ("key.txt",)


@pytest.mark.parametrize(("mode", "open_"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_key_that_others_may_read_is_told(tmp_path: Path, mode: int, open_: bool) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "key").write_text("AGE-SECRET-KEY-1QQQ")
    (tmp_path / "key").chmod(mode)
    assert look(place(tmp_path / "store", identity=str(tmp_path / "key"))).key_open == open_


def test_a_bucket_tells_deleted_from_never_written(cloud: Cloud, data: bytes) -> None:
    backup = cloud.backup("versioned", prefix="pg/", retention_days=3)
    cloud.client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    store = open_store(backup)
    for age in (0, 1, 2):
        store.put_bytes(f"pg/penhas-{age}.dump", made.dated(data, NOW - age * made.DAY))
    assert look(backup).deleted == ()
    cloud.client.delete_object(Bucket="versioned", Key="pg/penhas-1.dump")
    read = look(backup)
    assert read.deleted == ("penhas-1.dump",)
    assert len(read.days_missing) == 1


def test_a_bucket_without_versions_cannot_say_what_was_deleted(cloud: Cloud, data: bytes) -> None:
    backup = cloud.backup("plain-bucket")
    open_store(backup).put_bytes("penhas-0.dump", made.dated(data, NOW))
    read = look(backup)
    assert (read.versioning, read.deleted, read.newest) == (False, None, "penhas-0.dump")


def test_the_lock_of_the_newest_is_read(cloud: Cloud, data: bytes) -> None:
    cloud.client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 9}}
    cloud.client.put_object_lock_configuration(
        Bucket="locked", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    backup = cloud.backup("unlocked").model_copy(update={"bucket": "locked"})
    cloud.client.put_object(Bucket="locked", Key="penhas-0.dump", Body=made.dated(data, NOW))
    read = look(backup)
    assert (read.object_lock, read.lock_mode) == (True, "COMPLIANCE")
    assert read.locked_for == pytest.approx(9 * made.DAY, abs=3600)


@pytest.mark.parametrize("gone", ["", "penhas-0.dump", "penhas-1.dump"])
def test_the_second_place_is_compared_file_by_file(tmp_path: Path, data: bytes, gone: str) -> None:
    first, other = tmp_path / "first", tmp_path / "second"
    for folder in (first, other):
        folder.mkdir()
        made.days(folder, data, NOW, (0, 1))
    if gone != "":
        (other / gone).write_bytes(b"cut off")
    backup = place(first, second={"folder": str(other)})
    read = second(take_stock(open_store(backup), backup), backup)
    assert read.missing == ((gone,) if gone else ())
    assert read.newest_there == (gone != "penhas-0.dump")
    assert not read.same_place


def test_a_link_to_the_first_place_is_no_second_one(tmp_path: Path, data: bytes) -> None:
    """Nor is its name with a slash at the end."""
    folder = tmp_path / "first"
    folder.mkdir()
    made.days(folder, data, NOW, (0, 1))
    (tmp_path / "link").symlink_to(folder)
    for name in ("link", "first/", "other/../first"):
        backup = place(folder, second={"folder": f"{tmp_path}/{name}"})
        (tmp_path / "other").mkdir(exist_ok=True)
        assert second(take_stock(open_store(backup), backup), backup).same_place


def test_an_unknown_key_and_a_missing_bucket_are_told_apart(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = cloud.backup("there").model_copy(update={"bucket": "not-there"})
    with pytest.raises(ProbeError) as caught:
        take_stock(open_store(backup), backup)
    assert caught.value.reason is Reason.NO_DATA
    monkeypatch.delenv("PENHAS_CHECKS_TEST_SECRET_KEY")
    with pytest.raises(ProbeError) as caught:
        open_store(backup)
    assert caught.value.reason is Reason.OURS


def test_nothing_of_this_machines_aws_files_is_used(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    backup = cloud.backup("explicit")
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    store = open_store(backup)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "HTTP_PROXY"):
        monkeypatch.delenv(name)  # the S3 server lives in this process
    store.put_bytes("x.dump", data)
    assert [stored.key for stored in store.objects()] == ["x.dump"]
