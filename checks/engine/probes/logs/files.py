"""The files of a log, who may read them, and the room that is left beside them."""

import grp
import os
import pwd
import stat
import time
from pathlib import Path

from checks.engine.environment.monitoring import Log
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.logs.logrotate import stanza_of
from checks.engine.probes.logs.window import files
from checks.engine.readings.logs import LogsFiles, LogsMode


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
        source="stat of its files",
        sampled_at=now,
    )


def mode(log: Log) -> LogsMode:
    """Return who may read the newest file, rotated or not; raises ProbeError where there is none."""
    found = files(log.pattern) or files(log.pattern, rotated=True)
    if not found:
        raise ProbeError(Reason.NO_DATA, "no file matches its pattern", "Mend the pattern, or see who should write it.")
    config = None if log.rotation is None else log.rotation.config
    names = [str(path) for path, _ in found]
    stanza = None if config is None else stanza_of(Path(config), log.pattern, names)
    newest = found[0][1]
    return LogsMode(
        mode=f"{stat.S_IMODE(newest.st_mode):04o}",
        owner=f"{_user_name(newest.st_uid)} {_group_name(newest.st_gid)}",
        create=stanza.value("create") if stanza is not None and "create" in stanza.words else None,
        source="stat of its newest file",
        sampled_at=time.time(),
    )


def _user_name(number: int) -> str:
    """Return a user's name, or its number where it has none here."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group_name(number: int) -> str:
    """Return a group's name, or its number where it has none here."""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
