"""Starts Debian's Alertmanager with routes for every severity: the critical to a webhook, the others by mail."""

import signal
from dataclasses import dataclass, field
from pathlib import Path

from lab.processes import Launcher, Process, free_port, listens

PROGRAM = "prometheus-alertmanager"

CONFIG = """\
global:
  resolve_timeout: 1m
  smtp_smarthost: 127.0.0.1:{mail}
  smtp_from: alertmanager@lab.invalid
  smtp_require_tls: false
route:
  receiver: team
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
  routes:
    - matchers: ['alertname="Watchdog"']
      receiver: watchdog
      repeat_interval: 2s
    - matchers: ['severity="critical"']
      receiver: {critical}
receivers:
  - name: on-call
    webhook_configs:
      - url: http://127.0.0.1:{web}/
  - name: watchdog
    webhook_configs:
      - url: http://127.0.0.1:{web}/
        send_resolved: false
  - name: nobody
  - name: team
    email_configs:
      - to: team@lab.invalid
        headers:
          Subject: '{{{{ .Status }}}} {{{{ .CommonLabels.alertname }}}} {{{{ .CommonLabels.severity }}}}'
"""


@dataclass(slots=True)
class Alertmanager:
    """One Alertmanager; `web` and `mail` are the ports of whom it tells."""

    folder: Path
    web: int
    mail: int
    port: int = field(default_factory=free_port)
    process: Process | None = None

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.folder / "alertmanager.yml"

    def write(self, *, critical: str = "on-call") -> None:
        """Write the configuration."""
        self.config.write_text(CONFIG.format(mail=self.mail, web=self.web, critical=critical))

    def start(self, launcher: Launcher) -> None:
        """Start it without waiting."""
        self.folder.mkdir(exist_ok=True)
        self.write()
        self.process = launcher.start(
            "alertmanager",
            [
                PROGRAM,
                f"--config.file={self.config}",
                f"--storage.path={self.folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--cluster.listen-address=",
            ],
        )

    def await_ready(self) -> None:
        """Return when it listens."""
        assert self.process is not None  # noqa: S101 (for the type checker: it was started)
        self.process.await_ready(lambda: listens(self.port))

    def reload(self) -> None:
        """Have it read its configuration again."""
        assert self.process is not None  # noqa: S101 (for the type checker: it was started)
        self.process.popen.send_signal(signal.SIGHUP)
