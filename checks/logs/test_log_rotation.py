"""Rotation and retention: what logrotate is told, and what it did."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.logs import LogsMode, LogsRotation, Rotated

DUE = 26 * 3600.0  # a day, and the two hours that a daily job may be late
DIRECTIVES = ("compress", "delaycompress", "create", "postrotate")


@pytest.mark.guide("logs.retention")
@pytest.mark.profiles("nightly")
def test_logs_rotation_configured(logs_rotation: LogsRotation, judged: Judge) -> None:
    """Logrotate has a stanza for the log: daily, for the days to keep, compressed, with a file created anew."""
    if logs_rotation.covered is None or logs_rotation.directives is None:
        if logs_rotation.covered is False:
            judged.critical("no stanza of logrotate's configuration covers it")
        judged.not_judged("the environment file names no configuration of logrotate for it")
    wrong = _wrong(logs_rotation, logs_rotation.directives)
    if wrong:
        judged.warning(f"{len(wrong)} directives of logrotate are not as they must be", tuple(wrong))
    judged.ok(f"daily, {logs_rotation.rotate} files")


def _wrong(found: LogsRotation, directives: tuple[str, ...]) -> list[str]:
    wrong = [] if found.every == "daily" else [f"{found.every or 'no interval'} instead of daily"]
    if found.rotate != found.keep_days:
        wrong.append(f"rotate {found.rotate} instead of {found.keep_days}")
    if found.maxage is not None and found.maxage < found.keep_days:
        wrong.append(f"maxage {found.maxage}: what is older is removed, {found.keep_days} d are to be kept")
    if "minsize" in directives:
        wrong.append("minsize: a small log is not rotated daily, and kept longer than it must be")
    if "copytruncate" in directives:
        wrong.append("copytruncate loses lines: let the writer reopen its file")
    wrong += [f"no {name}" for name in DIRECTIVES[:3] if name not in directives]
    if found.signal is None and "copytruncate" not in directives:
        wrong.append("its postrotate tells no process to reopen the file")
    if found.signalled is False:
        wrong.append("the pid file that its postrotate reads names no process: nobody is told to reopen the file")
    if found.stranger:
        wrong.append(
            "the pid file that its postrotate reads names another process than who writes it: a signal may end it"
        )
    return wrong


@pytest.mark.guide("logs.retention")
@pytest.mark.profiles("nightly")
def test_logs_rotation_done(logs_rotation: LogsRotation, judged: Judge) -> None:
    """The log was rotated within a day, nothing is kept longer than it must be, and old files are compressed."""
    logs = logs_rotation.logs
    overdue = sorted(((since, one.name) for one in _to_rotate(logs) if (since := one.since or 0.0) > DUE), reverse=True)
    if overdue:
        evidence = tuple(f"{name}: not for {since / 3600:.0f} h" for since, name in overdue)
        judged.critical(f"was not rotated for {overdue[0][0] / 3600:.0f} h", evidence)
    newest = min((one.rotated for one in logs if one.rotated is not None), default=None)
    if newest is None:
        judged.not_judged("was never rotated, and is younger than a day")
    if logs_rotation.beyond > 0:
        judged.warning(f"{logs_rotation.beyond} files are older than {logs_rotation.keep_days} d")
    if uncompressed := sum(one.uncompressed for one in logs):
        judged.warning(f"{uncompressed} rotated files are not compressed")
    judged.ok(f"{logs_rotation.rotated} rotated files, the newest of {newest / 3600:.0f} h ago")


def _to_rotate(logs: tuple[Rotated, ...]) -> list[Rotated]:
    """Return the newest file and all that were written to within a day: one of a day that is over is whole already."""
    return [one for n, one in enumerate(logs) if n == 0 or (one.written is not None and one.written <= DUE)]


@pytest.mark.guide("logs.retention")
@pytest.mark.profiles("nightly", "triage")
def test_logs_rotation_followed(logs_rotation: LogsRotation, judged: Judge) -> None:
    """Who writes the log writes to the file that is there, not to one that was deleted or renamed."""
    behind = tuple(
        f"{w.name} (pid {w.pid}) writes to a {w.holds} file" for w in logs_rotation.writers if w.holds != "current"
    )
    if behind:
        judged.critical("a process did not reopen the log: what it writes is lost", behind)
    if logs_rotation.writers == () and logs_rotation.blind:
        judged.unknown("who writes it cannot be seen: run as root, or as the user that writes it")
    if logs_rotation.writers == ():
        judged.not_judged("no process has it open now")
    judged.ok(f"{len(logs_rotation.writers)} processes write to the current file")


@pytest.mark.guide("logs.retention")
@pytest.mark.profiles("nightly")
def test_logs_rotation_survived(logs_rotation: LogsRotation, judged: Judge) -> None:
    """The process that writes the log did not start anew when the log was rotated."""
    if logs_rotation.restarted is None:
        judged.not_judged("no rotation, or no writer, to compare with")
    if logs_rotation.restarted:
        judged.warning(
            "its writer started at rotation time: the signal of postrotate ends it. USR1 ends a prefork manager"
        )
    judged.ok("its writer outlived the rotation")


@pytest.mark.guide("logs.retention")
@pytest.mark.profiles("nightly")
def test_logs_mode(logs_mode: LogsMode, judged: Judge) -> None:
    """Not everybody may read the file, and its mode and owner are those that logrotate gives it."""
    due = (logs_mode.create or "").split()  # mode owner group, of which any may be left out
    mode = due.pop(0) if due and due[0].isdigit() else None
    if mode is not None and int(mode, 8) != int(logs_mode.mode, 8):
        judged.warning(f"has mode {logs_mode.mode}, logrotate creates it with {mode}")
    if due != logs_mode.owner.split()[: len(due)]:
        judged.warning("does not belong to the user and group that logrotate creates it for")
    if int(logs_mode.mode, 8) & 0o007:
        judged.warning(f"has mode {logs_mode.mode}: everybody may read personal data")
    judged.ok(f"mode {logs_mode.mode}")
