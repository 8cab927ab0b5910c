"""What the application seals itself can be opened again: without its key a backup brings back what nobody can read."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.restore import BackupSealed

pytestmark = [pytest.mark.guide("backup.restore"), pytest.mark.profiles("nightly")]


def test_backup_restore_readable(backup_sealed: BackupSealed, judged: Judge) -> None:
    """Values that the application seals itself are opened, in the copy, with the key that is kept."""
    sealed = backup_sealed
    lost = sealed.tried - sealed.opened
    if lost > 0:
        judged.critical(f"{lost} of {sealed.tried} values of {sealed.column} are not opened by the key that is kept")
    judged.ok(f"{sealed.opened} of {sealed.tried} values of {sealed.column} opened with the key that is kept")
