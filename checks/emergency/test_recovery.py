"""The recovery procedure of the operators' guide, rehearsed on the newest backup and never on the live server."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.restore import BackupRehearsed

pytestmark = [pytest.mark.guide("emergency.database-recovery"), pytest.mark.profiles("nightly")]


def test_emergency_recovery_rehearsed(backup_rehearsed: BackupRehearsed, judged: Judge) -> None:
    """The swap of the databases works while the application is connected, and its table has rows."""
    rehearsed = backup_rehearsed
    if rehearsed.rows == 0:
        judged.critical(f"after the swap {rehearsed.table} is empty in {rehearsed.database}")
    told = "the guide's rename is refused" if rehearsed.refused_while_connected else "the guide's rename works"
    judged.ok(
        f"swapped in {rehearsed.swap_seconds * 1000:.0f} ms, {rehearsed.rows} rows in {rehearsed.table}",
        (f"{told} after {rehearsed.refused_seconds:.1f} s while a session is open",),
    )


def test_emergency_recovery_keeps_properties(backup_rehearsed: BackupRehearsed, judged: Judge) -> None:
    """Owner, rights and settings of the database can be given back after the swap, which leaves them behind."""
    rehearsed = backup_rehearsed
    if rehearsed.lost_after_mend:
        judged.critical(f"the swap loses {', '.join(rehearsed.lost_after_mend)}, and the backup does not hold it")
    if not rehearsed.properties_known:
        judged.not_judged("a plain dump does not say whose the database is, nor its rights and settings")
    lost = ", ".join(rehearsed.lost_by_swap)
    judged.ok(
        "nothing is lost by the swap" if lost == "" else f"the swap loses {lost}; the backup's statements mend it"
    )
