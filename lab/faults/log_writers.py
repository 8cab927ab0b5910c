"""What goes wrong with those who write logs: they stop, stamp in another zone, or write somewhere else."""

import functools
import os
import signal
import time

from lab.faults.logs import MARK, log_fault, log_of
from lab.faults.registry import Act
from lab.faults.watching import until, watchers
from lab.running import Running
from lab.state import LabError


def _rsyslog(how: signal.Signals, age: float) -> Act:
    def act(running: Running) -> None:
        rsyslog = watchers(running).rsyslog
        if rsyslog is None:
            raise LabError("Debian's rsyslog is not installed")
        rsyslog.signal(how)
        time.sleep(0.2)  # what was being written is
        moment = time.time() - age
        os.utime(rsyslog.log, (moment, moment))

    return act


log_fault(
    "rsyslog-stopped",
    "rsyslogd does not go on: what is sent to it is written nowhere",
    {"logs-written@syslog": "CRITICAL"},
    _rsyslog(signal.SIGSTOP, 300.0),
    _rsyslog(signal.SIGCONT, 0.0),
)


def _stopped(running: Running) -> None:
    log = log_of(running, "nginx")
    traffic = watchers(running).traffic
    assert traffic is not None  # noqa: S101 (it comes with nginx)
    traffic.rate = 0
    time.sleep(1.5)  # what was under way is over
    moment = time.time() - 300
    os.utime(log.file, (moment, moment))


def _going(running: Running) -> None:
    traffic = watchers(running).traffic
    assert traffic is not None  # noqa: S101 (it comes with nginx)
    traffic.rate = 4
    began = time.time()
    until("the log is written again", lambda: log_of(running, "nginx").file.stat().st_mtime > began)


log_fault("log-stopped", "nothing is written to a log any more", {"logs-written@nginx": "CRITICAL"}, _stopped, _going)


def _stamped_elsewhere(running: Running) -> None:
    """Write an entry as a program in another time zone would."""
    file = watchers(running).worker_log
    if file is None:
        raise LabError("this lab has no small volume, on which its seldom written log lies")
    running.kept["worker-log"] = file.read_bytes()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - 3 * 3600))
    with file.open("a", encoding="utf-8") as log:
        log.write(f"{stamp},000 [INFO] Penhas.Minion - {MARK}\n")


def _stamped_here(running: Running) -> None:
    file = watchers(running).worker_log
    assert file is not None  # noqa: S101 (it was there when this was broken)
    file.write_bytes(running.kept.pop("worker-log"))
    moment = time.time() - 3600  # so that nothing in it is of the last minutes
    os.utime(file, (moment, moment))


log_fault(
    "log-zone-wrong",
    "the stamps of a log are of another time zone than the environment file says",
    {
        f"{check}@worker": "UNKNOWN"
        for check in (
            "logs-layout",
            "logs-levels",
            "logs-errors",
            "logs-structured",
            "logs-secrets",
            "slow-requests-logged",
        )
    },
    _stamped_elsewhere,
    _stamped_here,
)


def _moved(running: Running, *, away: bool) -> None:
    file = watchers(running).worker_log
    if file is None:
        raise LabError("this lab has no small volume, on which its seldom written log lies")
    aside = file.with_name(f".{file.name}")
    (file if away else aside).rename(aside if away else file)


log_fault(
    "log-missing",
    "a log is not where the environment file says",
    {
        f"{check}@worker": "UNKNOWN"
        for check in (
            "logs-written",
            "logs-disk-free",
            "logs-layout",
            "logs-levels",
            "logs-errors",
            "logs-structured",
            "logs-secrets",
            "logs-mode",
            "slow-requests-logged",
        )
    },
    functools.partial(_moved, away=True),
    functools.partial(_moved, away=False),
)
