"""What goes wrong with logs: their writers, their lines, their rotation, and the index that they are gathered in."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from lab import marked
from lab.faults.monitoring import until, watchers
from lab.faults.registry import Act, Fault, register
from lab.logs import Log
from lab.running import Running
from lab.state import LabError

L, E = "logs", "elasticsearch"
MARK = "gravado-pela-falha"  # in every line that a fault writes


def _fault(name: str, what: str, expect: Mapping[str, str], break_: Act, mend: Act, *services: str) -> None:
    register(Fault(name, what, services or (L,), expect, break_, mend, monitoring=True))


def _log(running: Running, name: str) -> Log:
    found = watchers(running).logs
    if name not in found:
        raise LabError("Debian's nginx-light and logrotate are not installed, or this is the public flavour")
    return found[name]


def _changed(name: str, change: Callable[[Log], None]) -> Act:
    return lambda running: change(_log(running, name))


# ── lines ──


def _writes(*lines: str, number: int = 1, name: str = "api") -> Act:
    def act(running: Running) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S") + ",000"
        _log(running, name).append([line.format(stamp=stamp, mark=MARK) for line in lines for _ in range(number)])
        time.sleep(0.5)  # the index looks every 0.2 s

    return act


def _cleaned(name: str = "api") -> Act:
    def act(running: Running) -> None:
        _log(running, name).remove(MARK)
        time.sleep(0.5)  # it may read the file anew: what it read of it is to be forgotten
        watchers(running).forget(MARK)

    return act


_fault(
    "log-layout-wrong",
    "the application writes its log in another layout",
    {"logs-layout@api": "CRITICAL", "logs-index-parsed@elasticsearch": "CRITICAL"},
    _writes("INFO {mark}: isto veio sem data nem categoria", number=2000),
    _cleaned(),
    L,
    E,
)
_fault(
    "log-errors",
    "one entry of two is an error",
    {"logs-errors@api": "CRITICAL"},
    _writes(
        f"{{stamp}} [ERROR] Penhas.Controller - falha ao enviar para {marked.word('nome', 7)} {{mark}}", number=1000
    ),
    _cleaned(),
)
_fault(
    "log-level-too-low",
    "a library writes below its level",
    {"logs-levels@api": "WARNING"},
    _writes("{stamp} [DEBUG] Mojolicious - {mark}", number=3),
    _cleaned(),
)
_fault(
    "log-entry-incomplete",
    "a JSON entry lacks fields",
    {"logs-structured@api": "WARNING"},
    _writes('{stamp} [INFO] Penhas.Controller - {{"timestamp":1,"level":"info","message":"{mark}"}}'),
    _cleaned(),
)
_fault(
    "log-slow-requests",
    "the log tells of slow requests, with ids in their paths",
    {"slow-requests-logged@api": "WARNING"},
    _writes("{stamp} [WARN] Penhas.Controller - Requisição lenta: GET /clientes/77131 levou 3.214s {mark}", number=8),
    _cleaned(),
)
_fault(
    "log-secret",
    "the application logs a secret",
    {"logs-secrets@api": "CRITICAL", "logs-index-secrets@elasticsearch": "CRITICAL"},
    _writes(f"{{stamp}} [INFO] Penhas - chamada a ?secret={marked.word('segredo', 1)} {{mark}}"),
    _cleaned(),
    L,
    E,
)
_fault(
    "log-personal-data",
    "the application logs an e-mail address, a telephone number and a CPF",
    {"logs-secrets@api": "CRITICAL"},
    _writes(f"{{stamp}} [INFO] Penhas - {marked.mail(3)} {marked.phone(3)} 529.982.247-25 {{mark}}"),
    _cleaned(),
)


def _visit_with_secret(running: Running) -> None:
    nginx = watchers(running).nginx
    if nginx is None:
        raise LabError("Debian's nginx-light is not installed")
    where = f"http://127.0.0.1:{nginx.port}/maintenance/housekeeping?secret={marked.word('segredo', 2)}&{MARK}"
    try:
        urlopen(where, timeout=5).close()
    except HTTPError:
        return  # a wrong secret is refused, and in the log all the same


_fault(
    "log-secret-of-maintenance",
    "a maintenance script calls the API with ?secret= through nginx",
    {"logs-secrets@nginx": "CRITICAL"},
    _visit_with_secret,
    lambda running: _log(running, "nginx").remove(MARK),
)


def _stopped(running: Running) -> None:
    log = _log(running, "nginx")
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
    until("the log is written again", lambda: _log(running, "nginx").file.stat().st_mtime > began)


_fault("log-stopped", "nothing is written to a log any more", {"logs-written@nginx": "CRITICAL"}, _stopped, _going)

# ── rotation ──

_fault(
    "rotation-not-configured",
    "no stanza of logrotate's configuration covers the log",
    {"logs-rotation-configured@api": "CRITICAL"},
    _changed("api", lambda log: log.write_config("/var/log/other/*.log {\n    daily\n}\n")),
    _changed("api", Log.write_config),
)
_fault(
    "rotation-wrong",
    "logrotate is told to rotate weekly, and to keep little",
    {"logs-rotation-configured@api": "WARNING"},
    _changed("api", lambda log: log.write_config(f"{log.file} {{\n    weekly\n    rotate 4\n    create 0640\n}}\n")),
    _changed("api", Log.write_config),
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


_fault(
    "rotation-overdue",
    "the log was not rotated for three days",
    {"logs-rotation-done@api": "CRITICAL"},
    _changed("api", _overdue),
    _changed("api", _in_time),
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

    return _changed("api", make), _changed("api", remove)


_fault(
    "rotation-keeps-too-long",
    "a rotated file is older than it may be",
    {"logs-rotation-done@api": "WARNING"},
    *_old_file("40.gz", 40),
)
_fault(
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


_fault(
    "log-deleted-under-writer",
    "the application writes to a file that was deleted",
    {"logs-rotation-followed@api": "CRITICAL"},
    _changed("api", _deleted),
    _changed("api", _followed),
)


def _restarted(running: Running) -> None:
    """Rotate nginx's log for real, with a postrotate that ends nginx, as USR1 ends a prefork manager."""
    log = _log(running, "nginx")
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
    for number, path in enumerate(_rotated(_log(running, "nginx"))):
        moment = time.time() - 5 * 3600 - number * 86400
        os.utime(path, (moment, moment))


