"""How long the lab takes to come up from its template, and the first time."""

import tempfile
import time
from pathlib import Path

from lab.client import Lab
from tests.bench.frame import Row, at_most, bench, middle


@bench("lab-up")
def lab_up(_lab: Lab) -> list[Row]:
    """Return the median of three starts from the cached template."""
    seconds = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            with Lab.up(folder=Path(folder) / "lab"):
                seconds.append(time.perf_counter() - started)
    return [at_most("lab-up-seconds", middle(seconds), "s", 3.0)]
