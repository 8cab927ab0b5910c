"""There is a backup, and there are all the others that should be there."""

import pytest

from checks.engine.plugin.aspects import all_of
from checks.engine.plugin.judged import Judge
from checks.engine.readings.backup import BackupConnection, BackupInventory, BackupSecond

DAILY = 26.0  # hours: once a day, and two to finish


@pytest.mark.guide("backup.freshness")
@pytest.mark.profiles("nightly", "triage")
def test_backup_connection(backup_connection: BackupConnection, judged: Judge) -> None:
    """The place of the backups can be listed."""
    if not backup_connection.reachable:
        judged.critical(backup_connection.problem)
    judged.ok("can be listed")


@pytest.mark.guide("backup.freshness")
@pytest.mark.profiles("nightly", "triage")
def test_backup_freshness(backup_inventory: BackupInventory, judged: Judge) -> None:
    """The newest complete backup is no older than a day and two hours, by the time inside it."""
    read = backup_inventory
    bad = tuple(f"{entry.name}: {entry.problem}" for entry in read.backups if entry.problem != "")
    if read.from_the_future:
        judged.critical(f"{read.from_the_future[-1]} says that it was taken in the future: its clock or zone is wrong")
    if read.age is None:
        judged.critical(f"no complete backup in {read.place}, {len(read.backups)} looked at. Take one now", bad)
    evidence = (read.newest, *bad[-5:])
    judged(read.age / 3600, unit="h", subject="newest backup", reading=read, above=(DAILY, DAILY), evidence=evidence)


@pytest.mark.guide("backup.freshness")
@pytest.mark.profiles("nightly", "triage")
def test_backup_retention_complete(backup_inventory: BackupInventory, judged: Judge) -> None:
    """Every day of the retention has a complete backup."""
    days, missing = backup_inventory.retention_days, backup_inventory.days_missing
    if len(missing) > 1:
        judged.critical(f"{len(missing)} of the last {days - 1} days have no complete backup", missing)
    if missing:
        judged.warning(f"there is no complete backup of {missing[0]}", missing)
    judged.ok(f"each of the last {days - 1} days has a backup")


@pytest.mark.guide("backup.freshness")
@pytest.mark.profiles("nightly")
def test_backup_databases_complete(backup_inventory: BackupInventory, judged: Judge) -> None:
    """Every database of the server has a complete backup of the last day."""
    read = backup_inventory
    expected, missing = read.databases_expected, read.databases_missing
    if read.database_live != "" and read.newest_database not in {"", read.database_live, *expected}:
        judged.critical(f"{read.newest} is of the database {read.newest_database}, not of {read.database_live}")
    if expected == ():
        judged.unknown("nobody says which databases there should be. Set [backup] databases")
    if missing:
        judged.critical(f"no complete backup of the database {missing[0]} in the last day", missing)
    judged.ok(f"{len(expected)} of {len(expected)} databases have one")


@pytest.mark.guide("backup.integrity")
@pytest.mark.profiles("nightly", "triage")
def test_backup_size_usual(backup_inventory: BackupInventory, judged: Judge) -> None:
    """The newest backup is about as large as the median of those before it."""
    if backup_inventory.size_ratio is None:
        judged.not_judged("there is no earlier backup of the same database and format to compare with")
    judged(
        backup_inventory.size_ratio * 100,
        unit="%",
        subject=f"size, of the median of {backup_inventory.sizes_compared} before:",
        reading=backup_inventory,
        above=(200.0, None),
        below=(80.0, 50.0),
        evidence=(backup_inventory.newest, f"{backup_inventory.size} bytes"),
    )


@pytest.mark.guide("backup.freshness")
@pytest.mark.profiles("nightly", "triage")
def test_backup_second_copy(backup_second: BackupSecond, judged: Judge) -> None:
    """Every complete backup lies in a second place too."""
    second = backup_second
    if second.newest == "":
        judged.not_judged("there is no complete backup, as backup-freshness says")
    if second.same_place:
        judged.critical(f"the second place, {second.place}, is the first one")
    if not second.newest_there:
        judged.critical(f"{second.newest} is not, or not whole, in {second.place}", second.missing)
    if second.missing:
        judged.warning(f"not in {second.place}: {all_of(second.missing)}", second.missing)
    judged.ok(f"every backup is in {second.place} too")


