"""`python -m tests.backup.restorer FILE STOP`: restore the newest backup, say each phase, stand still in phase STOP.

A process of its own for the tests that kill one: the reading is read in a thread, as the reader does it.
"""

import signal
import sys
import threading
import time
from pathlib import Path

from checks.engine import environment
from checks.engine.model import ProbeError
from checks.engine.probes import backup
from checks.engine.probes.backup.progress import LISTENERS, Step
from tests.bench.restore_once import Once

STANDS = 60.0


def main() -> int:
    """Print phases, then the outcome."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    stop = sys.argv[2]
    told: set[str] = set()

    def listen(step: Step) -> None:
        if step.phase not in told:
            told.add(step.phase)
            print(step.phase, flush=True)
            if step.phase == stop:
                time.sleep(STANDS)

    LISTENERS.append(listen)
    context = Once(environment.load(Path(sys.argv[1])), ("backup_restored",))

    def work() -> None:
        try:
            backup.read(context)
        except ProbeError as error:
            context.settle("backup_restored", error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.05)
    outcome = context.outcomes["backup_restored"]
    print(
        f"outcome {outcome.reason.name}: {outcome.why}" if isinstance(outcome, ProbeError) else "outcome OK", flush=True
    )
    print(f"orphans {len(getattr(outcome, 'orphans', ()))}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
