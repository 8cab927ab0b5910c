"""Say on stderr how far a backup is: a line that moves on a terminal, one line a phase elsewhere, never a secret."""

import sys
import time
from typing import TextIO

_EVERY = 0.5


class Progress:
    """Phases, bytes and tables, with a rate."""

    def __init__(self, stream: TextIO = sys.stderr, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._moving = stream.isatty() and not quiet
        self._start = time.monotonic()
        self._shown = 0.0
        self._bytes = 0
        self._tables = (0, 0)

    def phase(self, name: str, text: str) -> None:
        """Begin a phase."""
        if not self._quiet:
            self._line(f"take_backup {name:<8} {time.monotonic() - self._start:6.1f} s  {text}", last=True)

    def bytes(self, count: int) -> None:
        """Say how many bytes of the dump were written."""
        self._bytes = count
        self._move()

    def tables(self, done: int, due: int) -> None:
        """Say how many tables were summed."""
        self._tables = (done, due)

    def _move(self) -> None:
        now = time.monotonic()
        if not self._moving or now - self._shown < _EVERY:
            return
        self._shown = now
        rate = self._bytes / max(now - self._start, 0.001) / 2**20
        done, due = self._tables
        text = f"{self._bytes / 2**20:.1f} MiB, {rate:.1f} MiB/s, {done} of {due} tables summed"
        self._line(f"take_backup dump     {now - self._start:6.1f} s  {text}", last=False)

    def _line(self, text: str, *, last: bool) -> None:
        if self._moving:
            self._stream.write(f"\r\x1b[K{text}{chr(10) if last else ''}")
        else:
            self._stream.write(text + "\n")
        self._stream.flush()