@pytest.mark.guide("backup.integrity")
@pytest.mark.profiles("nightly", "triage")
def test_backup_nothing_deleted(backup_inventory: BackupInventory, judged: Judge) -> None:
    """No backup was deleted before its retention was over; a delete marker tells that from never written."""
    deleted = backup_inventory.deleted
    if deleted is None:
        judged.not_judged("the place keeps no versions, so a deletion leaves no trace. Turn versioning on")
    if deleted:
        judged.critical(f"deleted too early: {all_of(deleted)}. Restore the last version, find who did it", deleted)
    judged.ok("no backup was deleted before its time")


@pytest.mark.guide("backup.integrity")
@pytest.mark.profiles("nightly")
def test_backup_locked(backup_inventory: BackupInventory, judged: Judge) -> None:
    """The newest backup cannot be deleted or overwritten by anyone as long as the retention lasts."""
    read = backup_inventory
    if not read.object_lock:
        why = "the place has no object lock" if read.object_lock is None else "object lock is off"
        text = f"{why}: whoever holds the key can delete every backup"
        judged.critical(text) if read.lock_due else judged.not_judged(text)
    if read.lock_mode != "COMPLIANCE":
        mode = "not locked" if not read.lock_mode else f"in the mode {read.lock_mode}, which a permission overrides"
        judged.warning(f"{read.newest} is {mode}")
    judged(
        (read.locked_for or 0.0) / 86400,
        unit="d",
        subject=f"{read.newest} is locked for",
        reading=read,
        below=(float(read.retention_days), None),
    )


@pytest.mark.guide("backup.integrity")
@pytest.mark.profiles("nightly")
def test_backup_key_apart(backup_inventory: BackupInventory, judged: Judge) -> None:
    """The key that opens the backups lies apart from them, and only its owner may read it."""
    if backup_inventory.keys_beside:
        judged.warning("a private key lies beside the backups: keep it elsewhere", backup_inventory.keys_beside)
    if backup_inventory.key_open:
        judged.warning("others than its owner may read the key of [backup] identity: chmod 600")
    judged.ok("no private key lies beside the backups")


@pytest.mark.guide("backup.integrity")
@pytest.mark.profiles("nightly", "triage")
def test_backup_manifest_signed(backup_inventory: BackupInventory, judged: Judge) -> None:
    """The newest backup has a manifest that was signed with our seed."""
    forged = tuple(e.name for e in backup_inventory.backups if e.manifest not in {"none", "signed", "unchecked"})
    if forged:
        judged.critical(f"damaged, or signed by someone else: the manifest of {all_of(forged[::-1])}", forged)
    if backup_inventory.newest == "" or backup_inventory.manifest == "none":
        judged.not_judged("the newest backup has no manifest. Take backups with checks.take_backup")
    if backup_inventory.manifest == "unchecked":
        judged.warning("the manifest's signature cannot be checked. Set [backup] seed")
    judged.ok("the newest backup's manifest is signed with our seed")


@pytest.mark.guide("backup.freshness")
@pytest.mark.profiles("nightly", "triage")
def test_backup_source_current(backup_inventory: BackupInventory, judged: Judge) -> None:
    """The server that was dumped was not far behind the primary: a fresh dump of a stale replica is an old one."""
    if backup_inventory.of_replica and backup_inventory.replica_lag is None:
        judged.warning("a replica was dumped, and nothing says how far it was behind. GRANT pg_monitor to the role")
    if backup_inventory.replica_lag is None:
        judged.not_judged("no manifest says which server was dumped")
    judged(
        backup_inventory.replica_lag,
        unit="s",
        subject="the dumped server was behind by",
        reading=backup_inventory,
        above=(300.0, 3600.0),
        evidence=(backup_inventory.newest,),
    )
