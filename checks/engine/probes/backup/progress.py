"""Tells whoever listens how far a restore has come; the probe shows nothing itself.

A listener is called in the thread that restores, often, and must be quick. It is told phases and figures, no name.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """How far a phase is: `done` of `due` in its unit (bytes, objects, tables); `due` is None where it is not known."""

    phase: str
    done: int
    due: int | None
    unit: str
    seconds: float

    @property
    def rate(self) -> float:
        """Done a second."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds until it is done at this rate, or None where that cannot be told yet."""
        if self.due is None or self.rate == 0:
            return None
        return max(0.0, (self.due - self.done) / self.rate)


LISTENERS: list[Callable[[Step], None]] = []


class Phase:
    """One phase under way; `at` is called as it goes, and the phase is told once when it begins."""

    def __init__(self, name: str, unit: str = "", due: int | None = None) -> None:
        self.name = name
        self.unit = unit
        self.due = due
        self._began = time.monotonic()
        self.at(0)

    def at(self, done: int) -> None:
        """Say how much is done."""
        step = Step(self.name, done, self.due, self.unit, time.monotonic() - self._began)
        for listener in LISTENERS:
            listener(step)
