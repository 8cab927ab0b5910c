"""The verification of backups verified: it sees what is broken on purpose; what comes back once comes back twice."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.restore import BackupDrill, BackupSecondGeneration

pytestmark = [pytest.mark.guide("backup.restore"), pytest.mark.profiles("nightly")]


def test_backup_drill(backup_drill: BackupDrill, judged: Judge) -> None:
    """Tonight's fault, put into the copy on purpose, is named by the same verification."""
    if not backup_drill.seen:
        judged.critical(f"{backup_drill.fault} ({backup_drill.broken}), and the verification does not see it")
    judged.ok(f"{backup_drill.fault}: seen", backup_drill.seen[:1])


def test_backup_second_generation(backup_second_generation: BackupSecondGeneration, judged: Judge) -> None:
    """A dump of the copy restores too, and is the same: what comes back once comes back again."""
    found = backup_second_generation.findings
    if found:
        judged.critical(found[0] if len(found) == 1 else f"{found[0]}; and {len(found) - 1} more", found[1:6])
    judged.ok(f"{backup_second_generation.tables} tables dumped and restored once more: the same")
