"""Waiting for a server's socket, never beyond a deadline."""

import select
import time


class Deadline:
    """A point in time that nothing of this session waits beyond."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def restart(self, at_most: float) -> None:
        """Begin anew, for no more than so many seconds: each answer has its own time, and all of them one end."""
        self._end = time.monotonic() + min(self.seconds, at_most)

    def left(self) -> float:
        """Return the seconds that are left, never below 0."""
        return max(0.0, self._end - time.monotonic())


def wait(fd: int, deadline: Deadline, *, read: bool, write: bool) -> tuple[bool, bool]:
    """Return whether it can be read and written now; neither when time is up."""
    poll = select.poll()
    poll.register(fd, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
    events = poll.poll(deadline.left() * 1000)
    got = events[0][1] if events else 0
    broken = got & (select.POLLHUP | select.POLLERR)
    return bool(got & select.POLLIN or (broken and read)), bool(got & select.POLLOUT or (broken and write))
