"""Fetch what a store holds, with its SHA-256 taken on the way, into a private file or into nothing but the digest."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup.store import Store

Progress = Callable[[int], None]  # told the bytes fetched so far


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: bytes and SHA-256 of the file as it is stored, and how long it took."""

    size: int
    sha256: str
    seconds: float


def nothing(_: int) -> None:
    """Progress that nobody watches."""


def fetch(
    store: Store, key: str, path: Path, *, remaining: Callable[[], float], progress: Progress = nothing
) -> Fetched:
    """Write one file of the store to `path`, which must not exist and is made 0600; it is removed if this fails."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    done = False
    try:
        with os.fdopen(descriptor, "wb") as file:
            counted = Counted(store.chunks(key), remaining, progress)
            try:
                for chunk in counted:
                    file.write(chunk)
            except OSError as error:
                raise ProbeError(
                    Reason.OURS,
                    f"the backup could not be written to the scratch folder: {os.strerror(error.errno or 0).lower()}",
                    "Give [restore] scratch more room.",
                ) from None
        done = True
    finally:
        if not done:
            path.unlink(missing_ok=True)
    return counted.result()


class Counted:
    """Chunks passing by: counted, digested, and stopped at the deadline; `result` is good once they are exhausted."""

    def __init__(self, chunks: Iterator[bytes], remaining: Callable[[], float], progress: Progress = nothing) -> None:
        self._chunks = chunks
        self._remaining = remaining
        self._progress = progress
        self._digest = hashlib.sha256()
        self._size = 0
        self._start = time.monotonic()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if self._remaining() <= 0:
                raise ProbeError(Reason.TIMEOUT, f"the backup did not arrive in time ({self._size} bytes came)")
            self._digest.update(chunk)
            self._size += len(chunk)
            self._progress(self._size)
            yield chunk

    def result(self) -> Fetched:
        """Return size, digest and seconds so far."""
        return Fetched(self._size, self._digest.hexdigest(), time.monotonic() - self._start)
