"""What goes wrong with the rotation of logs."""

import os
import re
import signal
import time
from pathlib import Path

from lab.faults.logs import MARK, changed, log_fault, log_of
from lab.faults.registry import Act
from lab.faults.watching import until, watchers
from lab.logs import Log
from lab.running import Running

log_fault(
    "rotation-not-configured",
    "no stanza of logrotate's configuration covers the log",
    {"logs-rotation-configured@api": "CRITICAL"},
    changed("api", lambda log: log.write_config("/var/log/other/*.log {\n    daily\n}\n")),
    changed("api", Log.write_config),
)
log_fault(
    "rotation-wrong",
    "logrotate is told to rotate weekly, and to keep little",
    {"logs-rotation-configured@api": "WARNING"},
    changed("api", lambda log: log.write_config(f"{log.file} {{\n    weekly\n    rotate 4\n    create 0640\n}}\n")),
    changed("api", Log.write_config),
)


def _rotated(log: Log) -> list[Path]:
    return sorted(log.file.parent.glob(f"{log.file.name}.[0-9]*"))


def _overdue(log: Log) -> None:
    for path in _rotated(log):
        moment = path.stat().st_mtime - 3 * 86400
        os.utime(path, (moment, moment))
    old = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - 3 * 86400))
    log.rewrite(f"{old},000 [INFO] Penhas - {MARK}\n" + log.file.read_text(encoding="utf-8"))


def _in_time(log: Log) -> None:
    log.remove(MARK)
    for path in _rotated(log):
        moment = path.stat().st_mtime + 3 * 86400
        os.utime(path, (moment, moment))


log_fault(
    "rotation-overdue",
    "the log was not rotated for three days",
    {"logs-rotation-done@api": "CRITICAL"},
    changed("api", _overdue),
    changed("api", _in_time),
)


def _old_file(name: str, days: float) -> tuple[Act, Act]:
    def make(log: Log) -> None:
        path = log.file.with_name(f"{log.file.name}.{name}")
        path.write_bytes(b"old\n")
        path.chmod(0o640)
        moment = time.time() - days * 86400
        os.utime(path, (moment, moment))

    def remove(log: Log) -> None:
        log.file.with_name(f"{log.file.name}.{name}").unlink(missing_ok=True)

    return changed("api", make), changed("api", remove)


log_fault(
    "rotation-keeps-too-long",
    "a rotated file is older than it may be",
    {"logs-rotation-done@api": "WARNING"},
    *_old_file("40.gz", 40),
)
log_fault(
    "rotation-uncompressed",
    "a rotated file of last week is not compressed",
    {"logs-rotation-done@api": "WARNING"},
    *_old_file("9", 7),
)


def _deleted(log: Log) -> None:
    # Another file of the same name; the application still writes to the one that is gone.
    log.rewrite(log.file.read_text(encoding="utf-8"), reopen=False)


def _followed(log: Log) -> None:
    log.reopen()
    began = time.time()
    until("the application writes to the new file", lambda: log.file.stat().st_mtime > began)


log_fault(
    "log-deleted-under-writer",
    "the application writes to a file that was deleted",
    {"logs-rotation-followed@api": "CRITICAL"},
    changed("api", _deleted),
    changed("api", _followed),
)


def _restarted(running: Running) -> None:
    """Rotate nginx's log for real, with a postrotate that ends nginx, as USR1 ends a prefork manager."""
    log = log_of(running, "nginx")
    nginx = watchers(running).nginx
    assert nginx is not None  # noqa: S101 (its log is there)
    running.kept["rotated"] = [(path, path.stat().st_mtime) for path in _rotated(log)]
    log.rotate()
    if nginx.process is not None:
        nginx.process.stop(signal.SIGTERM)
    nginx.start(running.launcher)
    nginx.await_ready()
    until("the new nginx writes its log", lambda: log.file.stat().st_size > 0)
    log.file.chmod(0o640)


def _long_ago(running: Running) -> None:
    running.kept.pop("rotated", None)
    for number, path in enumerate(_rotated(log_of(running, "nginx"))):
        moment = time.time() - 5 * 3600 - number * 86400
        os.utime(path, (moment, moment))


log_fault(
    "rotation-restarts-writer",
    "nginx is started anew when its log is rotated",
    {"logs-rotation-survived@nginx": "WARNING"},
    _restarted,
    _long_ago,
)


def _really(running: Running) -> None:
    log = log_of(running, "api")
    running.kept["old"] = _rotated(log)
    log.rotate()
    until("the application writes to the new file", lambda: log.file.exists() and log.file.stat().st_size > 0)


def _as_before(running: Running) -> None:
    """Let the rotation lie five hours back again."""
    running.kept.pop("old", None)
    for number, path in enumerate(_rotated(log_of(running, "api"))):
        moment = time.time() - 5 * 3600 - number * 86400
        os.utime(path, (moment, moment))


log_fault(
    "log-rotated",
    "logrotate rotates the log, and the application follows: no fault, and no finding",
    {},
    _really,
    _as_before,
)
log_fault(
    "log-readable-by-everybody",
    "everybody may read the log",
    {"logs-mode@api": "WARNING"},
    changed("api", lambda log: log.file.chmod(0o644)),
    changed("api", lambda log: log.file.chmod(0o640)),
)


def _for_another(log: Log) -> None:
    log.write_config(re.sub(r"create 0640 \S+", "create 0640 bin", log.config.read_text()))


log_fault(
    "rotation-for-another",
    "logrotate creates the log for another user than who writes it",
    {"logs-mode@nginx": "WARNING"},
    changed(
        "nginx", lambda log: log.write_config(re.sub(r"create 0640 \S+", "create 0640 bin", log.config.read_text()))
    ),
    changed("nginx", Log.write_config),
)


def _stale(log: Log) -> None:
    aside = log.pidfile.with_suffix(".aside")
    log.pidfile.rename(aside)
    log.pidfile.write_text("999999999\n")


def _renewed(log: Log) -> None:
    log.pidfile.with_suffix(".aside").replace(log.pidfile)


log_fault(
    "rotation-tells-nobody",
    "the pid file that postrotate reads is of a process that is gone",
    {"logs-rotation-configured@nginx": "WARNING"},
    changed("nginx", _stale),
    changed("nginx", _renewed),
)
