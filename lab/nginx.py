"""Starts Debian's nginx before the three instances, with the access log that it has out of the box, and by syslog."""

import signal
from dataclasses import dataclass, field
from pathlib import Path

from lab.processes import Launcher, Process, free_port, listens

PROGRAM = "/usr/sbin/nginx"

CONFIG = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 128; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    access_log {log} combined;
    {syslog}
    upstream penhas {{ {servers} }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://penhas; proxy_set_header X-Forwarded-For $remote_addr; }}
    }}
}}
"""


@dataclass(slots=True)
class Nginx:
    """One nginx."""

    folder: Path
    upstreams: tuple[int, ...]
    syslog: Path | None = None
    port: int = field(default_factory=free_port)
    process: Process | None = None

    @property
    def log(self) -> Path:
        """Its access log."""
        return self.folder / "penhas-access.log"

    def start(self, launcher: Launcher) -> None:
        """Start it without waiting."""
        self.folder.mkdir(exist_ok=True)
        config = self.folder / "nginx.conf"
        servers = " ".join(f"server 127.0.0.1:{port};" for port in self.upstreams)
        to = f"access_log syslog:server=unix:{self.syslog},nohostname,tag=nginx combined;" if self.syslog else ""
        text = CONFIG.format(folder=self.folder, log=self.log, syslog=to, servers=servers, port=self.port)
        config.write_text(text)
        self.process = launcher.start("nginx", [PROGRAM, "-c", config, "-e", "stderr"])

    def await_ready(self) -> None:
        """Return when it listens."""
        assert self.process is not None  # noqa: S101 (for the type checker: it was started)
        self.process.await_ready(lambda: listens(self.port))

    def reopen(self) -> None:
        """Have it open its log anew."""
        assert self.process is not None  # noqa: S101 (for the type checker: it was started)
        self.process.popen.send_signal(signal.SIGUSR1)
