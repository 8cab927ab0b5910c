"""What watches the lab: Prometheus and its exporters, Alertmanager and whom it tells, nginx, logs, their index.

All of it is Debian's but for the index, for which see elasticsearch.py. Started last and not awaited: Prometheus' first
scrapes come some six seconds after its start, and the suite says so until they are there.
"""

import json
import shutil
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import alertmanager, exporters, logs, nginx, postgresql, rsyslog
from lab.alertmanager import Alertmanager
from lab.api_processes import Api
from lab.exporters import Exporter
from lab.logs import Log
from lab.nginx import Nginx
from lab.processes import Process, free_port, listens
from lab.prometheus import Prometheus
from lab.receiver import Receiver
from lab.rsyslog import Rsyslog
from lab.state import REPOSITORY
from lab.traffic import Traffic

if TYPE_CHECKING:
    from lab.running import Running

PROGRAMS = {
    "prometheus": ("prometheus", alertmanager.PROGRAM, *exporters.PROGRAMS),
    "logs": (nginx.PROGRAM, logs.PROGRAM),
    "syslog": (rsyslog.PROGRAM,),
}
PROXIES = ("prometheus", "alertmanager", "elasticsearch")
JOBS = ("penhas-api", "postgres-exporter", "redis-exporter", "node-exporter")


