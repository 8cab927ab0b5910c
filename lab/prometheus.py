"""Starts Debian's Prometheus, configured as the guide says, every interval shortened so that tests need not wait."""

import json
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import yaml

from lab.processes import Launcher, Process, free_port, listens
from lab.state import REPOSITORY

PROGRAM = "prometheus"
INTERVAL = 1.0
FOR = 2  # seconds, in place of the rules' minutes
QUEUE = 1000  # notifications that may wait for Alertmanager
BATCH = 64  # of them are taken out of the queue at once
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
    evaluation: str = f"{INTERVAL:.0f}s"
    changes: dict[str, Any] = field(default_factory=dict)  # what `write` is given for as long as something is broken
    limits: dict[str, int] = field(default_factory=dict)
    groups: tuple[str, ...] = ()  # of the rules, all where it is empty

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.folder / "prometheus.yml"

    @property
    def rules(self) -> Path:
        """Its rules file."""
        return self.folder / "alerts.yml"

    @property
    def loaded(self) -> list[dict[str, Any]]:
        """The groups of rules that it has when nothing is broken."""
        groups = yaml.safe_load(shortened(RULES.read_text(encoding="utf-8")))["groups"]
        return [group for group in groups if self.groups == () or group["name"] in self.groups]

    @property
    def written(self) -> tuple[str, str]:
        """What its two files hold."""
        return self.config.read_text(), self.rules.read_text()

    def write(
        self, rules: str | None = None, *, jobs: Jobs | None = None, alertmanager: bool = True, drop: str = ""
    ) -> None:
        """Write configuration and rules; JSON is YAML too."""
        self.folder.mkdir(exist_ok=True)
        scrapes = [
            {
                "job_name": job,
                "static_configs": [{"targets": list(targets)}],
                **self._pace(job),
                **({"sample_limit": self.limits[job]} if job in self.limits else {}),
            }
            for job, targets in (self.jobs if jobs is None else jobs).items()
        ]
        managers = [f"127.0.0.1:{self.alertmanager}"] if alertmanager and self.alertmanager is not None else []
        table = {
            "global": {"scrape_interval": f"{INTERVAL:.0f}s", "evaluation_interval": self.evaluation},
            "rule_files": [str(self.rules)],
            "alerting": {
                "alertmanagers": [{"static_configs": [{"targets": managers}]}],
                "alert_relabel_configs": [{"source_labels": ["alertname"], "regex": drop or "-", "action": "drop"}],
            },
            "scrape_configs": scrapes,
        }
        self.config.write_text(json.dumps(table, indent=1))
        self.rules.write_text(json.dumps({"groups": self.loaded}) if rules is None else rules)

    def _pace(self, job: str) -> dict[str, str]:
        """Return how often a job is scraped where that is not the global interval, whose timeout it would have too."""
        every = self.intervals.get(job)
        return {} if every is None else {"scrape_interval": every, "scrape_timeout": every}

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
                f"--alertmanager.notification-queue-capacity={QUEUE}",
                "--web.enable-admin-api",  # with which a mended fault takes its traces out of the last minutes
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

    def ask(self, path: str, query: Mapping[str, str] | None = None, *, method: str = "GET") -> Any:
        """Return `data` of an answer of its HTTP API, asked directly."""
        url = f"http://127.0.0.1:{self.port}{path}" + (f"?{urlencode(query)}" if query else "")
        with urlopen(Request(url, method=method), timeout=5) as answer:
            text = answer.read()
        return json.loads(text)["data"] if text else None

    def value(self, promql: str) -> float | None:
        """Return the value of a query's first element, None where it has none."""
        found = self.ask("/api/v1/query", {"query": promql})["result"]
        return float(found[0]["value"][1]) if found else None

    def forget(self, selector: str) -> None:
        """Take every sample of some series out of the storage."""
        self.ask("/api/v1/admin/tsdb/delete_series", {"match[]": selector}, method="POST")


def shortened(rules: str) -> str:
    """Return rules with every `for` and interval of the lab; rates keep their windows."""
    text = re.sub(r"^(\s+)for: \S+$", rf"\g<1>for: {FOR}s", rules, flags=re.MULTILINE)
    return re.sub(r"^(\s+)interval: \S+$", rf"\g<1>interval: {INTERVAL:.0f}s", text, flags=re.MULTILINE)
