"""What the checks of a restored copy say: well, of each finding, where nothing could be seen, and at their limits."""

import importlib
import io
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from checks.engine.model import Reading, State, Target
from checks.engine.plugin.judged import JUDGEMENT, Judge
from checks.engine.plugin.restore_progress import Shown, line
from checks.engine.plugin.signals import Judged
from checks.engine.probes.backup.progress import Step
from checks.engine.readings.restore import (
    Aspect,
    BackupDrill,
    BackupMedia,
    BackupRecoveryPoint,
    BackupRedis,
    BackupRehearsed,
    BackupRestored,
    BackupSealed,
    BackupSecondGeneration,
)

MINUTE = 60.0
ASPECTS = {
    "rows": State.CRITICAL,
    "contents": State.CRITICAL,
    "structure": State.CRITICAL,
    "security": State.CRITICAL,
    "extensions": State.WARNING,
    "listed": State.CRITICAL,
    "references": State.CRITICAL,
    "sequences": State.CRITICAL,
    "indexes": State.CRITICAL,
    "policies": State.CRITICAL,
    "views_filled": State.WARNING,
    "validated": State.WARNING,
    "large_objects": State.CRITICAL,
    "texts": State.CRITICAL,
    "locale": State.WARNING,
}
NAMES = {"views_filled": "filled", "large_objects": "large objects"}
RESTORED = BackupRestored(
    source="a.dump",
    sampled_at=0.0,
    backup="a.dump",
    database="penhas",
    tier="full",
    format="custom",
    taken_at=0.0,
    size=1,
    server="15.1",
    proof="the manifest",
    errors=(),
    left_out=(),
    aspects=tuple(Aspect(NAMES.get(name, name), "the manifest", 3) for name in ASPECTS),
    phases=(),
    tables=3,
    rows=10,
    private=True,
    orphans=(),
)
POINT = BackupRecoveryPoint(source="a", sampled_at=0.0, backup="a", seconds=1.0, behind=0.0, told_by="replica1")
MEDIA = BackupMedia(
    source="a",
    sampled_at=0.0,
    table="public.media",
    bucket="media",
    named=10,
    objects=10,
    missing=0,
    emptied=0,
    deleted=0,
    left_over=0,
    left_over_bytes=0,
    sample=1.0,
)
REDIS = BackupRedis(
    source="a",
    sampled_at=0.0,
    backup="a.rdb",
    saved_at=0.0,
    ahead=0.0,
    age=1.0,
    size=1,
    version="7.0",
    checksummed=True,
    sound=True,
    keys=10,
    loaded=9,
    expired=1,
)
SEALED = BackupSealed(source="a", sampled_at=0.0, backup="a", column="public.x.y", tried=20, opened=20)
DRILL = BackupDrill(source="a", sampled_at=0.0, backup="a", fault="an index is gone", broken="i", seen=("index i",))
SECOND = BackupSecondGeneration(source="a", sampled_at=0.0, backup="a", findings=(), tables=3, seconds=1.0)
REHEARSED = BackupRehearsed(
    source="a",
    sampled_at=0.0,
    database="penhas",
    refused_while_connected=True,
    refused_seconds=5.0,
    swap_seconds=0.1,
    lost_by_swap=("owner",),
    lost_after_mend=(),
    properties_known=True,
    rows=10,
    table="clientes",
)


def said(check: str, reading: Reading) -> tuple[State, str, str | None]:
    """Return what a check says of a reading: state, message, and the check that alarms for it."""
    module, _, name = check.partition(".")
    body = cast(
        "Callable[[Reading, Judge], None]", getattr(importlib.import_module(f"checks.{module.replace('/', '.')}"), name)
    )
    item = cast("Any", SimpleNamespace(stash=pytest.Stash()))
    case = cast("Any", SimpleNamespace(target=Target("backup", "postgresql")))
    try:
        body(reading, Judge(cast("Any", None), case, item))
    except Judged as signal:
        return signal.judgement.state, signal.judgement.message, signal.root
    return item.stash[JUDGEMENT].state, item.stash[JUDGEMENT].message, None