@dataclass(slots=True)
class Watchers:
    """Everything of it that runs; a part whose programs are not installed is not there."""

    running: "Running"
    folder: Path
    exporters: dict[str, Exporter] = field(default_factory=dict)
    prometheus: Prometheus | None = None
    alertmanager: Alertmanager | None = None
    receiver: Receiver | None = None
    nginx: Nginx | None = None
    rsyslog: Rsyslog | None = None
    traffic: Traffic | None = None
    logs: dict[str, Log] = field(default_factory=dict)
    worker_log: Path | None = None
    index: Process | None = None
    index_port: int = 0
    wrong: dict[str, Any] = field(default_factory=dict)

    @property
    def guide(self) -> bool:
        """Whether the lab is as the guide says."""
        return self.running.options.flavour == "guide"

    @property
    def processes(self) -> dict[str, Process]:
        """Every process by name."""
        parts: dict[str, Any] = {
            **self.exporters,
            "prometheus": self.prometheus,
            "alertmanager": self.alertmanager,
            "nginx": self.nginx,
        }
        found = {name: part.process for name, part in parts.items() if part is not None and part.process is not None}
        if self.rsyslog is not None and self.rsyslog.process is not None:
            found["rsyslog"] = self.rsyslog.process
        return {**found, **({"elasticsearch": self.index} if self.index is not None else {})}

    @property
    def delivered(self) -> Path:
        """The file of what was delivered to people."""
        return self.folder / "delivered.jsonl"

    def start(self) -> None:
        """Start all that is installed."""
        self.folder.mkdir(exist_ok=True)
        if self._installed("prometheus"):
            self._start_metrics()
        if self._installed("logs"):
            self._start_nginx()
            if self.guide:
                self._start_logs()
        for name, process in self.processes.items():
            if name == "rsyslog":
                continue  # it has no port, and listened before nginx was started
            port = {**self._ports(), **{n: e.port for n, e in self.exporters.items()}}[name]
            process.await_ready(lambda port=port: listens(port))  # type: ignore[misc]
            if name in PROXIES:
                self.running.proxies.add(name, port)
        for log in self.logs.values():
            log.make_history()
            log.write_config()

    def stop(self) -> None:
        """Stop what is not a process."""
        if self.traffic is not None:
            self.traffic.stop()
        if self.receiver is not None:
            self.receiver.stop()

    def forget(self, text: str) -> None:
        """Take the documents that hold a text out of the index."""
        self._tell_index({"forget": text})

    def break_index(self, **wrong: Any) -> None:
        """Let the index be wrong in these ways too; None ends one."""
        merged = {**self.wrong, **wrong}
        self.wrong = {key: value for key, value in merged.items() if value is not None}
        self._tell_index(self.wrong)

    def _tell_index(self, what: Mapping[str, Any]) -> None:
        url = f"http://127.0.0.1:{self.index_port}/_lab"
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(what).encode(), method="PUT"), timeout=5):
            pass

    def _installed(self, part: str) -> bool:
        absent = [program for program in PROGRAMS[part] if shutil.which(program) is None]
        if absent:
            self.running.missing.append(f"no {part}: {', '.join(Path(p).name for p in absent)} not installed")
        return absent == []

    def _ports(self) -> dict[str, int]:
        parts = {"prometheus": self.prometheus, "alertmanager": self.alertmanager, "nginx": self.nginx}
        found = {name: part.port for name, part in parts.items() if part is not None}
        return {**found, "elasticsearch": self.index_port}

    def _start_metrics(self) -> None:
        running = self.running
        exporters.prepare(running.machine)
        database = running.proxies.add("exporter-postgresql", running.primary.port).port
        role = f"{postgresql.CHECKS}:{running.credentials.checks}"
        dsn = f"postgresql://{role}@127.0.0.1:{database}/{postgresql.DATABASE}?sslmode=disable"
        cache = running.proxies.add("exporter-redis", running.cache.port).port
        found = [
            exporters.postgresql(dsn),
            exporters.redis(cache, running.cache.password),
            *(exporters.node(name, running.machine) for name in exporters.NODES),
        ]
        self.exporters = {exporter.name: exporter for exporter in found}
        self.receiver = Receiver(self.delivered)
        web, mail = self.receiver.start()
        self.alertmanager = Alertmanager(
            self.folder / "alertmanager",
            running.proxies.add("receiver-webhook", web).port,
            running.proxies.add("receiver-mail", mail).port,
        )
        apis = tuple(f"127.0.0.1:{api.port}" for api in running.apis.values())
        jobs = {
            "penhas-api": apis if self.guide else (),
            "postgres-exporter": (self.exporters["postgres-exporter"].address,),
            "redis-exporter": (self.exporters["redis-exporter"].address,),
            "node-exporter": tuple(self.exporters[name].address for name in exporters.NODES),
        }
        jobs = {name: targets for name, targets in jobs.items() if targets}
        own = running.proxies.add("prometheus-alertmanager", self.alertmanager.port).port
        self.prometheus = Prometheus(self.folder / "prometheus", jobs, own)
        if not self.guide:  # the public backend has no metrics of its own to make rules of
            self.prometheus.groups = ("penhas-servers", "penhas-watchers")
        self.alertmanager.start(running.launcher)
        self.prometheus.start(running.launcher)
        for exporter in found:
            exporter.start(running.launcher)

    def _start_nginx(self) -> None:
        running = self.running
        if self._installed("syslog"):
            self._start_rsyslog()
        socket = None if self.rsyslog is None else self.rsyslog.socket
        self.nginx = Nginx(self.folder / "nginx", tuple(api.port for api in running.apis.values()), socket)
        self.nginx.start(running.launcher)
        self.logs["nginx"] = Log(
            "nginx",
            self.nginx.log,
            self.folder / "logrotate-nginx",
            self.folder / "nginx" / "nginx.pid",
            self.nginx.reopen,
        )
        visitors = Api("nginx", self.folder, {}, port=self.nginx.port)
        self.traffic = Traffic(running.proxies, (visitors,), ("/pontos-de-apoio", "/anonymous-questionnaires"), 2.0)

    def _start_rsyslog(self) -> None:
        self.rsyslog = Rsyslog(self.folder / "rsyslog")
        self.rsyslog.start(self.running.launcher)
        log, config = self.rsyslog.log, self.folder / "logrotate-syslog"
        self.logs["syslog"] = Log("syslog", log, config, self.rsyslog.pidfile, self.rsyslog.reopen, "HUP")

    def _start_logs(self) -> None:
        """Begin to keep the log of one instance as a host does, and to index those of all three."""
        running = self.running
        api = running.apis["api1"]
        self.index_port = free_port()
        syslog, told = free_port(), free_port()
        running.proxies.add("logstash", syslog)
        running.proxies.add("logstash-api", told)
        every = [one.folder / f"{name}.app.log" for name, one in running.apis.items()]
        self.index = running.launcher.start(
            "elasticsearch",
            [sys.executable, "-m", "lab.elasticsearch", *map(str, (self.index_port, syslog, told, *every))],
            cwd=REPOSITORY,
        )
        pidfile = self.folder / "api1.pid"
        assert api.process is not None  # noqa: S101 (for the type checker: it was started)
        pidfile.write_text(f"{api.process.pid}\n")
        file = api.folder / "api1.app.log"
        self.logs["api"] = Log("api", file, self.folder / "logrotate-api", pidfile, _reopen(api))
        if running.volume is not None:
            self._make_worker_log(running.machine.volume / "worker.log")

    def _make_worker_log(self, file: Path) -> None:
        """Make a log on the small volume, of a program that seldom writes: its disk can really be full."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        file.write_text(f"{stamp},000 [INFO] Penhas.Minion - worker iniciado\n", encoding="utf-8")
        file.chmod(0o640)
        self.worker_log = file


def _reopen(api: Api) -> Callable[[], None]:
    def reopen() -> None:
        assert api.process is not None  # noqa: S101 (for the type checker: it was started)
        api.process.popen.send_signal(signal.SIGUSR1)

    return reopen
