"""What was restored is removed and seen to be gone, also what a killed run left; called by `scratch` and `restored`.

An orphan is a scratch folder whose lock nobody holds. Its server, if one still runs, is found by the command line that
names the folder, and no other process is ever signalled.
"""

import atexit
import fcntl
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from checks.engine.model import ProbeError, Reason

_LOOKS, _PAUSE = 3, 0.2
YOUNG = 60.0  # seconds in which a run may have made its folder and not yet its lock


@contextmanager
def at_exit(path: Path) -> Iterator[None]:
    """Erase the folder when the block ends, or when the interpreter does while a daemon thread is still inside it."""

    def last() -> None:
        for _ in range(_LOOKS):  # initdb that was just being started makes the folder anew, with all above it
            erase(path)
            time.sleep(_PAUSE)
        erase(path)

    atexit.register(last)
    try:
        yield
    finally:
        try:
            erase(path)
        finally:
            atexit.unregister(last)


def erase(path: Path) -> None:
    """End every process that works in the folder, remove it and see that it is gone; raise ProbeError if it is not."""
    deadline = time.monotonic() + 10
    while True:
        for pid in _working_in(path):
            _signal(pid, signal.SIGKILL)
        shutil.rmtree(path, ignore_errors=True)
        if not os.path.lexists(path):
            return
        if time.monotonic() > deadline:
            raise ProbeError(
                Reason.OURS,
                f"the restored copy could not be removed: {path} is still there",
                "Remove that folder now: it holds a copy of people's data.",
            )
        time.sleep(0.1)


def orphans(bases: tuple[Path, ...], prefix: str) -> tuple[str, ...]:
    """Remove what earlier runs left under the given folders; return the names of the folders removed.

    A folder whose lock is held belongs to a run that lives. One that cannot be removed raises ProbeError.
    """
    removed = []
    for base in bases:
        for path in sorted(base.glob(prefix + "*")):
            if _abandoned(path):
                erase(path)
                removed.append(path.name)
    return tuple(removed)


def _abandoned(path: Path) -> bool:
    if path.is_symlink() or not path.is_dir() or path.stat().st_uid != os.geteuid():
        return False
    try:
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        # Killed between making the folder and its lock, or the other run is just there: the age tells.
        return time.time() - path.stat().st_mtime > YOUNG
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _working_in(path: Path) -> Iterator[int]:
    """The processes of ours whose command line or working folder names the scratch folder."""
    name = os.fsencode(path)
    for entry in Path("/proc").iterdir() if Path("/proc").is_dir() else ():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and _names(entry, name):
            yield int(entry.name)


def _names(entry: Path, name: bytes) -> bool:
    looks: tuple[Callable[[], bytes], ...] = (
        (entry / "cmdline").read_bytes,
        lambda: os.fsencode((entry / "cwd").readlink()) + b"/",
    )
    for look in looks:
        try:
            if entry.stat().st_uid in {os.geteuid(), 65534} and _within(look(), name):
                return True
        except OSError:
            continue
    return False


def _within(text: bytes, name: bytes) -> bool:
    return any(word.removeprefix(b"-D") == name or word.startswith(name + b"/") for word in text.split(b"\0"))


def _signal(pid: int, sent: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, sent)
