"""Each major version that is installed, with a replica, the application's tables and four roles: started once."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from checks.engine.environment import Environment
from checks.engine.model import NotJudged, ProbeError, Reading, Target
from checks.engine.probes import postgresql
from lab import postgresql as lab_postgresql
from lab.postgresql import CHECKS, Cluster
from lab.processes import Launcher
from lab.seed import schema_sql
from lab.state import LabError
from tests.postgresql import servers
from tests.probes.context import Kept

PRIMARY, REPLICA = Target("postgresql", "primary", "primary"), Target("postgresql", "replica1", "replica")
PLAIN, MONITOR, SUPERUSER = "lab_plain", "lab_monitor", "postgres"
ROLES = (PLAIN, MONITOR, CHECKS, SUPERUSER)


@dataclass(frozen=True, slots=True)
class Pair:
    """A primary and its replica."""

    kind: str
    primary: Cluster
    replica: Cluster

    @property
    def major(self) -> int:
        """The major version of both."""
        return int(str(self.primary.value("SELECT current_setting('server_version_num')"))) // 10000

    def hand_in(self) -> None:
        """Have the counters of sessions that ended be in the statistics."""
        if self.major < 15:  # from 15 on it is at once
            time.sleep(1.2)


@pytest.fixture(scope="session", params=["debian", "pypi", *servers.OTHERS])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """A pair of one version; skipped where that is not installed."""
    try:
        binaries = servers.find(request.param)
    except LabError as error:
        pytest.skip(str(error))
    memory = Path("/dev/shm")  # noqa: S108 (only to be quick; the folder in it is new and ours)
    folder = Path(tempfile.mkdtemp(prefix="penhas-depth-", dir=memory if os.access(memory, os.W_OK) else None))
    (folder / "logs").mkdir()
    launcher = Launcher(folder)
    primary, replica = Cluster("primary", folder / "primary", folder), Cluster("replica1", folder / "replica1", folder)
    try:
        lab_postgresql.make(launcher, binaries, primary)
        lab_postgresql.start(launcher, binaries, primary, {"max_connections": "30"})
        lab_postgresql.create(primary)
        primary.execute((schema_sql("guide"),))
        lab_postgresql.grant(primary)
        primary.execute(
            (f"CREATE ROLE {PLAIN} LOGIN", f"CREATE ROLE {MONITOR} LOGIN", f"GRANT pg_monitor TO {MONITOR}")
        )
        source = f"host={folder} port={primary.port} user=postgres application_name=replica1"
        lab_postgresql.start_replica(launcher, binaries, primary, replica, source)
        until = time.monotonic() + 10
        while primary.value("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") != 1:
            assert time.monotonic() < until
            time.sleep(0.02)
        yield Pair(request.param, primary, replica)
    finally:
        for cluster in (replica, primary):
            if cluster.process is not None:
                cluster.process.stop(signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


Read = Callable[..., Kept]


@pytest.fixture
def read(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Read names of one target as a role."""

    def run(names: tuple[str, ...], role: str = CHECKS, target: Target = PRIMARY, **settings: Any) -> Kept:
        cluster = pair.primary if target == PRIMARY else pair.replica
        for variable in ("PENHAS_CHECKS_DSN", "PENHAS_CHECKS_REPLICA"):
            monkeypatch.setenv(variable, cluster.dsn(role))
        table = {
            "name": "test",
            "postgresql": {
                "primary": {"name": "primary", "env": "PENHAS_CHECKS_DSN"},
                "replicas": [{"name": "replica1", "env": "PENHAS_CHECKS_REPLICA"}],
                "migrations": {"minion": "23"},
                **settings,
            },
        }
        kept = Kept(Environment.model_validate(table), target, names, seconds=30.0)
        postgresql.read(kept)
        assert set(kept.outcomes) == set(names)
        return kept

    return run


def word(outcome: Reading | ProbeError | NotJudged) -> str:
    """Return in one word what became of a reading."""
    if isinstance(outcome, Reading):
        return "read"
    return "not judged" if isinstance(outcome, NotJudged) else outcome.reason.value
