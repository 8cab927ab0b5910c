"""The files of a log, and the room that is left beside them."""

import grp
import os
import pwd
import stat
import time

from checks.engine.environment.monitoring import Log
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.logs.window import files
from checks.engine.readings.logs import LogsFiles


def listed(log: Log) -> LogsFiles:
    """Return the files of the pattern; raises ProbeError where none matches."""
    found = files(log.pattern)
    if not found:
        raise ProbeError(Reason.NO_DATA, "no file matches its pattern", "Mend the pattern, or see who should write it.")
    path, newest = found[0]
    now = time.time()
    room = os.statvfs(path)
    return LogsFiles(
        files=len(found),
        newest_age=now - newest.st_mtime,
        quiet=log.quiet,
        size=sum(seen.st_size for _, seen in found),
        free=room.f_bavail * room.f_frsize,
        free_ratio=room.f_bavail / room.f_blocks if room.f_blocks else 1.0,
        mode=f"{stat.S_IMODE(newest.st_mode):04o}",
        owner=user_name(newest.st_uid),
        group=group_name(newest.st_gid),
        source="stat of its files",
        sampled_at=now,
    )


def user_name(number: int) -> str:
    """Return a user's name, or its number where it has none here."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def group_name(number: int) -> str:
    """Return a group's name, or its number where it has none here."""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
