"""What the checks of the backups say of a reading: just inside, on and just past each limit, and of nothing."""

import importlib
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from checks.engine.model import Reading, State, Target
from checks.engine.plugin.judged import JUDGEMENT, Judge
from checks.engine.plugin.signals import Judged
from checks.engine.readings.backup import BackupConnection, BackupEntry, BackupInventory, BackupNewest, BackupSecond

HOUR = 3600.0
ENTRY = BackupEntry("a.dump", "penhas", 1.0, "manifest", 100, "custom", "signed", "")
CONNECTION = BackupConnection(source="test", sampled_at=0.0, reachable=True)
INVENTORY = BackupInventory(
    source="test",
    sampled_at=0.0,
    place="a folder",
    backups=(ENTRY,),
    passed_over=0,
    newest="a.dump",
    newest_database="penhas",
    age=HOUR,
    size=100,
    size_ratio=1.0,
    sizes_compared=7,
    retention_days=7,
    days_missing=(),
    database_live="penhas",
    databases_expected=("penhas",),
    databases_missing=(),
    from_the_future=(),
    manifest="signed",
    of_replica=False,
    replica_lag=0.0,
    versioning=True,
    object_lock=True,
    lock_due=False,
    lock_mode="COMPLIANCE",
    locked_for=8 * 24 * HOUR,
    deleted=(),
    keys_beside=(),
    key_open=False,
)
SECOND = BackupSecond(
    source="test", sampled_at=0.0, place="elsewhere", newest="a.dump", newest_there=True, missing=(), same_place=False
)
NEWEST = BackupNewest(
    source="test",
    sampled_at=0.0,
    name="a.dump",
    format="custom",
    compression="gzip",
    checksummed=True,
    size=100,
    reads="our own reader",
    sha256="aa",
    sha256_expected="aa",
    tables=3,
    rows=10,
    compared_with="its manifest",
    globals_found=True,
    roles_named=2,
    server_version="15.1",
    dump_version="15.1",
)
FILES = {BackupConnection: "test_backups", BackupInventory: "test_backups", BackupSecond: "test_backups"}


def said(check: str, reading: Reading) -> tuple[State, str]:
    """Return what a check says of a reading."""
    module = importlib.import_module(f"checks.backup.{FILES.get(type(reading), 'test_newest_backup')}")
    body = cast("Callable[[Reading, Judge], None]", getattr(module, f"test_backup_{check}"))
    item = cast("Any", SimpleNamespace(stash=pytest.Stash()))
    case = cast("Any", SimpleNamespace(target=Target("backup", "postgresql")))
    try:
        body(reading, Judge(cast("Any", None), case, item))
    except Judged as signal:
        return signal.judgement.state, signal.judgement.message
    return item.stash[JUDGEMENT].state, item.stash[JUDGEMENT].message


OK, WARNING, CRITICAL, NOT_JUDGED = State.OK, State.WARNING, State.CRITICAL, State.NOT_JUDGED


