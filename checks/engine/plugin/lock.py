"""The lock: one run at a time for each environment and profile; triage takes none, for it must work at any time."""

import fcntl
import os
import time

from checks.engine.plugin.suite import Suite


class HeldError(Exception):
    """Another run holds the lock; the text says which."""


def take(suite: Suite) -> int | None:
    """Return the descriptor that holds the lock until it is closed; raise HeldError, or OSError for the folder."""
    if not suite.profile.lock:
        return None
    suite.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(suite.home / f".lock-{suite.profile.name or 'all'}", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 200).decode(errors="replace").strip()
        os.close(descriptor)
        text = f"another run of {suite.environment.name} holds the lock: {holder or 'it has not said who it is'}"
        raise HeldError(text) from None
    os.ftruncate(descriptor, 0)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(suite.started))
    os.write(descriptor, f"pid {os.getpid()}, run {suite.run_id}, since {stamp}".encode())
    return descriptor
