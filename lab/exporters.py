"""Debian's exporters: of PostgreSQL, Redis, and three nodes whose procfs and disks are the lab's own."""

from dataclasses import dataclass, field
from pathlib import Path

from lab import host
from lab.processes import Launcher, Process, free_port, listens

PROGRAMS = ("prometheus-postgres-exporter", "prometheus-redis-exporter", "prometheus-node-exporter")
NODES = ("node1", "node2", "node3")
MOUNTS = ("/", "/var/lib/postgresql")
NIGHTLY = "backup"  # the text file of a script that has run
_COLLECTORS = ("cpu", "meminfo", "diskstats", "netdev", "filesystem", "time", "loadavg", "textfile")


@dataclass(slots=True)
class Exporter:
    """One exporter: how it is started, so that a fault may end it and start it again on its port."""

    name: str
    argv: list[str]
    variables: dict[str, str]
    drop: bool = True
    port: int = field(default_factory=free_port)
    process: Process | None = None

    @property
    def address(self) -> str:
        """Where Prometheus finds it."""
        return f"127.0.0.1:{self.port}"

    def start(self, launcher: Launcher) -> None:
        """Start it without waiting."""
        flag = "-web.listen-address" if "redis" in self.name else "--web.listen-address"
        self.process = launcher.start(
            self.name,
            [*self.argv, f"{flag}={self.address}"],
            variables=self.variables,
            prefix=None if self.drop else (),
        )

    def await_ready(self) -> None:
        """Return when it listens."""
        assert self.process is not None  # noqa: S101 (for the type checker: it was started)
        self.process.await_ready(lambda: listens(self.port))


def postgresql(dsn: str) -> Exporter:
    """Return the exporter of a PostgreSQL server."""
    return Exporter("postgres-exporter", [PROGRAMS[0]], {"DATA_SOURCE_NAME": dsn})


def redis(port: int, password: str) -> Exporter:
    """Return the exporter of a Redis server; the password is not an argument, which everybody could read."""
    address = f"redis://127.0.0.1:{port}"
    return Exporter("redis-exporter", [PROGRAMS[1]], {"REDIS_ADDR": address, "REDIS_PASSWORD": password})


def node(name: str, machine: host.Host) -> Exporter:
    """Return the exporter of a node: its procfs is the lab's, its disk the lab's small volume."""
    argv = [
        PROGRAMS[2],
        "--collector.disable-defaults",
        *(f"--collector.{collector}" for collector in _COLLECTORS),
        f"--path.procfs={machine.procfs}",
        f"--path.rootfs={root(machine)}",
        f"--collector.textfile.directory={textfiles(machine)}",
        # the default leaves out what lies under /var/lib/docker and the like; the lab has nothing to leave out
        "--collector.filesystem.mount-points-exclude=^/nothing",
    ]
    return Exporter(name, argv, {}, drop=False)


def root(machine: host.Host) -> Path:
    """Return the folder that stands for the nodes' root: the small volume, where it can be mounted."""
    return machine.volume if machine.volume.exists() else machine.folder / "root"


def textfiles(machine: host.Host) -> Path:
    """Return the folder of the nodes' textfile collector."""
    return machine.folder / "textfiles"


def prepare(machine: host.Host) -> None:
    """Write what a node exporter reads besides /proc/stat."""
    proc = machine.procfs
    (proc / "1").mkdir(parents=True, exist_ok=True)
    (proc / "net").mkdir(exist_ok=True)
    textfiles(machine).mkdir(exist_ok=True)
    textfile(machine, NIGHTLY, "penhas_backup_bytes 73400320\n")
    for mount in MOUNTS:
        (root(machine) / mount.lstrip("/")).mkdir(parents=True, exist_ok=True)
    table = "".join(f"/dev/vd{letter}1 {m} ext4 rw,relatime 0 0\n" for letter, m in zip("ab", MOUNTS, strict=True))
    (proc / "1" / "mounts").write_text(table)
    (proc / "loadavg").write_text("0.10 0.12 0.09 1/120 4711\n")
    head = "Inter-|   Receive                                                |  Transmit\n"
    head += " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls"
    head += " carrier compressed\n"
    (proc / "net" / "dev").write_text(f"{head}  eth0: 9000000 9000 0 0 0 0 0 0 8000000 8000 0 0 0 0 0 0\n")
    disk_io(machine, 100_000)


def disk_io(machine: host.Host, busy_ms: int) -> None:
    """Let the nodes' disk have been busy for so many milliseconds since boot."""
    _replace(machine.procfs / "diskstats", f" 254 0 vda 9000 0 90000 900 8000 0 80000 800 0 {busy_ms} {busy_ms}\n")


def textfile(machine: host.Host, name: str, text: str | None) -> None:
    """Let the nodes export some more samples under a name, or none."""
    path = textfiles(machine) / f"{name}.prom"
    if text is None:
        path.unlink(missing_ok=True)
    else:
        _replace(path, text)


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(text)
    temporary.replace(path)