def _aspect(name: str, **changes: object) -> BackupRestored:
    known = NAMES.get(name, name)
    changed = (replace(a, **cast("Any", changes)) if a.name == known else a for a in RESTORED.aspects)
    return replace(RESTORED, aspects=tuple(changed))


@pytest.mark.parametrize("name", ASPECTS)
def test_each_aspect_is_a_check_of_its_own(name: str) -> None:
    """The same, a finding, two of them, blind, beyond, nothing of the kind, not restored."""
    check = f"backup/test_restore.test_backup_restore_{name}"
    worst = ASPECTS[name]
    assert said(check, RESTORED)[0] is State.OK
    state, text, _ = said(check, _aspect(name, findings=("table t",)))
    assert (state, "table t" in text) == (worst, True)
    assert "and 1 more" in said(check, _aspect(name, findings=("table t", "table u")))[1]
    assert said(check, _aspect(name, blind="no seed"))[0] is State.UNKNOWN
    assert said(check, _aspect(name, beyond="no manifest"))[0] is State.NOT_JUDGED
    assert said(check, _aspect(name, compared=0))[0] is State.NOT_JUDGED
    rows_tier = replace(RESTORED, tier="rows", aspects=(Aspect("other", "", 1),))
    assert said(check, rows_tier)[0] is State.NOT_JUDGED
    state, _, root = said(check, _aspect(name, blind="rows are missing", told_by="backup-restore-rows"))
    assert (state, root) == (State.UNKNOWN, "backup-restore-rows@postgresql")
    state, _, root = said(check, replace(RESTORED, aspects=(), errors=("damaged",)))
    assert (state, root) == (State.UNKNOWN, "backup-restore@postgresql")


R, M, D, E = "backup/test_restore", "backup/test_media", "backup/test_redis", "emergency/test_recovery"


