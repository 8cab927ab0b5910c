"""The servers that the tests of the probes talk to: started once for all of them, from what is installed."""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from lab import postgresql as lab_postgresql
from lab.credentials import Credentials
from lab.postgresql import Cluster
from lab.processes import Launcher
from lab.state import REPOSITORY

MINION = REPOSITORY / "lab" / "seed" / "schema" / "minion.sql"


@dataclass(frozen=True, slots=True)
class Pair:
    """A primary and its streaming replica, with the checking role of the shipped SQL."""

    primary: Cluster
    replica: Cluster
    password: str

    def dsn(self, port: int, role: str = "penhas_checks", password: str | None = None, more: str = "") -> str:
        """Return a DSN over TCP."""
        word = self.password if password is None else password
        return f"postgresql://{role}:{word}@127.0.0.1:{port}/penhas{more}"


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder in memory where there is one."""
    memory = Path("/dev/shm")  # noqa: S108 (only to be quick; the folder in it is new and ours)
    path = Path(tempfile.mkdtemp(prefix="penhas-probes-", dir=memory if os.access(memory, os.W_OK) else None))
    (path / "logs").mkdir()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def launcher(folder: Path) -> Launcher:
    return Launcher(folder)


@pytest.fixture(scope="session")
def pair(folder: Path, launcher: Launcher) -> Iterator[Pair]:
    binaries = lab_postgresql.find(os.environ.get("PENHAS_CHECKS_TEST_POSTGRESQL", "auto"))
    credentials = Credentials()
    primary = Cluster("primary", folder / "primary", folder)
    replica = Cluster("replica1", folder / "replica1", folder)
    lab_postgresql.make(launcher, binaries, primary)
    try:
        lab_postgresql.start(launcher, binaries, primary, {"max_connections": "20", "autovacuum": "off"})
        lab_postgresql.create(primary)
        primary.execute((MINION.read_text(encoding="utf-8"),))
        lab_postgresql.grant(primary)
        lab_postgresql.set_passwords(primary, credentials)
        source = f"host={folder} port={primary.port} user=penhas_replicator application_name=replica1"
        lab_postgresql.start_replica(launcher, binaries, primary, replica, source)
        until = time.monotonic() + 10
        while primary.value("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") != 1:
            assert time.monotonic() < until
            time.sleep(0.02)
        yield Pair(primary, replica, credentials.checks)
    finally:
        for cluster in (replica, primary):
            if cluster.process is not None:
                cluster.process.stop(signal.SIGQUIT)


@pytest.fixture
def admin(pair: Pair) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """A superuser's connection to the primary."""
    with contextlib.closing(pair.primary.connect()) as connection:
        yield connection
