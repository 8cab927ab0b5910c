"""The newest backup is whole, read to its last byte without being written anywhere."""

import pytest

from checks.engine.plugin.aspects import all_of
from checks.engine.plugin.judged import Judge
from checks.engine.readings.backup import BackupNewest

pytestmark = [pytest.mark.guide("backup.integrity"), pytest.mark.profiles("nightly")]


def test_backup_whole(backup_newest: BackupNewest, judged: Judge) -> None:
    """Every block of the newest backup can be read, and its SHA-256 is the manifest's where it has one."""
    read = backup_newest
    _there(read, judged)
    if read.problem != "":
        judged.critical(f"{read.name} is broken: {read.problem}. Take another now")
    if read.sha256_expected not in {"", read.sha256}:
        judged.critical(f"{read.name}: its SHA-256 is not the manifest's, so it was changed after it was taken")
    if read.tables == 0:
        judged.critical(f"{read.name} holds no table")
    digest = "SHA-256 as in the manifest" if read.sha256_expected else "no manifest with a SHA-256"
    judged.ok(
        f"{read.name} read to its end by {read.reads}",
        (f"{read.tables} tables", f"{read.rows or 0} rows", f"{read.size} bytes", f"{read.unpacked} unpacked", digest),
    )


def test_backup_toc_complete(backup_newest: BackupNewest, judged: Judge) -> None:
    """The newest backup holds every table that the database has, and data for each."""
    read = backup_newest
    _whole(read, judged)
    missing, empty = read.relations_missing, read.data_missing
    if missing:
        judged.critical(f"{read.name} lacks {all_of(missing)}", missing)
    if empty:
        judged.critical(f"{read.name} has no data for {all_of(empty)}", empty)
    if read.extensions_missing:
        judged.critical(f"{read.name} does not make {all_of(read.extensions_missing)}", read.extensions_missing)
    if read.large_objects_missing > 0:
        judged.critical(f"{read.name} lacks {read.large_objects_missing} large objects")
    if read.compared_with == "":
        judged.unknown("there is neither a manifest nor a live server to compare its contents with")
    judged.ok(f"holds all that {read.compared_with} has")


def test_backup_rows_complete(backup_newest: BackupNewest, judged: Judge) -> None:
    """Every table in the newest backup has as many rows as its manifest counted in the same snapshot."""
    read = backup_newest
    _whole(read, judged)
    if read.compared_with != "its manifest":
        judged.not_judged("no manifest says how many rows there should be. Take backups with checks.take_backup")
    if read.rows is None:
        judged.not_judged("the dump holds statements, not COPY data: its rows cannot be counted")
    if read.rows_differ:
        judged.critical(f"not the rows of the manifest: {all_of(read.rows_differ)}", read.rows_differ)
    judged.ok(f"{read.rows} rows in {read.tables} tables, as the manifest says")


def test_backup_checksummed(backup_newest: BackupNewest, judged: Judge) -> None:
    """A flipped bit in the newest backup would be seen: by its compression's checksum, or by the manifest's SHA-256."""
    read = backup_newest
    _there(read, judged)
    kind = read.encryption or read.compression
    if read.sha256_expected != "":
        judged.ok("the manifest's SHA-256 guards every bit")
    elif not read.checksummed:
        judged.warning(
            f"{read.name} ({kind}) has no checksum: a flipped bit restores as wrong data without an error. "
            "Take backups with checks.take_backup, or compress with gzip"
        )
    elif kind == "gzip" and read.format != "plain":
        judged.ok("gzip guards every row by a checksum; its definitions only a manifest would")
    else:
        judged.ok(f"{kind} guards it by a checksum")


def test_backup_encrypted(backup_newest: BackupNewest, judged: Judge) -> None:
    """The newest backup is not readable by whoever copies the file, where the environment says so."""
    _there(backup_newest, judged)
    if backup_newest.encryption == "" and backup_newest.encryption_due:
        judged.critical(f"{backup_newest.name} lies there in the clear. Encrypt it: take_backup --encrypt")
    if backup_newest.encryption == "":
        judged.not_judged("in the clear, and the environment does not ask for encryption ([backup] encrypted)")
    if backup_newest.encryption == "openssl":
        judged.warning("encrypted by openssl enc, which does not notice changes. Use age or gpg")
    judged.ok(f"encrypted with {backup_newest.encryption}")


def test_backup_globals(backup_newest: BackupNewest, judged: Judge) -> None:
    """The roles that the dump names are in a globals dump beside it: pg_dump itself keeps none."""
    read = backup_newest
    _there(read, judged)
    if not read.globals_found:
        judged.critical(f"no globals dump beside {read.name}: its {read.roles_named} roles would be lost")
    if read.globals_unread != "":
        judged.unknown(f"the globals dump could not be read: {read.globals_unread}")
    if read.globals_problem != "":
        judged.critical(f"the globals dump is of no use: {read.globals_problem}")
    if read.roles_missing:
        judged.critical(f"the globals dump does not make {all_of(read.roles_missing)}", read.roles_missing)
    judged.ok(f"the globals dump makes all {read.roles_named} roles")


def test_backup_version_restorable(backup_newest: BackupNewest, judged: Judge) -> None:
    """The newest backup was written by a pg_dump that is no newer than its server, so that it restores there too."""
    read = backup_newest
    _there(read, judged)
    if read.newer_than_server:
        judged.warning(
            f"pg_dump {read.dump_version} wrote it of a server {read.server_version}: it may not restore into that "
            "version. Use the pg_dump of the server's own major version"
        )
    if read.server_version == "":
        judged.not_judged("it does not say which version it was taken of")
    judged.ok(f"pg_dump {read.dump_version}, server {read.server_version}")


def _there(read: BackupNewest, judged: Judge) -> None:
    """That there is none is one alarm, and backup-freshness says it."""
    if read.name == "":
        judged.not_judged("there is no complete backup, as backup-freshness says")


def _whole(read: BackupNewest, judged: Judge) -> None:
    """What is broken is one alarm, and backup-whole says it."""
    _there(read, judged)
    if read.problem != "":
        judged.not_judged(f"{read.name} is broken, as backup-whole says")
