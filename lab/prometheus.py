"""Starts Debian's Prometheus, configured as the guide says, every interval shortened so that tests need not wait."""

import json
import re
import signal
from dataclasses import dataclass, field
from pathlib import Path

from lab.processes import Launcher, Process, free_port, listens
from lab.state import REPOSITORY

PROGRAM = "prometheus"
INTERVAL = 1.0
FOR = 2  # seconds, in place of the rules' minutes
RULES = REPOSITORY / "docs" / "alerts" / "penhas.yml"

Jobs = dict[str, tuple[str, ...]]


@dataclass(slots=True)
class Prometheus:
    """One Prometheus; a fault changes `jobs`, `alertmanager` or the rules file, and reloads."""

    folder: Path
    jobs: Jobs
    alertmanager: int | None
    port: int = field(default_factory=free_port)
    process: Process | None = None
    intervals: dict[str, str] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.folder / "prometheus.yml"

    @property
    def rules(self) -> Path:
        """Its rules file."""
        return self.folder / "alerts.yml"

    def write(self, rules: str | None = None, *, jobs: Jobs | None = None, alertmanager: bool = True) -> None:
        """Write configuration and rules; JSON is YAML too."""
        self.folder.mkdir(exist_ok=True)
        scrapes = [
            {
                "job_name": job,
                "static_configs": [{"targets": list(targets)}],
                **({"scrape_interval": self.intervals[job]} if job in self.intervals else {}),
                **({"sample_limit": self.limits[job]} if job in self.limits else {}),
            }
            for job, targets in (self.jobs if jobs is None else jobs).items()
        ]
        managers = [f"127.0.0.1:{self.alertmanager}"] if alertmanager and self.alertmanager is not None else []
        table = {
            "global": {"scrape_interval": f"{INTERVAL:.0f}s", "evaluation_interval": f"{INTERVAL:.0f}s"},
            "rule_files": [str(self.rules)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": managers}]}]},
            "scrape_configs": scrapes,
        }
        self.config.write_text(json.dumps(table, indent=1))
        self.rules.write_text(shortened(RULES.read_text(encoding="utf-8")) if rules is None else rules)

    def start(self, launcher: Launcher) -> None:
        """Start it without waiting."""
        self.write()
        self.process = launcher.start(
            "prometheus",
            [
                PROGRAM,
                f"--config.file={self.config}",
                f"--storage.tsdb.path={self.folder / 'data'}",
                "--storage.tsdb.retention.time=15d",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--rules.alert.resend-delay=1s",
                # off: a `for` that began before a reload would else be waited for again
                "--rules.alert.for-grace-period=1s",
            ],
        )

    def await_ready(self) -> None:
        """Return when it listens; its first scrapes come some six seconds later."""
        assert self.process is not None  # noqa: S101 (for the type checker: it was started)
        self.process.await_ready(lambda: listens(self.port))

    def reload(self) -> None:
        """Have it read its configuration again."""
        assert self.process is not None  # noqa: S101 (for the type checker: it was started)
        self.process.popen.send_signal(signal.SIGHUP)


def shortened(rules: str) -> str:
    """Return rules with every `for` and interval of the lab; rates keep their windows."""
    text = re.sub(r"^(\s+)for: \S+$", rf"\g<1>for: {FOR}s", rules, flags=re.MULTILINE)
    return re.sub(r"^(\s+)interval: \S+$", rf"\g<1>interval: {INTERVAL:.0f}s", text, flags=re.MULTILINE)
