"""A real Minion worker on the seeded tables, where Debian's libminion-perl and libmojo-pg-perl are installed."""

import functools
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab.processes import Launcher, Process

SCRIPT = Path(__file__).parent / "minion" / "worker.pl"


@dataclass(slots=True)
class Worker:
    """The worker's manager process and the jobs it forks."""

    process: Process

    def pause(self) -> None:
        """Freeze the worker and its jobs: the queue grows as if every worker were busy."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let the worker go on."""
        os.killpg(self.process.pid, signal.SIGCONT)


@functools.cache
def available() -> bool:
    """Return whether this machine has Minion."""
    perl = shutil.which("perl")
    if perl is None:
        return False
    return subprocess.run([perl, "-MMinion", "-MMojo::Pg", "-e1"], capture_output=True, check=False).returncode == 0


def start(launcher: Launcher, dsn: str) -> Worker:
    """Start the worker; it registers itself in minion_workers within a second."""
    argv: list[str | Path] = ["perl", SCRIPT, "minion", "worker", "-j", "2", "-C", "2", "-D", "1"]
    return Worker(launcher.start("minion", argv, variables={"MINION_PG": dsn, "MOJO_MODE": "production"}))
