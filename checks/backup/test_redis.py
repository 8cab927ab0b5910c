"""The newest saved file of Redis, loaded into a throw-away server."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.restore import BackupRedis

MOST_AHEAD = 300.0  # seconds that clocks may differ
pytestmark = [pytest.mark.guide("backup.restore"), pytest.mark.profiles("nightly")]


def test_backup_redis_loads(backup_redis: BackupRedis, judged: Judge) -> None:
    """Redis' own checker reads the file to its end, and a server loads every key of it."""
    file = backup_redis
    if file.ahead > MOST_AHEAD:
        judged.critical(f"{file.backup} says that it was saved in the future: its clock is wrong, or it is forged")
    if not file.sound:
        judged.critical(f"{file.backup}: damaged or cut: Redis will not start from it")
    if file.loaded + file.expired != file.keys:
        judged.critical(f"{file.backup}: {file.keys} keys saved, {file.loaded} loaded and {file.expired} expired")
    if file.keys == 0:
        judged.critical(f"{file.backup} loads without error and brings no key")
    judged.ok(f"{file.loaded} keys loaded, {file.expired} expired since they were saved")


def test_backup_redis_checksummed(backup_redis: BackupRedis, judged: Judge) -> None:
    """A flipped bit in the file would be seen."""
    if not backup_redis.checksummed:
        judged.warning(f"{backup_redis.backup}: saved without checksum: set rdbchecksum yes")
    judged.ok("it ends with its checksum")
