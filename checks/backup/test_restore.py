"""The newest backup brought back into a throw-away server, and what came back compared with what should have."""

import pytest

from checks.engine.model import State
from checks.engine.plugin.aspects import judge_aspect
from checks.engine.plugin.judged import Judge
from checks.engine.readings.restore import BackupRecoveryPoint, BackupRestored

pytestmark = [pytest.mark.guide("backup.restore"), pytest.mark.profiles("nightly")]


def test_backup_restore(backup_restored: BackupRestored, judged: Judge) -> None:
    """The newest backup restores without a single error, and brings tables with rows."""
    if backup_restored.errors:
        judged.critical(f"{backup_restored.backup}: {backup_restored.errors[0]}", backup_restored.errors[1:6])
    if backup_restored.tables == 0 or backup_restored.rows == 0:
        judged.critical(f"{backup_restored.backup} restores without error and brings nothing")
    phases = tuple(f"{phase.name}: {phase.seconds:.1f} s" for phase in backup_restored.phases)
    left = tuple(f"left out: {what}" for what in backup_restored.left_out)
    judged.ok(
        f"{backup_restored.tables} tables, {backup_restored.rows} rows back, compared with {backup_restored.proof}",
        (*phases, f"bounded by {backup_restored.bounded}", *left),
    )


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


def test_backup_restore_listed(backup_restored: BackupRestored, judged: Judge) -> None:
    """Everything that the backup's own table of contents lists is in the copy."""
    judge_aspect(judged, backup_restored.aspect("listed"))


def test_backup_restore_references(backup_restored: BackupRestored, judged: Judge) -> None:
    """No row of the copy points to a row that does not exist, whatever its foreign keys claim."""
    judge_aspect(judged, backup_restored.aspect("references"))


def test_backup_restore_sequences(backup_restored: BackupRestored, judged: Judge) -> None:
    """The next value of every sequence is a new one: the application can insert."""
    judge_aspect(judged, backup_restored.aspect("sequences"))


def test_backup_restore_indexes(backup_restored: BackupRestored, judged: Judge) -> None:
    """Every B-tree index agrees with its table (amcheck)."""
    judge_aspect(judged, backup_restored.aspect("indexes"))


def test_backup_restore_policies(backup_restored: BackupRestored, judged: Judge) -> None:
    """No table of the copy has row security and no policy: it would show nothing to the application."""
    judge_aspect(judged, backup_restored.aspect("policies"))


def test_backup_restore_views_filled(backup_restored: BackupRestored, judged: Judge) -> None:
    """Every materialised view of the copy can be queried."""
    judge_aspect(judged, backup_restored.aspect("filled"), State.WARNING)


def test_backup_restore_validated(backup_restored: BackupRestored, judged: Judge) -> None:
    """Every constraint of the copy holds for all its rows, not for new ones only."""
    judge_aspect(judged, backup_restored.aspect("validated"), State.WARNING)


def test_backup_restore_large_objects(backup_restored: BackupRestored, judged: Judge) -> None:
    """Every large object that a row of the copy names is there."""
    judge_aspect(judged, backup_restored.aspect("large objects"))


def test_backup_restore_texts(backup_restored: BackupRestored, judged: Judge) -> None:
    """Every text of the copy is text in the database's encoding: a dump of the copy would restore too."""
    judge_aspect(judged, backup_restored.aspect("texts"))


def test_backup_restore_private(backup_restored: BackupRestored, judged: Judge) -> None:
    """The copy lay in memory or on an encrypted volume, and no earlier run had left one."""
    if backup_restored.orphans:
        judged.warning(f"{len(backup_restored.orphans)} copies of runs that were killed lay here; now removed")
    if not backup_restored.private:
        judged.warning("the copy lay on a volume that is neither memory nor declared encrypted: set [restore] scratch")
    judged.ok("in memory or on an encrypted volume; removed, and seen to be gone")


def test_backup_restore_locale(backup_restored: BackupRestored, judged: Judge) -> None:
    """The copy sorts as the source does: what is unique or ordered there was verified as such here."""
    judge_aspect(judged, backup_restored.aspect("locale"), State.WARNING)


def test_backup_restore_current(backup_recovery_point: BackupRecoveryPoint, judged: Judge) -> None:
    """The backup held everything that was there when it was taken: its server did not stand still."""
    judged(
        backup_recovery_point.behind / 60,
        unit="min",
        subject=f"how far {backup_recovery_point.told_by} was ahead of the backup when it was taken",
        reading=backup_recovery_point,
        above=(5, 60),
    )
