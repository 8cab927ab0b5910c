"""Has the standby lower limits than its primary, and makes it anew: called by the faults of settings."""

from lab import minion, postgresql
from lab.faults.postgresql import await_replay, replay_a_commit, stop_primary
from lab.running import Running


def lower_standby(running: Running) -> None:
    """Start the primary with more connections than its standby was made for."""
    replay_a_commit(running)
    stop_primary(running)
    extra = {"max_connections": "110"}
    postgresql.start(running.launcher, running.binaries, running.primary, extra, port=running.primary.port)
    assert running.replica.process is not None  # noqa: S101 (for the type checker: it runs)
    paused = "SELECT pg_get_wal_replay_pause_state() = 'paused'"
    running.replica.process.await_ready(lambda: running.replica.value(paused) is True, within=20)


def equal_standby(running: Running) -> None:
    """Start both as they were, and the worker, whose connection the restart cut."""
    postgresql.stop(running.primary)
    postgresql.stop(running.replica)
    postgresql.start(running.launcher, running.binaries, running.primary, port=running.primary.port)
    running.start_replica()
    if running.worker is not None:
        running.worker = minion.start(running.launcher, running.minion_dsn)
    await_replay(running)
