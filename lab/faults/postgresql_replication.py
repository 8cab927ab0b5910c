"""What goes wrong between primary and replica: processes that hang, queries in the way, a failover half done."""

import os
import shutil
import signal
import time
from pathlib import Path

import psycopg

from lab import postgresql
from lab.faults.postgresql import MEBIBYTE_OF_WAL, await_replay, replay_a_commit, to_primary
from lab.faults.registry import Act, Fault, register
from lab.postgresql import Cluster
from lab.proxy import Mode
from lab.running import Running

LONG = 4.5  # seconds: more than the lab's limit for the standby's answer
SILENT = 42.0  # seconds: more than the limit for the primary's last message, which is due every 30 s
_DROP = "DROP TABLE IF EXISTS public.lab_fault"


def _freeze(cluster: Cluster, kind: str, running: Running, mebibytes: int = 0, seconds: float = LONG) -> None:
    replay_a_commit(running)
    pid = cluster.value(f"SELECT pid FROM pg_stat_activity WHERE backend_type = '{kind}' LIMIT 1")
    assert isinstance(pid, int)  # noqa: S101 (for the type checker: it runs)
    running.kept["frozen"] = pid
    os.kill(pid, signal.SIGSTOP)
    running.primary.execute((MEBIBYTE_OF_WAL,) * mebibytes)
    time.sleep(seconds)


def _thaw(running: Running) -> None:
    os.kill(running.kept.pop("frozen"), signal.SIGCONT)
    running.await_streaming()
    await_replay(running)


def _conflict(running: Running) -> None:
    """Let a query on the replica stand in the way of replay, which does not wait for it."""
    running.primary.execute((_DROP, "CREATE TABLE public.lab_fault (id bigint)"))
    await_replay(running)
    running.replica.execute(("ALTER SYSTEM SET max_standby_streaming_delay = 0", "SELECT pg_reload_conf()"))
    time.sleep(0.2)
    with running.replica.connect() as reader:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM public.lab_fault")
        running.primary.execute((_DROP,))
        await_replay(running)
        try:
            reader.execute("SELECT 1")
        except psycopg.Error:
            reader.close()
    running.replica.execute(("ALTER SYSTEM RESET max_standby_streaming_delay", "SELECT pg_reload_conf()"))
    time.sleep(1)


def _failover(running: Running) -> None:
    """Promote a second copy, and let the primary's address lead to it while the replica follows the old one."""
    second = Cluster("second", running.places.data / "second", running.primary.sockets)
    shutil.rmtree(second.folder, ignore_errors=True)
    source: list[str | Path] = ["-h", running.primary.sockets, "-p", str(running.primary.port), "-U", "postgres"]
    how: list[str | Path] = ["-D", second.folder, "-X", "stream", "-c", "fast", "--no-sync", "--no-manifest", "-R"]
    running.launcher.run([running.binaries.folder / "pg_basebackup", *source, *how], name="pg_basebackup")
    postgresql.start(running.launcher, running.binaries, second)
    running.kept["second"] = second
    second.value("SELECT pg_promote(true, 10)")
    replay_a_commit(running)
    running.proxies.redirect("primary", second.port)


def _failback(running: Running) -> None:
    to_primary(running)
    second: Cluster = running.kept.pop("second")
    postgresql.stop(second)
    shutil.rmtree(second.folder)


def _nothing(running: Running) -> None:
    """Leave it: it has happened."""


def _register(
    name: str, what: str, expect: dict[str, str], acts: tuple[Act, Act], *, lingers: bool = False, slow: bool = False
) -> None:
    register(Fault(name, what, ("postgresql",), expect, *acts, lingers=lingers, slow=slow))


_register(
    "replication-sender-frozen",
    "the walsender hangs: its state still says that it streams",
    {"replication-reply-age@primary": "WARNING"},
    (lambda running: _freeze(running.primary, "walsender", running), _thaw),
)
_register(
    "replication-sender-silent",
    "the walsender has hung for so long that the replica should have heard from it",
    {
        "replication-reply-age@primary": "WARNING",
        "replication-message-age@replica1": "WARNING",
        "replication-lag-seconds@replica1": "WARNING",
    },
    (lambda running: _freeze(running.primary, "walsender", running, 1, SILENT), _thaw),
    slow=True,
)
_register(
    "replication-receiver-frozen",
    "the WAL receiver hangs, and the primary has written 60 MiB since",
    {
        "replication-reply-age@primary": "WARNING",
        "replication-unflushed@primary": "WARNING",
        "replication-slot-retained@primary": "WARNING",
        "replication-lag-bytes@replica1": "WARNING",
    },
    (lambda running: _freeze(running.replica, "walreceiver", running, 60), _thaw),
)
_register(
    "replication-conflict",
    "replay has cancelled a query on the replica",
    {"replication-conflicts@replica1": "WARNING"},
    (_conflict, _nothing),
    lingers=True,
)
_register(
    "replication-failover-half-done",
    "another server was promoted and is asked as primary, while the replica follows the old one",
    {
        "replication-timeline@replica1": "CRITICAL",
        "replication-standby-streaming@primary": "CRITICAL",
        "postgresql-restarted@primary": "WARNING",
    },
    (_failover, _failback),
    lingers=True,
)
_register(
    "postgresql-primary-far",
    "each round trip to the primary takes 900 ms",
    {"postgresql-connection@primary": "WARNING"},
    (
        lambda running: running.proxies.set("primary", Mode.SLOW, 0.9),
        lambda running: running.proxies.set("primary", Mode.PASS, 0.0),
    ),
)
