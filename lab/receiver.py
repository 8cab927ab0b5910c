"""Who is told: a webhook and a mail server that keep what Alertmanager delivers, run in threads of the supervisor."""

import contextlib
import json
import socketserver
import threading
import time
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Receiver:
    """Both servers; every delivery is a line of JSON in `file`: by whom, for which alert, firing or resolved."""

    file: Path
    _servers: list[socketserver.BaseServer] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> tuple[int, int]:
        """Start both and return their ports: webhook, SMTP."""
        receiver = self

        class Webhook(_Webhook):
            keep = staticmethod(receiver.keep)

        class Mail(_Mail):
            keep = staticmethod(receiver.keep)

        web = ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
        smtp = _MailServer(("127.0.0.1", 0), Mail)
        self._servers = [web, smtp]
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.1,), name="receiver", daemon=True).start()
        return web.server_address[1], smtp.server_address[1]

    def stop(self) -> None:
        """Stop both."""
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def keep(self, how: str, alert: str, severity: str, status: str) -> None:
        """Keep one delivery."""
        line = json.dumps({"at": time.time(), "how": how, "alert": alert, "severity": severity, "status": status})
        with self._lock, self.file.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def delivered(file: Path) -> list[dict[str, Any]]:
    """Return what was delivered so far."""
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


class _Webhook(BaseHTTPRequestHandler):
    keep: Any = None

    def do_POST(self) -> None:
        """Keep the alerts of one notification (Alertmanager's webhook, version 4)."""
        given = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        for alert in given["alerts"]:
            labels = alert["labels"]
            self.keep("webhook", labels["alertname"], labels.get("severity", ""), alert["status"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""


class _MailServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _Mail(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as a client that wants to deliver a message needs."""

    keep: Any = None

    def handle(self) -> None:
        """Take messages until the client says goodbye."""
        with contextlib.suppress(OSError):
            self._say("220 lab ready")
            while line := self.rfile.readline(2048):
                word = line.strip().upper().partition(b" ")[0]
                if word == b"QUIT":
                    self._say("221 bye")
                    return
                if word == b"DATA":
                    self._say("354 go on")
                    self._take()
                self._say("250 ok" if word != b"STARTTLS" else "502 no TLS here")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline(65536)) and line.rstrip(b"\r\n") != b".":
            lines.append(line)
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        # the lab's own subject: "status alert severity", see alertmanager.py
        words = str(message["Subject"]).split()
        status, alert, severity = (*words, "", "", "")[:3]
        self.keep("mail", alert, severity, status)
