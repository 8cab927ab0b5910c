"""The media bucket beside the rows of the restored copy: what a recovered database would look for, and not find."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.restore import BackupMedia

pytestmark = [pytest.mark.guide("backup.restore"), pytest.mark.profiles("nightly")]


def test_backup_media_complete(backup_media: BackupMedia, judged: Judge) -> None:
    """Every object that a row of the restored copy names is in the bucket."""
    media = backup_media
    if media.missing > 0:
        told = "nobody can tell whether they were deleted" if media.deleted is None else f"{media.deleted} were deleted"
        judged.critical(f"{media.missing} of {media.named} objects that {media.table} names are not there ({told})")
    if media.emptied > 0:
        judged.critical(f"{media.emptied} of {media.named} objects that {media.table} names are there and hold nothing")
    share = "" if media.sample == 1 else f" (a sample of {media.sample:.0%})"
    judged.ok(f"{media.named} objects that {media.table} names are in {media.bucket}{share}")


def test_backup_media_left_over(backup_media: BackupMedia, judged: Judge) -> None:
    """No object outlives the rows that named it: what a person had deleted is gone."""
    media = backup_media
    if media.left_over > 0:
        judged.warning(f"{media.left_over} of {media.objects} objects in {media.bucket} are named by no row")
    judged.ok(f"{media.objects} objects in {media.bucket}, each named by a row or newer than the backup")
