"""The application's log in the guide's log4perl layout, and an access log as nginx writes it.

Both hold what real ones hold: addresses, users, and the maintenance secret that the guide's scripts put into URLs. Here
the personal part is marked.
"""

import json
import os
import time
from pathlib import Path
from threading import Lock
from typing import TextIO

from lab import marked
from lab.api.wire import Request

_HISTORY = 40


class File:
    """A file written a line at a time, opened anew when `reopen` was called (as logrotate's postrotate asks)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._file: TextIO | None = None
        self._stale = False

    def reopen(self) -> None:
        """Have the next line go to a file newly opened; safe in a signal handler."""
        self._stale = True

    def line(self, text: str) -> None:
        """Write one line."""
        with self._lock:
            if self._file is not None and self._stale:
                self._file.close()
                self._file = None
            if self._file is None:
                # not for everybody: addresses and users are in it
                made = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
                self._file = os.fdopen(made, "a", encoding="utf-8")
                self._stale = False
            self._file.write(text + "\n")
            self._file.flush()


class Logs:
    """Both logs of one instance. The public backend has a layout of its own, and a file a program, day and process."""

    def __init__(self, path: Path, flavour: str) -> None:
        self._public = flavour == "public"
        stem = path.name.removesuffix(".log").removesuffix(".app")
        if self._public:
            path = path.with_name(f"{stem}.{time.strftime('%Y-%m-%d')}.{os.getpid()}.log")
        self._app = File(path)
        self._access = File(path.with_name(f"{stem}.access.log"))
        if not path.exists():
            self._past()

    def reopen(self) -> None:
        """Have both files opened anew."""
        self._app.reopen()
        self._access.reopen()

    def write(self, level: str, category: str, message: str, moment: float | None = None) -> None:
        """Write one entry of the application's log; log4perl's stamp carries no zone."""
        when = time.time() if moment is None else moment
        clock, millis = time.localtime(when), int(when % 1 * 1000)
        if self._public:
            stamp = f"{time.strftime('%d/%m/%Y %H:%M:%S', clock)}.{millis:03d}"
            self._app.line(f"[{stamp}] [{level[:4]} {os.getpid()}]  {message}")
        else:
            stamp = f"{time.strftime('%Y-%m-%d %H:%M:%S', clock)},{millis:03d}"
            self._app.line(f"{stamp} [{level}] {category} - {message}")

    def request(self, number: int, request: Request, status: int, seconds: float) -> None:
        """Write what is logged of each request: the guide's structured entry, a slow one's warning, the access line."""
        address = marked.address(number)
        entry = {
            "timestamp": int(time.time()),
            "level": "info",
            "message": "request",
            "request_id": f"{number:08x}",
            "user_id": number % 1500 + 1,
            "endpoint": request.path,
            "method": request.method,
            "ip": address,
            "status": status,
        }
        self.write("INFO", "Penhas.Controller", json.dumps(entry))
        if seconds > 1.0:
            slow = f"Requisição lenta: {request.method} {request.path} levou {seconds:.3f}s"
            self.write("WARN", "Penhas.Controller", slow)
        stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
        target = f"{request.path}?{request.query}" if request.query else request.path
        self._access.line(f'{address} - - [{stamp}] "{request.method} {target} HTTP/1.1" {status} - "-" "PenhaS/3.4"')

    def _past(self) -> None:
        """Write what a process that has been running wrote an hour ago: the lab's log does not begin with the lab.

        The personal data in it are older than the minutes that the suite looks at: a healthy lab has no finding.
        """
        now = time.time()
        for number in range(_HISTORY):
            level, category, message = _PAST[number % len(_PAST)]
            text = message.format(
                mail=marked.mail(number), phone=marked.phone(number), token=marked.word("token", number), number=number
            )
            self.write(level, category, text, now - 3600 - (_HISTORY - number) * 15)
        self.write("INFO", "Penhas", "Servidor iniciado")


_PAST = (
    ("DEBUG", "Penhas.Controller", "login de {mail}"),
    ("INFO", "Penhas.Minion", "job {number} send_sms para {phone}"),
    ("DEBUG", "Penhas.Controller", "sessao {token} renovada"),
    ("INFO", "Penhas", "cache de tags renovado"),
    ("INFO", "Penhas.Minion", "job {number} news_indexer terminado"),
)
