"""Transaction and multixact numbers far ahead of VACUUM: made with pg_resetwal, mended from a copy of the cluster."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab import minion, postgresql
from lab.faults.postgresql import await_replay
from lab.faults.registry import Act, Fault, register
from lab.postgresql import SLOT
from lab.running import Running


@dataclass(frozen=True, slots=True)
class _Numbers:
    """A kind of number: the option of pg_resetwal, the folder of its states, how many a file there holds."""

    option: str
    folder: str
    in_a_file: int

    @property
    def next(self) -> int:
        """The number to go on from, the first of a file: 1.2 billion, 56 % of what there is."""
        return 1_200_000_000 // self.in_a_file * self.in_a_file


_TRANSACTIONS = _Numbers("-x{next}", "pg_xact", 32 * 8192 * 4)
_MULTIXACTS = _Numbers("-m{next},1", "pg_multixact/offsets", 32 * 8192 // 4)
_FILE_BYTES = 32 * 8192
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


def _run_ahead(numbers: _Numbers) -> Act:
    def act(running: Running) -> None:
        _stop(running)
        folder = running.primary.folder
        subprocess.run(["cp", "-a", folder, _kept(running)], check=True, capture_output=True)
        program = running.binaries.folder / "pg_resetwal"
        option = numbers.option.format(next=numbers.next)
        running.launcher.run([program, "-f", option, "-D", folder], name="pg_resetwal")
        like = next((folder / numbers.folder).iterdir())
        states = folder / numbers.folder / f"{numbers.next // numbers.in_a_file:04X}"
        shutil.copy2(like, states)
        shutil.chown(states, like.stat().st_uid, like.stat().st_gid)
        states.write_bytes(bytes(_FILE_BYTES))
        _start(running, _SLOWLY)

    return act


def _set_back(running: Running) -> None:
    _stop(running)
    shutil.rmtree(running.primary.folder)
    _kept(running).rename(running.primary.folder)
    _start(running, {})


for _name, _what, _check, _numbers in (
    ("postgresql-wraparound", "transactions", "postgresql-wraparound", _TRANSACTIONS),
    ("postgresql-wraparound-multixacts", "multixacts", "postgresql-wraparound-multixacts", _MULTIXACTS),
):
    register(
        Fault(
            _name,
            f"1.2 billion {_what} were not frozen, and autovacuum is slow to catch up",
            ("postgresql",),
            {
                f"{_check}@primary": "WARNING",
                "postgresql-freeze-overdue@primary": "CRITICAL",
                "postgresql-restarted@primary": "WARNING",
                "postgresql-restarted@replica1": "WARNING",
                "postgresql-settings-changed@primary": "WARNING",
            },
            _run_ahead(_numbers),
            _set_back,
            lingers=True,
        )
    )
