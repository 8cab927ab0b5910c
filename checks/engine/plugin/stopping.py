"""What ends a run before its time: signals, the deadline, -x, a crash; the files are written whichever it was.

Called by the run. The first signal raises KeyboardInterrupt, as Ctrl-C does: an exception that no check can swallow by
`except Exception`. Schedulers send several signals, so the later ones are ignored.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

import pytest

_CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DEADLINE = signal.SIGUSR2
_SOON = 0.05  # seconds in which the main thread deals with a signal that reached it
GRACE = 1.0  # seconds after the deadline in which the readings' own Failures reach the checks that wait for them


class Stopping:
    """Holds what stopped a run, in a word; empty while nothing has."""

    def __init__(self) -> None:
        self.by = ""
        self._timer: threading.Timer | None = None
        self._nudge: _Nudge | None = None
        self._before: dict[signal.Signals, object] = {}

    def arm(self, until: float) -> None:
        """Catch the signals, and end the run a little after `until` on the monotonic clock, even when a check hangs.

        What whoever started the run has it ignore (nohup, a shell's background) stays ignored.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        heard = [number for number in _CAUGHT if signal.getsignal(number) != signal.SIG_IGN]
        for number in (*heard, _DEADLINE):
            self._before[number] = signal.signal(number, self._stop)
        self._nudge = _Nudge(lambda: self.by != "")
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
        if self._nudge is not None:
            self._nudge.end()
            self._nudge = None
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


class _Nudge:
    """Sees to it that a signal reaches the main thread, whichever thread the kernel gave it to.

    Of several signals at once a reader's thread may take all; Python then waits for the main thread, whose system call
    nothing interrupts. Every signal, wherever it arrives, is written to a pipe; who reads it sends it on.
    """

    def __init__(self, done: Callable[[], bool]) -> None:
        self._done = done
        self._ended = False
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        threading.Thread(target=self._serve, name="nudge", daemon=True).start()

    def _serve(self) -> None:
        main = threading.main_thread().ident
        while numbers := os.read(self._read, 64):  # until the other end is closed
            # Others have handlers too (a plugin's SIGALRM): sent on, those would come for ever.
            ours = [number for number in numbers if number in {*_CAUGHT, _DEADLINE}]
            time.sleep(_SOON)
            if main is not None and ours and not self._done() and not self._ended:
                signal.pthread_kill(main, ours[-1])
        os.close(self._read)

    def end(self) -> None:
        """Take the pipe away; whoever had one before has it again."""
        self._ended = True
        signal.set_wakeup_fd(self._before)
        os.close(self._write)