@pytest.mark.parametrize(
    ("check", "reading", "changes", "state"),
    [
        (f"{R}.test_backup_restore", RESTORED, {}, State.OK),
        (f"{R}.test_backup_restore", RESTORED, {"errors": ("casos: damaged",)}, State.CRITICAL),
        (f"{R}.test_backup_restore", RESTORED, {"rows": 0}, State.CRITICAL),
        (f"{R}.test_backup_restore", RESTORED, {"tables": 0}, State.CRITICAL),
        (f"{R}.test_backup_restore_private", RESTORED, {}, State.OK),
        (f"{R}.test_backup_restore_private", RESTORED, {"private": False}, State.WARNING),
        (f"{R}.test_backup_restore_private", RESTORED, {"orphans": ("x",)}, State.WARNING),
        (f"{R}.test_backup_restore_current", POINT, {"behind": 0.0}, State.OK),
        (f"{R}.test_backup_restore_current", POINT, {"behind": 5 * MINUTE}, State.OK),
        (f"{R}.test_backup_restore_current", POINT, {"behind": 5.1 * MINUTE}, State.WARNING),
        (f"{R}.test_backup_restore_current", POINT, {"behind": 60 * MINUTE}, State.WARNING),
        (f"{R}.test_backup_restore_current", POINT, {"behind": 60.1 * MINUTE}, State.CRITICAL),
        (f"{M}.test_backup_media_complete", MEDIA, {}, State.OK),
        (f"{M}.test_backup_media_complete", MEDIA, {"missing": 1}, State.CRITICAL),
        (f"{M}.test_backup_media_complete", MEDIA, {"missing": 1, "deleted": None}, State.CRITICAL),
        (f"{M}.test_backup_media_complete", MEDIA, {"emptied": 1}, State.CRITICAL),
        (f"{M}.test_backup_media_left_over", MEDIA, {}, State.OK),
        (f"{M}.test_backup_media_left_over", MEDIA, {"left_over": 1}, State.WARNING),
        (f"{D}.test_backup_redis_loads", REDIS, {}, State.OK),
        (f"{D}.test_backup_redis_loads", REDIS, {"sound": False, "loaded": 0}, State.CRITICAL),
        (f"{D}.test_backup_redis_loads", REDIS, {"loaded": 8}, State.CRITICAL),
        (f"{D}.test_backup_redis_loads", REDIS, {"keys": 0, "loaded": 0, "expired": 0}, State.CRITICAL),
        (f"{D}.test_backup_redis_loads", REDIS, {"ahead": 300.0}, State.OK),
        (f"{D}.test_backup_redis_loads", REDIS, {"ahead": 300.1}, State.CRITICAL),
        (f"{D}.test_backup_redis_checksummed", REDIS, {}, State.OK),
        (f"{D}.test_backup_redis_checksummed", REDIS, {"checksummed": False}, State.WARNING),
        ("backup/test_sealed.test_backup_restore_readable", SEALED, {}, State.OK),
        ("backup/test_sealed.test_backup_restore_readable", SEALED, {"opened": 19}, State.CRITICAL),
        ("backup/test_verifier.test_backup_drill", DRILL, {}, State.OK),
        ("backup/test_verifier.test_backup_drill", DRILL, {"seen": ()}, State.CRITICAL),
        ("backup/test_verifier.test_backup_second_generation", SECOND, {}, State.OK),
        ("backup/test_verifier.test_backup_second_generation", SECOND, {"findings": ("t",)}, State.CRITICAL),
        (f"{E}.test_emergency_recovery_rehearsed", REHEARSED, {}, State.OK),
        (f"{E}.test_emergency_recovery_rehearsed", REHEARSED, {"rows": 0}, State.CRITICAL),
        (f"{E}.test_emergency_recovery_keeps_properties", REHEARSED, {}, State.OK),
        (f"{E}.test_emergency_recovery_keeps_properties", REHEARSED, {"lost_after_mend": ("owner",)}, State.CRITICAL),
        (f"{E}.test_emergency_recovery_keeps_properties", REHEARSED, {"properties_known": False}, State.NOT_JUDGED),
    ],
)
def test_what_a_check_says(check: str, reading: Reading, changes: dict[str, object], state: State) -> None:
    assert said(check, replace(reading, **cast("Any", changes)))[0] is state


def test_progress_says_phase_amount_rate_and_rest() -> None:
    """What is not known is left out."""
    assert line(Step("fetch", 0, 3 << 20, "bytes", 0.0)) == "backup: fetch, 3 MiB"
    assert line(Step("fetch", 1 << 20, 3 << 20, "bytes", 1.0)) == "backup: fetch, 1 of 3 MiB, 1 MiB/s, 2 s remain"
    assert line(Step("verify", 2, None, "tables", 1.0)) == "backup: verify, 2 tables, 2 tables/s"
    assert line(Step("statistics", 0, None, "", 0.0)) == "backup: statistics"


def test_a_log_gets_one_line_a_phase() -> None:
    """Only a terminal is renewed."""
    log = io.StringIO()
    shown = Shown(log)
    for done in (0, 1, 2):
        shown(Step("verify", done, 2, "tables", float(done)))
    shown(Step("look", 0, None, "", 0.0))
    assert log.getvalue() == "\nbackup: verify, 2 tables\nbackup: look"


def test_a_terminal_is_renewed() -> None:
    """The first step begins a line, the next ones write over it."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    shown = Shown(terminal)
    shown(Step("verify", 0, 2, "tables", 0.0))
    shown._last = 0.0
    shown(Step("verify", 1, 2, "tables", 1.0))
    assert terminal.getvalue().startswith("\nbackup: verify, 2 tables\r\x1b[K")
    assert terminal.getvalue().count("\n") == 1
