"""Shows how far a restore has come: on a terminal one line that renews itself, in a log one line a phase."""

import contextlib
import os
import time
from typing import TextIO

import pytest

from checks.engine.plugin.suite import is_worker
from checks.engine.probes.backup.progress import LISTENERS, Step

OFTEN = 0.2  # seconds between two renewals of the line
LISTENING: list[pytest.Config] = []  # the run that we listen for
_UNITS = {"bytes": ("MiB", 1 << 20)}


class Shown:
    """A listener that writes to a terminal or a log."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._renews = file.isatty()
        self._phase = ""
        self._last = 0.0
        self._showing = False

    def __call__(self, step: Step) -> None:
        """Show a step where it is due."""
        begins = step.phase != self._phase
        now = time.monotonic()
        if not begins and (not self._renews or now - self._last < OFTEN):
            return
        self._phase, self._last = step.phase, now
        text = line(step)
        try:
            self._file.write(f"\r\x1b[K{text}" if self._renews and self._showing else f"\n{text}")
            self._file.flush()
            self._showing = True
        except (OSError, ValueError):
            LISTENERS.remove(self)  # nobody reads any more: that ends no restore

    def close(self) -> None:
        """Let go of the terminal."""
        with contextlib.suppress(OSError, ValueError):
            self._file.close()

    def give_way(self) -> bool:
        """Return whether a line of ours stands where pytest is about to write, and forget it."""
        showing, self._showing = self._showing, False
        return showing


def line(step: Step) -> str:
    """Return a step as people read it: phase, how much of how much, rate, and what remains."""
    unit, size = _UNITS.get(step.unit, (step.unit, 1))
    parts = [f"backup: {step.phase}"]
    if step.done > 0:
        due = "" if step.due is None else f" of {step.due / size:.0f}"
        parts.append(f"{step.done / size:.0f}{due} {unit}, {step.rate / size:.0f} {unit}/s")
        if step.remaining is not None:
            parts.append(f"{step.remaining:.0f} s remain")
    elif step.due is not None:
        parts.append(f"{step.due / size:.0f} {unit}")
    return ", ".join(parts)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Listen where there is a reader: not in a worker, not with -q."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or is_worker(config) or config.option.verbose < 0:
        return
    try:
        # Nothing is captured yet, and a copy of the terminal never is.
        file = os.fdopen(os.dup(reporter._tw._file.fileno()), "w", encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return  # a terminal that is no file: a run inside another program
    LISTENERS.append(Shown(file))
    LISTENING[:] = [config]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport() -> None:
    """Let pytest begin a new line where ours stands, instead of going on behind it."""
    ours = [listener for listener in LISTENERS if isinstance(listener, Shown)]
    for config in LISTENING if sum(listener.give_way() for listener in ours) else ():
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.currentfspath = None


def pytest_unconfigure() -> None:
    """Listen no longer."""
    LISTENING.clear()
    for listener in LISTENERS:
        if isinstance(listener, Shown):
            listener.close()
    LISTENERS[:] = [listener for listener in LISTENERS if not isinstance(listener, Shown)]
