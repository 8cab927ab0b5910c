"""The frame of the benches: a registry, rows with a target, the table and bench.json."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.client import Lab

ROOT = Path(__file__).parents[2]
TIMES = 5  # of which the median counts


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; `target` is what it must reach ("≤ 2"), "" where it is only shown; `met` is None then."""

    name: str
    value: float
    unit: str
    target: str = ""
    met: bool | None = None


def at_most(name: str, value: float, unit: str, limit: float) -> Row:
    """Return a row that is met up to `limit`."""
    return Row(name, round(value, 4), unit, f"≤ {limit:g}", value <= limit)


def at_least(name: str, value: float, unit: str, limit: float) -> Row:
    """Return a row that is met from `limit` on."""
    return Row(name, round(value, 4), unit, f"≥ {limit:g}", value >= limit)


def shown(name: str, value: float, unit: str) -> Row:
    """Return a row without a target."""
    return Row(name, round(value, 4), unit)


Bench = Callable[[Lab], list[Row]]
BENCHES: dict[str, Bench] = {}


def bench(name: str) -> Callable[[Bench], Bench]:
    """Register a bench; it is given a running lab, healthy, and leaves it so."""

    def register(function: Bench) -> Bench:
        BENCHES[name] = function
        return function

    return register


@dataclass(frozen=True, slots=True)
class Process:
    """A whole process: wall time and CPU time in seconds, peak memory of itself in MB, exit code, and its output."""

    seconds: float
    cpu: float
    megabytes: float
    code: int
    output: str


def run(command: Sequence[str], variables: dict[str, str]) -> Process:
    """Run a command to its end from the root of the clone, and measure it; it may keep what Python compiles."""
    environment = {**os.environ, **variables}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        ) as child:
            _, status, usage = os.wait4(child.pid, 0)
            seconds = time.perf_counter() - started
            child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    return Process(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, child.returncode, text)


def median(command: Sequence[str], variables: dict[str, str], times: int = TIMES) -> Process:
    """Return the process of median duration of several runs."""
    return in_turn({"": command}, variables, times)[""]


def in_turn(commands: Mapping[str, Sequence[str]], variables: dict[str, str], times: int = TIMES) -> dict[str, Process]:
    """Return the process of median duration of each command, run in turn: what slows the machine slows them all."""
    runs: dict[str, list[Process]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            runs[name].append(run(command, variables))
    return {name: sorted(done, key=lambda process: process.seconds)[times // 2] for name, done in runs.items()}


def middle(values: Sequence[float]) -> float:
    """Return the median of some figures."""
    return statistics.median(values)


def report(rows: Sequence[Row], folder: Path) -> bool:
    """Print the table, write bench.json, and return whether every target was met."""
    width = max(len(row.name) for row in rows)
    for row in rows:
        verdict = "" if row.met is None else ("met" if row.met else "NOT MET")
        print(f"{row.name:{width}}  {row.value:>12g} {row.unit:<12} {row.target:>8}  {verdict}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    print(f"written: {folder / 'bench.json'}")
    return all(row.met is not False for row in rows)


def progress(text: str) -> None:
    """Say what is being measured."""
    print(f"bench: {text}", file=sys.stderr, flush=True)
