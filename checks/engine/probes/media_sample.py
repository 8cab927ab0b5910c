"""Carries a sample of media objects from the probe that reads it to the one that looks for them in the bucket.

A reading is kept in files and shown in reports, so the places of people's recordings are no part of any: they stay
here, in memory, from one thread to another, for the one run.
"""

import threading

_lock = threading.Lock()
_objects: tuple[tuple[str, int | None], ...] = ()


def keep(objects: tuple[tuple[str, int | None], ...]) -> None:
    """Keep (key in the bucket, bytes) of each object of the sample; None where the database tells no size."""
    global _objects  # noqa: PLW0603 (one sample a process, as the module says)
    with _lock:
        _objects = objects


def take() -> tuple[tuple[str, int | None], ...]:
    """Return the sample that was kept last."""
    with _lock:
        return _objects
