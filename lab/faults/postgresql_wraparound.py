"""Transaction numbers that have run far ahead of VACUUM: made with pg_resetwal, mended from a copy of the cluster."""

import shutil
import subprocess
from pathlib import Path

from lab import minion, postgresql
from lab.faults.postgresql import await_replay
from lab.faults.registry import Fault, register
from lab.postgresql import SLOT
from lab.running import Running

_SEGMENT = 32 * 8192 * 4  # transactions whose states one file of pg_xact holds
_NUMBER = 1145  # of that file: 1.2 billion transactions, 56 % of what there is
_SEGMENT_BYTES = 32 * 8192
# An autovacuum that is forced to freeze must not be done with it before the checks look.
_SLOWLY = {"autovacuum_vacuum_cost_delay": "100ms", "autovacuum_vacuum_cost_limit": "1"}


def _kept(running: Running) -> Path:
    return running.places.data / "primary-kept"


def _stop(running: Running) -> None:
    if running.worker is not None:
        running.worker.process.stop()
    postgresql.stop(running.replica)
    if running.primary.value(f"SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{SLOT}'") != 0:
        running.primary.execute((f"SELECT pg_drop_replication_slot('{SLOT}')",))
    postgresql.stop(running.primary)


def _start(running: Running, extra: dict[str, str]) -> None:
    postgresql.start(running.launcher, running.binaries, running.primary, extra, port=running.primary.port)
    running.start_replica()
    if running.worker is not None:
        running.worker = minion.start(running.launcher, running.minion_dsn)
    await_replay(running)


def _run_ahead(running: Running) -> None:
    _stop(running)
    subprocess.run(["cp", "-a", running.primary.folder, _kept(running)], check=True, capture_output=True)
    number = str(_NUMBER * _SEGMENT)
    program = running.binaries.folder / "pg_resetwal"
    running.launcher.run([program, "-f", "-x", number, "-D", running.primary.folder], name="pg_resetwal")
    like = next((running.primary.folder / "pg_xact").iterdir())
    states = running.primary.folder / "pg_xact" / f"{_NUMBER:04X}"
    shutil.copy2(like, states)
    shutil.chown(states, like.stat().st_uid, like.stat().st_gid)
    states.write_bytes(bytes(_SEGMENT_BYTES))
    _start(running, _SLOWLY)


def _set_back(running: Running) -> None:
    _stop(running)
    shutil.rmtree(running.primary.folder)
    _kept(running).rename(running.primary.folder)
    _start(running, {})


register(
    Fault(
        "postgresql-wraparound",
        "1.2 billion transactions were not frozen, and autovacuum is slow to catch up",
        ("postgresql",),
        {
            "postgresql-wraparound@primary": "WARNING",
            "postgresql-freeze-overdue@primary": "CRITICAL",
            "postgresql-restarted@primary": "WARNING",
            "postgresql-restarted@replica1": "WARNING",
            "postgresql-settings-changed@primary": "WARNING",
        },
        _run_ahead,
        _set_back,
        lingers=True,
    )
)