_fault(
    "rotation-restarts-writer",
    "nginx is started anew when its log is rotated",
    {"logs-rotation-survived@nginx": "WARNING"},
    _restarted,
    _long_ago,
)
_fault(
    "log-readable-by-everybody",
    "everybody may read the log",
    {"logs-mode@api": "WARNING"},
    _changed("api", lambda log: log.file.chmod(0o644)),
    _changed("api", lambda log: log.file.chmod(0o640)),
)

# ── the index ──


def _index(**wrong: Any) -> Act:
    return lambda running: watchers(running).break_index(**wrong)


for _name, _what, _expect, _wrong in (
    ("index-cluster-red", "the cluster is red", {"logs-cluster": "CRITICAL"}, {"status": "red"}),
    ("index-disk-filling", "a node's disk is past the low watermark", {"logs-cluster-disk": "WARNING"}, {"disk": 88}),
    ("index-disk-full", "a node's disk is past the high watermark", {"logs-cluster-disk": "CRITICAL"}, {"disk": 93}),
    ("index-heap-full", "a node has no heap left", {"logs-heap": "CRITICAL"}, {"heap": 94}),
    (
        "index-missing",
        "there is no index of today",
        {
            "logs-index-today": "CRITICAL",
            "logs-index-parsed": "not judged",
            "logs-index-located": "not judged",
            "logs-index-fields": "not judged",
        },
        {"hide": True},
    ),
    ("index-read-only", "today's index is read-only", {"logs-index-today": "CRITICAL"}, {"read_only": True}),
    (
        "index-behind",
        "nothing arrived in the index for half an hour",
        {"logs-index-today": "CRITICAL"},
        {"behind": 1800},
    ),
    ("index-without-geoip", "no document carries geoip", {"logs-index-located": "CRITICAL"}, {"no_geoip": True}),
    (
        "index-fields-explode",
        "the mapping has nearly as many fields as it may",
        {"logs-index-fields": "CRITICAL"},
        {"fields": 950},
    ),
    ("index-kept-too-long", "indexes are older than they may be", {"logs-index-retention": "WARNING"}, {"days": 45}),
    ("index-days-missing", "three days have no index", {"logs-index-retention": "WARNING"}, {"gaps": 3}),
):
    _fault(_name, _what, {f"{check}@{E}": state for check, state in _expect.items()}, _index(**_wrong), _index(), E)