@pytest.mark.parametrize(
    ("check", "reading", "changes", "state"),
    [
        ("connection", CONNECTION, {}, OK),
        ("connection", CONNECTION, {"reachable": False, "problem": "the bucket is not there"}, CRITICAL),
        ("freshness", INVENTORY, {"age": 0.0}, OK),
        ("freshness", INVENTORY, {"age": 26 * HOUR}, OK),
        ("freshness", INVENTORY, {"age": 26.01 * HOUR}, CRITICAL),
        ("freshness", INVENTORY, {"age": None, "newest": ""}, CRITICAL),
        ("freshness", INVENTORY, {"age": -9.0 * HOUR, "from_the_future": ("a.dump",)}, CRITICAL),
        ("retention_complete", INVENTORY, {}, OK),
        ("retention_complete", INVENTORY, {"days_missing": ("2026-01-01",)}, WARNING),
        ("retention_complete", INVENTORY, {"days_missing": ("2026-01-01", "2026-01-02")}, CRITICAL),
        ("databases_complete", INVENTORY, {}, OK),
        ("databases_complete", INVENTORY, {"databases_missing": ("penhas",)}, CRITICAL),
        ("databases_complete", INVENTORY, {"newest_database": "postgres"}, CRITICAL),
        ("databases_complete", INVENTORY, {"databases_expected": (), "database_live": ""}, State.UNKNOWN),
        ("size_usual", INVENTORY, {"size_ratio": 2.0}, OK),
        ("size_usual", INVENTORY, {"size_ratio": 2.01}, WARNING),
        ("size_usual", INVENTORY, {"size_ratio": 0.8}, OK),
        ("size_usual", INVENTORY, {"size_ratio": 0.79}, WARNING),
        ("size_usual", INVENTORY, {"size_ratio": 0.5}, WARNING),
        ("size_usual", INVENTORY, {"size_ratio": 0.49}, CRITICAL),
        ("size_usual", INVENTORY, {"size_ratio": 0.0}, CRITICAL),
        ("size_usual", INVENTORY, {"size_ratio": None}, NOT_JUDGED),
        ("second_copy", SECOND, {}, OK),
        ("second_copy", SECOND, {"missing": ("old.dump",)}, WARNING),
        ("second_copy", SECOND, {"missing": ("a.dump",), "newest_there": False}, CRITICAL),
        ("second_copy", SECOND, {"same_place": True}, CRITICAL),
        ("second_copy", SECOND, {"newest": "", "newest_there": False}, NOT_JUDGED),
        ("nothing_deleted", INVENTORY, {}, OK),
        ("nothing_deleted", INVENTORY, {"deleted": ("a.dump",)}, CRITICAL),
        ("nothing_deleted", INVENTORY, {"deleted": None}, NOT_JUDGED),
        ("locked", INVENTORY, {"locked_for": 7 * 24 * HOUR}, OK),
        ("locked", INVENTORY, {"locked_for": 6.99 * 24 * HOUR}, WARNING),
        ("locked", INVENTORY, {"lock_mode": "GOVERNANCE"}, WARNING),
        ("locked", INVENTORY, {"lock_mode": ""}, WARNING),
        ("locked", INVENTORY, {"object_lock": False}, NOT_JUDGED),
        ("locked", INVENTORY, {"object_lock": None}, NOT_JUDGED),
        ("locked", INVENTORY, {"object_lock": None, "lock_due": True}, CRITICAL),
        ("locked", INVENTORY, {"object_lock": False, "lock_due": True}, CRITICAL),
        ("key_apart", INVENTORY, {}, OK),
        ("key_apart", INVENTORY, {"keys_beside": ("key.txt",)}, WARNING),
        ("key_apart", INVENTORY, {"key_open": True}, WARNING),
        ("manifest_signed", INVENTORY, {}, OK),
        ("manifest_signed", INVENTORY, {"manifest": "unchecked"}, WARNING),
        ("manifest_signed", INVENTORY, {"manifest": "none"}, NOT_JUDGED),
        ("manifest_signed", INVENTORY, {"backups": (replace(ENTRY, manifest="wrong signature"),)}, CRITICAL),
        ("source_current", INVENTORY, {"replica_lag": 300.0}, OK),
        ("source_current", INVENTORY, {"replica_lag": 300.1}, WARNING),
        ("source_current", INVENTORY, {"replica_lag": 3600.1}, CRITICAL),
        ("source_current", INVENTORY, {"replica_lag": None}, NOT_JUDGED),
        ("source_current", INVENTORY, {"replica_lag": None, "of_replica": True}, WARNING),
        ("whole", NEWEST, {}, OK),
        ("whole", NEWEST, {"sha256_expected": ""}, OK),
        ("whole", NEWEST, {"problem": "its checksum fails"}, CRITICAL),
        ("whole", NEWEST, {"sha256": "bb"}, CRITICAL),
        ("whole", NEWEST, {"tables": 0}, CRITICAL),
        ("globals", NEWEST, {"globals_unread": "no answer in time"}, State.UNKNOWN),
        ("toc_complete", NEWEST, {}, OK),
        ("toc_complete", NEWEST, {"relations_missing": ("public.a",)}, CRITICAL),
        ("toc_complete", NEWEST, {"data_missing": ("public.a",)}, CRITICAL),
        ("toc_complete", NEWEST, {"extensions_missing": ("citext",)}, CRITICAL),
        ("toc_complete", NEWEST, {"large_objects_missing": 1}, CRITICAL),
        ("toc_complete", NEWEST, {"compared_with": ""}, State.UNKNOWN),
        ("toc_complete", NEWEST, {"problem": "its checksum fails"}, NOT_JUDGED),
        ("rows_complete", NEWEST, {}, OK),
        ("rows_complete", NEWEST, {"rows": 0}, OK),
        ("rows_complete", NEWEST, {"rows": None}, NOT_JUDGED),
        ("rows_complete", NEWEST, {"rows_differ": ("public.a: 1 rows, its manifest says 2",)}, CRITICAL),
        ("rows_complete", NEWEST, {"compared_with": "postgresql primary"}, NOT_JUDGED),
        ("checksummed", NEWEST, {"checksummed": False}, OK),
        ("checksummed", NEWEST, {"sha256_expected": ""}, OK),
        ("checksummed", NEWEST, {"sha256_expected": "", "checksummed": False}, WARNING),
        ("encrypted", NEWEST, {"encryption": "age"}, OK),
        ("encrypted", NEWEST, {"encryption": "openssl"}, WARNING),
        ("encrypted", NEWEST, {"encryption_due": True}, CRITICAL),
        ("encrypted", NEWEST, {}, NOT_JUDGED),
        ("globals", NEWEST, {}, OK),
        ("globals", NEWEST, {"globals_found": False}, CRITICAL),
        ("globals", NEWEST, {"globals_problem": "it was cut off"}, CRITICAL),
        ("globals", NEWEST, {"roles_missing": ("leitora",)}, CRITICAL),
        ("version_restorable", NEWEST, {}, OK),
        ("version_restorable", NEWEST, {"newer_than_server": True}, WARNING),
        ("version_restorable", NEWEST, {"server_version": ""}, NOT_JUDGED),
    ],
)
def test_a_check_says_the_state_and_names_what_it_saw(
    check: str, reading: Reading, changes: dict[str, object], state: State
) -> None:
    found, message = said(check, replace(reading, **cast("Any", changes)))
    assert (found, message.startswith("backup postgresql: ")) == (state, True)


@pytest.mark.parametrize(
    "check", ["whole", "toc_complete", "rows_complete", "checksummed", "encrypted", "globals", "version_restorable"]
)
def test_without_any_backup_one_check_alarms_and_the_others_say_why_not(check: str) -> None:
    state, message = said(check, BackupNewest(name="", source="test", sampled_at=0.0))
    assert (state, message.endswith("as backup-freshness says")) == (NOT_JUDGED, True)


def test_the_table_is_named_that_a_backup_lacks() -> None:
    assert "public.clientes" in said("toc_complete", replace(NEWEST, relations_missing=("public.clientes",)))[1]
