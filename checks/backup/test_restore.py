"""The newest backup brought back into a throw-away server, and what came back compared with what should have."""

import pytest

from checks.engine.model import State
from checks.engine.plugin.aspects import judge_aspect
from checks.engine.plugin.judged import Judge
from checks.engine.readings.restore import BackupRestored

pytestmark = [pytest.mark.guide("backup.restore"), pytest.mark.profiles("nightly")]


def test_backup_restore(backup_restored: BackupRestored, judged: Judge) -> None:
    """The newest backup restores without a single error, and brings tables with rows."""
    if backup_restored.errors:
        judged.critical(f"{backup_restored.backup}: {backup_restored.errors[0]}", backup_restored.errors[1:6])
    if backup_restored.tables == 0 or backup_restored.rows == 0:
        judged.critical(f"{backup_restored.backup} restores without error and brings nothing")
    judged.ok(f"{backup_restored.tables} tables, {backup_restored.rows} rows back in {backup_restored.seconds:.1f} s")


def test_backup_restore_rows(backup_restored: BackupRestored, judged: Judge) -> None:
    """Every table came back with all its rows."""
    judge_aspect(judged, backup_restored.aspect("rows"))


def test_backup_restore_contents(backup_restored: BackupRestored, judged: Judge) -> None:
    """Every table came back with the very rows that the dump's snapshot held."""
    judge_aspect(judged, backup_restored.aspect("contents"))


def test_backup_restore_structure(backup_restored: BackupRestored, judged: Judge) -> None:
    """Tables, columns, constraints, indexes, triggers, functions, types and views came back."""
    judge_aspect(judged, backup_restored.aspect("structure"))


def test_backup_restore_security(backup_restored: BackupRestored, judged: Judge) -> None:
    """Policies, row security, owners and grants came back: the copy hides what the source hides."""
    judge_aspect(judged, backup_restored.aspect("security"))


def test_backup_restore_extensions(backup_restored: BackupRestored, judged: Judge) -> None:
    """Every extension came back in its version."""
    judge_aspect(judged, backup_restored.aspect("extensions"), State.WARNING)
