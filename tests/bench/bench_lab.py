"""How long the lab takes to come up from its template, and the first time, when it makes that."""

import tempfile
import time
from pathlib import Path

import pytest

from lab.client import Lab
from tests.bench.frame import TIMES, Row, at_most, bench, middle


@bench("lab-up")
def lab_up(_lab: Lab) -> list[Row]:
    """Return the median of starts from the cached template, and one start with an empty cache."""
    seconds = middle([_up() for _ in range(TIMES)])
    with tempfile.TemporaryDirectory() as cache, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", cache)
        first = _up()
        if not any(Path(cache).rglob("*")):
            raise RuntimeError("the lab made no template in the empty cache, so that this was no first time")
    return [at_most("lab-up-seconds", seconds, "s", 3.0), at_most("lab-up-first-seconds", first, "s", 20.0)]


def _up() -> float:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        with Lab.up(folder=Path(folder) / "lab"):
            return time.perf_counter() - started
