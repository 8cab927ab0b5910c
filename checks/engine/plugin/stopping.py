"""What ends a run before its time: signals, the deadline, -x, a crash; the files are written whichever it was.

Called by the run. The first signal raises KeyboardInterrupt, as Ctrl-C does: an exception that no check can swallow by
`except Exception`. Schedulers send several signals, so the later ones are ignored.
"""

import os
import signal
import threading
import time
from types import FrameType

import pytest

_CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DEADLINE = signal.SIGUSR2
GRACE = 1.0  # seconds after the deadline in which the readings' own Failures reach the checks that wait for them


class Stopping:
    """Holds what stopped a run, in a word; empty while nothing has."""

    def __init__(self) -> None:
        self.by = ""
        self._timer: threading.Timer | None = None
        self._before: dict[signal.Signals, object] = {}

    def arm(self, until: float) -> None:
        """Catch the signals, and end the run a little after `until` on the monotonic clock, even when a check hangs."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (*_CAUGHT, _DEADLINE):
            self._before[number] = signal.signal(number, self._stop)
        self._timer = threading.Timer(max(0.0, until - time.monotonic()) + GRACE, os.kill, (os.getpid(), _DEADLINE))
        self._timer.daemon = True
        self._timer.start()

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.by == "":
            self.by = "the deadline" if number == _DEADLINE else signal.Signals(number).name
            raise KeyboardInterrupt(self.by)

    def close(self) -> None:
        """Let nothing interrupt what follows: the reports are being written."""
        if self._timer is not None:
            self._timer.cancel()
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)

    def disarm(self) -> None:
        """Give the signals back to whoever had them."""
        self.close()
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before.clear()

    def explain(self, config: pytest.Config, exitstatus: int, complete: bool) -> str:
        """Return what stopped the run, when it ended before its time and no signal did."""
        interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        if self.by == "" and exitstatus == pytest.ExitCode.INTERNAL_ERROR:
            return "an internal error"
        if self.by != "" or (complete and not interrupted):
            return self.by
        if config.option.setuponly or config.option.setupplan:
            return "--setup-plan" if config.option.setupplan else "--setup-only"
        if config.option.maxfail:
            return "-x" if config.option.maxfail == 1 else f"--maxfail={config.option.maxfail}"
        return "an interruption" if interrupted else "a crash"
