"""`python -m tests.bench.restore_once FILE`: the readings of the newest backup once, and our own peak memory."""

import json
import sys
import time
from pathlib import Path

from checks.engine import environment
from checks.engine.environment import Environment
from checks.engine.model import Failure, NotJudged, ProbeError, Reading, Target
from checks.engine.probes import backup
from checks.engine.readings.restore import BackupRestored


class Once:
    """A probe's context without a reader."""

    def __init__(self, loaded: Environment, names: tuple[str, ...]) -> None:
        self.environment = loaded
        self.target = loaded.of("backup")[0]
        self.names = names
        self.run_id = "bench"
        self.outcomes: dict[str, Reading | ProbeError | NotJudged] = {}

    def settle(self, name: str, outcome: Reading | ProbeError | NotJudged) -> None:
        """Keep an outcome."""
        self.outcomes[name] = outcome

    def remaining(self, at_most: float) -> float:
        """There is no deadline."""
        return at_most

    def peer(self, name: str, target: Target) -> Reading | Failure:
        """There is nobody else."""
        raise KeyError(name, target)


def main() -> int:
    """Print seconds by phase, findings and megabytes; return 1 where something was not proved."""
    context = Once(environment.load(Path(sys.argv[1])), tuple(sys.argv[2:]))
    began = time.perf_counter()
    backup.read(context)
    seconds = time.perf_counter() - began
    peak = next(line for line in Path("/proc/self/status").read_text("ascii").splitlines() if line.startswith("VmHWM"))
    told: dict[str, object] = {"seconds": seconds, "megabytes": int(peak.split()[1]) / 1000}
    bad = [name for name, outcome in context.outcomes.items() if isinstance(outcome, ProbeError)]
    restored = context.outcomes.get("backup_restored")
    if isinstance(restored, BackupRestored):
        told["phases"] = {phase.name: round(phase.seconds, 2) for phase in restored.phases}
        bad += [*restored.errors, *(text for aspect in restored.aspects for text in aspect.findings)]
    print(json.dumps({**told, "bad": bad}))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
