"""What goes wrong with the lines of logs; with those who write them: log_writers.py."""

import time
from collections.abc import Callable, Mapping
from urllib.error import HTTPError
from urllib.request import urlopen

from lab import marked
from lab.faults.registry import Act, Fault, register
from lab.faults.watching import told, watchers
from lab.logs import Log
from lab.running import Running
from lab.state import LabError

L, E = "logs", "elasticsearch"
MARK = "gravado-pela-falha"  # in every line that a fault writes
CPF = "529.982.247-25"  # nobody's; its check digits are right


def log_fault(name: str, what: str, expected: Mapping[str, str], break_: Act, mend: Act, *services: str) -> None:
    """Register a fault of a log or of the index."""
    register(Fault(name, what, services or (L,), expected, told(break_), told(mend), monitoring=True))


def log_of(running: Running, name: str) -> Log:
    """Return one of the logs of a lab that has them."""
    found = watchers(running).logs
    if name not in found:
        raise LabError("Debian's nginx-light and logrotate are not installed, or this is the public flavour")
    return found[name]


def changed(name: str, change: Callable[[Log], None]) -> Act:
    """Return an act on one log."""
    return lambda running: change(log_of(running, name))


def _writes(*lines: str, number: int = 1, name: str = "api") -> Act:
    def act(running: Running) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S") + ",000"
        log_of(running, name).append([line.format(stamp=stamp, mark=MARK) for line in lines for _ in range(number)])
        time.sleep(0.5)  # the index looks every 0.2 s

    return act


def _cleaned(name: str = "api") -> Act:
    def act(running: Running) -> None:
        log_of(running, name).remove(MARK)
        time.sleep(0.5)  # it may read the file anew: what it read of it is to be forgotten
        watchers(running).forget(MARK)

    return act


log_fault(
    "log-layout-wrong",
    "the application writes its log in another layout",
    {"logs-layout@api": "CRITICAL", "logs-index-parsed@elasticsearch": "CRITICAL"},
    _writes("INFO {mark}: isto veio sem data nem categoria", number=2000),
    _cleaned(),
    L,
    E,
)
log_fault(
    "log-errors",
    "one entry of two is an error",
    {"logs-errors@api": "CRITICAL"},
    _writes(
        f"{{stamp}} [ERROR] Penhas.Controller - falha ao enviar para {marked.word('nome', 7)} {{mark}}", number=1000
    ),
    _cleaned(),
)
log_fault(
    "log-level-too-low",
    "a library writes below its level",
    {"logs-levels@api": "WARNING"},
    _writes("{stamp} [DEBUG] Mojolicious - {mark}", number=3),
    _cleaned(),
)
log_fault(
    "log-entry-incomplete",
    "a JSON entry lacks fields",
    {"logs-structured@api": "WARNING"},
    _writes('{stamp} [INFO] Penhas.Controller - {{"timestamp":1,"level":"info","message":"{mark}"}}'),
    _cleaned(),
)
log_fault(
    "log-slow-requests",
    "the log tells of slow requests, with ids in their paths",
    {"slow-requests-logged@api": "WARNING"},
    _writes("{stamp} [WARN] Penhas.Controller - Requisição lenta: GET /clientes/77131 levou 3.214s {mark}", number=8),
    _cleaned(),
)
log_fault(
    "log-secret",
    "the application logs a secret",
    {"logs-secrets@api": "CRITICAL", "logs-index-secrets@elasticsearch": "CRITICAL"},
    _writes(f"{{stamp}} [INFO] Penhas - chamada a ?secret={marked.word('segredo', 1)} {{mark}}"),
    _cleaned(),
    L,
    E,
)
log_fault(
    "log-personal-data",
    "the application logs an e-mail address, a telephone number and a CPF",
    {"logs-secrets@api": "CRITICAL", "logs-index-personal-data@elasticsearch": "CRITICAL"},
    _writes(f"{{stamp}} [INFO] Penhas - {marked.mail(3)} {marked.phone(3)} {CPF} {{mark}}"),
    _cleaned(),
    L,
    E,
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


def _visit_forgotten(running: Running) -> None:
    for name in {"nginx", "syslog"} & watchers(running).logs.keys():
        log_of(running, name).remove(MARK)


log_fault(
    "log-secret-of-maintenance",
    "a maintenance script calls the API with ?secret= through nginx",
    {"logs-secrets@nginx": "CRITICAL", "logs-secrets@syslog": "CRITICAL"},
    _visit_with_secret,
    _visit_forgotten,
)
