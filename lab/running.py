"""A running lab: all its servers, proxies and what faults remember. Made by the supervisor, changed by faults."""

import contextlib
import importlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import api_processes, cron, host, minion, monitoring, monitoring_tables, postgresql, redis, s3, template, wheel
from lab.credentials import STEM, Credentials
from lab.environment_file import Layout
from lab.marked import MARKERS
from lab.postgresql import Cluster
from lab.processes import Launcher, Process, give_to_servers
from lab.proxy import Proxies
from lab.state import Places, private_folder
from lab.systemd import Systemd
from lab.traffic import Traffic

Say = Callable[[str], None]

PUBLIC_PATHS = ("/pontos-de-apoio", "/anonymous-questionnaires", "/pontos-de-apoio-dados-auxiliares")
SUITE_PROXIES = ("primary", "replica1", "cache", "media", "backups", *api_processes.NAMES)


@dataclass(frozen=True, slots=True)
class Options:
    """How the lab was asked for."""

    flavour: str = "guide"
    postgresql: str = "auto"
    traffic: float = 2.5
    monitoring: bool = False


@dataclass(slots=True)
class Running:
    """Everything that runs; `kept` is where a fault keeps what its mend needs."""

    places: Places
    options: Options
    say: Say
    credentials: Credentials = field(default_factory=Credentials)
    proxies: Proxies = field(default_factory=Proxies)
    apis: dict[str, api_processes.Api] = field(default_factory=dict)
    worker: minion.Worker | None = None
    volume: Process | None = None
    traffic: Traffic | None = None
    watchers: monitoring.Watchers | None = None
    missing: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    binaries: postgresql.Binaries = field(init=False)
    launcher: Launcher = field(init=False)
    primary: Cluster = field(init=False)
    replica: Cluster = field(init=False)
    cache: redis.Redis = field(init=False)
    store: s3.S3 = field(init=False)
    machine: host.Host = field(init=False)
    systemd: Systemd = field(init=False)

    def start(self) -> None:
        """Start everything; what was started when this fails is in the attributes, for `stop`."""
        # boto3 takes as long to import as all servers to start: meanwhile
        threading.Thread(target=importlib.import_module, args=("lab.seed",), daemon=True).start()
        data = self.places.data
        for folder in (data, *(data / name for name in ("logs", "sockets", "api", "host"))):
            private_folder(folder)
        give_to_servers(data, data / "sockets")
        self.binaries = postgresql.find(self.options.postgresql)
        self.launcher = Launcher(data)
        self.primary = Cluster("primary", data / "primary", data / "sockets")
        self.replica = Cluster("replica1", data / "replica", data / "sockets")
        self.cache = redis.Redis(data / "redis", self.credentials.redis_application)
        self.store = s3.S3(data / "s3")
        self.machine, self.systemd = host.Host(data / "host"), Systemd(data / "host")
        self._prepare()
        with self._timed(f"postgresql primary ({self.binaries.kind} {self.binaries.major})"):
            postgresql.start(self.launcher, self.binaries, self.primary)
        with self._timed("redis"):
            redis.start(self.launcher, self.cache, self.credentials)
        with self._timed("s3"):
            s3.start(self.launcher, self.store, s3.pairs(self.credentials))
        self._start_apis()
        with self._timed("passwords and what happened since the template was made"):
            postgresql.set_passwords(self.primary, self.credentials)
            self._refresh()
            redis.save(self.cache, self.store.folder / s3.BACKUPS / "redis")
        self._start_minion()
        with self._timed("postgresql replica1"):
            self.proxies.add("replication", self.primary.port)
            self.start_replica()
        self._start_host()
        with self._timed("api"):
            for api in self.apis.values():
                api_processes.await_ready(self.launcher, api, self.options.flavour)
                self.proxies.add(api.name, api.port)
        for name, port in (("primary", self.primary.port), ("cache", self.cache.port)):
            self.proxies.add(name, port)
        for name in ("media", "backups"):
            self.proxies.add(name, self.store.port)
        if self.options.monitoring:
            with self._timed("what watches it"):
                self.watchers = monitoring.Watchers(self, data / "monitoring")
                self.watchers.start()
        if self.options.traffic > 0:
            self.traffic = Traffic(self.proxies, tuple(self.apis.values()), PUBLIC_PATHS, self.options.traffic)

    def stop(self) -> None:
        """Stop everything that was started and remove the data."""
        if self.traffic is not None:
            self.traffic.stop()
        if self.watchers is not None:
            self.watchers.stop()
        self.proxies.stop()
        processes = [api.process for api in self.apis.values()]
        processes += [self.worker.process if self.worker is not None else None, self.volume]
        if hasattr(self, "machine"):
            self.machine.stop()
            self.systemd.remove()
            processes += [self.cache.process, self.store.process, self.replica.process, self.primary.process]
        processes += self.watchers.processes.values() if self.watchers is not None else ()
        with ThreadPoolExecutor(12) as pool:  # side by side: each takes its time
            list(pool.map(Process.kill_quickly, [p for p in processes if p is not None]))
        shutil.rmtree(self.places.data, ignore_errors=True)

    @property
    def layout(self) -> Layout:
        """Return what the environment file is written from."""
        ports = {name: proxy.port for name, proxy in self.proxies.by_name.items()}
        volume = self.machine.volume if self.volume is not None else None
        tables = {} if self.watchers is None else monitoring_tables.tables(self.watchers)
        own = (self.machine.procfs, volume, self.cron, self.systemd.asked)
        return Layout(self.options.flavour, ports, tuple(self.apis), *own, tables)

    @property
    def cron(self) -> Path:
        """Return the folder of the crontab and its scripts."""
        return self.machine.folder / "cron"

    @property
    def minion_dsn(self) -> str:
        """Return how the worker reaches the primary: as the tables' owner, past the suite's proxies."""
        role = f"{postgresql.OWNER}:{self.credentials.owner}"
        return f"postgresql://{role}@127.0.0.1:{self.primary.port}/{postgresql.DATABASE}"

    @property
    def markers(self) -> tuple[str, ...]:
        """Return every string that no run may leave behind."""
        return (*MARKERS, STEM, *self.credentials.all)

    def _prepare(self) -> None:
        name = template.key(self.binaries, self.options.flavour)
        data = self.places.data
        if template.fetch(name, data):
            give_to_servers(data)  # the copy has the template's owner
            return
        if self.binaries.kind == "pypi":
            wheel.verify(self.binaries.folder.parent)
        with self._timed("template (the first time in hours; kept for the next)"):
            template.build(self.launcher, self.binaries, self.primary, self.store, self.options.flavour)
            template.keep(name, (data / "primary", data / "s3"))

    def _refresh(self) -> None:
        from lab import seed  # noqa: PLC0415 (it brings boto3: as late as can be)

        settings = template.settings(self.store, self.credentials)
        seed.refresh(
            self.primary.dsn(postgresql.OWNER),
            self.cache.url,
            settings,
            self.options.flavour,
            worker=not minion.available(),
        )

    def _start_apis(self) -> None:
        for name in api_processes.NAMES:
            port = {
                "database": self.proxies.add(f"{name}-database", self.primary.port).port,
                "redis": self.proxies.add(f"{name}-redis", self.cache.port).port,
                "s3": self.proxies.add(f"{name}-s3", self.store.port).port,
            }
            role = f"{postgresql.APPLICATION}:{self.credentials.application}"
            variables = {
                "LABAPI_DATABASE": f"postgresql://{role}@127.0.0.1:{port['database']}/{postgresql.DATABASE}",
                "LABAPI_REDIS": f"redis://:{self.cache.password}@127.0.0.1:{port['redis']}/0",
                "LABAPI_S3_ENDPOINT": f"http://127.0.0.1:{port['s3']}",
                "LABAPI_S3_ACCESS_KEY": self.credentials.internal_key,
                "LABAPI_S3_SECRET_KEY": self.credentials.internal_secret,
                "LABAPI_S3_BUCKET": s3.MEDIA,
                "LABAPI_TOKEN": self.credentials.api_token,
                "LABAPI_MAINTENANCE_SECRET": self.credentials.maintenance,
                "LABAPI_VERSION": api_processes.VERSION,
            }
            self.apis[name] = api_processes.Api(name, self.places.data / "api", variables)
            api_processes.start(self.launcher, self.apis[name], self.options.flavour)

    def start_replica(self) -> None:
        """Make the replica from the primary, and return when it streams."""
        through = self.proxies.by_name["replication"].port
        role = f"user={postgresql.REPLICATOR} password={self.credentials.replicator}"
        source = f"host=127.0.0.1 port={through} {role} application_name={self.replica.name}"
        postgresql.start_replica(self.launcher, self.binaries, self.primary, self.replica, source)
        self.await_streaming()
        if "replica1" in self.proxies.by_name:
            self.proxies.redirect("replica1", self.replica.port)
        else:
            self.proxies.add("replica1", self.replica.port)

    def await_streaming(self) -> None:
        """Return when the primary sees its replica streaming."""
        streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
        assert self.replica.process is not None  # noqa: S101 (for the type checker: it was started)
        self.replica.process.await_ready(lambda: self.primary.value(streaming) == 1)

    def _start_minion(self) -> None:
        if not minion.available():
            self.missing.append("no real Minion worker: Debian's libminion-perl and libmojo-pg-perl are not installed")
            return
        with self._timed("minion worker"):
            self.worker = minion.start(self.launcher, self.minion_dsn)
            registered = "SELECT count(*) FROM minion_workers"
            self.worker.process.await_ready(lambda: self.primary.value(registered) != 0)

    def _start_host(self) -> None:
        cron.write(self.cron)
        self.machine.start()
        self.volume = host.mount_volume(self.launcher, self.machine)
        if self.volume is None:
            self.missing.append("no mount to watch: this machine lets nobody mount a tmpfs in a namespace")
        if not self.systemd.start(self.launcher):
            self.missing.append("no systemd: not root, or no control groups of version 2 that can be written to")

    @contextlib.contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.say(f"{what} … {time.monotonic() - started:.2f} s")


def scratch(running: Running) -> Path:
    """Return the folder in which a fault may keep files."""
    folder = running.places.data / "faults"
    private_folder(folder)
    return folder
