"""Rotation and retention: what logrotate is told, and what it did."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.logs import LogsRotation

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
    if "copytruncate" in directives:
        wrong.append("copytruncate loses lines: let the writer reopen its file")
    wrong += [f"no {name}" for name in DIRECTIVES[:3] if name not in directives]
    if found.signal is None and "copytruncate" not in directives:
        wrong.append("its postrotate tells no process to reopen the file")
    return wrong


@pytest.mark.guide("logs.retention")
@pytest.mark.profiles("nightly")
def test_logs_rotation_done(logs_rotation: LogsRotation, judged: Judge) -> None:
    """The log was rotated within a day, nothing is kept longer than it must be, and old files are compressed."""
    newest, began = logs_rotation.newest_rotated_age, logs_rotation.current_age
    if newest is None and (began is None or began < DUE):
        judged.not_judged("was never rotated, and is younger than a day")
    age = min(value for value in (newest, began) if value is not None)
    if age > DUE:
        judged.critical(f"was not rotated for {age / 3600:.0f} h")
    if logs_rotation.beyond > 0:
        judged.warning(f"{logs_rotation.beyond} files are older than {logs_rotation.keep_days} d")
    if logs_rotation.uncompressed > 0:
        judged.warning(f"{logs_rotation.uncompressed} rotated files are not compressed")
    last = "" if newest is None else f", the newest of {newest / 3600:.0f} h ago"
    judged.ok(f"{logs_rotation.rotated} rotated files{last}")


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
def test_logs_mode(logs_rotation: LogsRotation, judged: Judge) -> None:
    """The file has the mode and owner that logrotate gives it, and not everybody may read it."""
    due = (logs_rotation.create or "").split()
    if due and due[0].isdigit() and int(due[0], 8) != int(logs_rotation.mode, 8):
        judged.warning(f"has mode {logs_rotation.mode}, logrotate creates it with {due[0]}")
    if len(due) > 1 and " ".join(due[1:3]) != logs_rotation.owner[: len(" ".join(due[1:3]))]:
        judged.warning("does not belong to the user that logrotate creates it for")
    if int(logs_rotation.mode, 8) & 0o007:
        judged.warning(f"has mode {logs_rotation.mode}: everybody may read personal data. Set create 0640")
    judged.ok(f"mode {logs_rotation.mode}")
