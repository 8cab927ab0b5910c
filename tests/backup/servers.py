"""Real PostgreSQL servers for the tests of backups: on a unix socket in memory, one a major version."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from checks.engine.probes.backup import binaries, child

MEMORY = Path("/dev/shm")  # noqa: S108 (only to be quick; the folder in it is new and ours)


@dataclass(frozen=True, slots=True)
class Source:
    """A running server; `programs` is the folder of its binaries."""

    folder: Path
    programs: Path
    major: int

    def dsn(self, database: str = "postgres", user: str = "postgres") -> str:
        """Return a connection string."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def run(self, database: str, *statements: str) -> list[tuple[object, ...]]:
        """Run statements, each in a transaction of its own; return the rows of the last."""
        rows: list[tuple[object, ...]] = []
        with psycopg.connect(self.dsn(database), autocommit=True) as link:
            for statement in statements:
                found = link.execute(statement.encode())
                rows = found.fetchall() if found.description is not None else []
        return rows

    def database(self, name: str, *statements: str) -> str:
        """Make a database anew and run statements in it; return its name."""
        self.run("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
        self.run(name, *statements)
        return name

    def program(self, name: str, *arguments: str, user: str = "postgres") -> "subprocess.CompletedProcess[bytes]":
        """Run one of PostgreSQL's programs against this server."""
        variables = {**os.environ, "PGHOST": str(self.folder), "PGUSER": user, "TZ": "UTC"}
        return subprocess.run([str(self.programs / name), *arguments], env=variables, capture_output=True, check=False)


@contextlib.contextmanager
def source(programs: Path, major: int, *, tuned: bool = True) -> Iterator[Source]:
    """Run a server of its own for as long as the block lasts, with PostgreSQL's default settings where not `tuned`."""
    base = MEMORY if os.access(MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="penhas-source-", dir=base))
    server = Source(folder, programs, major)
    data = folder / "data"
    make = [*child.privilege(), str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust"]
    try:
        subprocess.run([*make, "-E", "UTF8", "--locale=C", "--no-sync"], check=True, capture_output=True, cwd="/")
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "dynamic_shared_memory_type": "mmap",
        }
        if tuned:
            settings |= {"fsync": "off", "shared_buffers": "32MB", "max_wal_senders": "0", "wal_level": "minimal"}
        words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*child.dying("QUIT"), *child.privilege(), str(programs / "postgres"), "-D", str(data), *words],
                stdout=log,
                stderr=log,
                cwd="/",
            )
        try:
            _ready(server)
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(10)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ready(server: Source) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(server.dsn()).close()
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def installed() -> dict[int, Path]:
    """Return the folders of the binaries on this machine by major version."""
    return {found.major: found.folder for found in binaries.found()}
