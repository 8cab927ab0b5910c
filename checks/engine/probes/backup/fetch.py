"""Fetch what a store holds, with its SHA-256 taken on the way, into a private file or into nothing but the digest."""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from checks.engine.environment.models import Backup
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup.inventory import BackupSet
from checks.engine.probes.backup.pipe import decryption, through
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
    counted = Counted(store.chunks(key), remaining, progress)
    write_private(path, counted)
    return counted.result()


def write_private(path: Path, pieces: Iterable[bytes]) -> None:
    """Write pieces to a new file that only we may read; nothing is left of it when that fails."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    done = False
    try:
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                _write(file, piece)
        done = True
    finally:
        if not done:
            path.unlink(missing_ok=True)


def _write(file: BinaryIO, piece: bytes) -> None:
    try:
        file.write(piece)
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        mend = "Give [restore] scratch more room."
        raise ProbeError(Reason.OURS, f"the backup could not be written to the scratch folder: {why}", mend) from None


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


@dataclass(frozen=True, slots=True)
class FetchedBackup:
    """A backup on disk, in the clear: `path` is its file or its folder; size and SHA-256 are of the stored dump."""

    path: Path
    format: str
    size: int
    sha256: str
    seconds: float


def fetch_backup(
    store: Store,
    found: BackupSet,
    backup: Backup,
    folder: Path,
    *,
    remaining: Callable[[], float],
    progress: Progress = nothing,
) -> FetchedBackup:
    """Fetch a backup into `folder`, decrypted on the way where it is encrypted; a directory dump into a folder.

    The SHA-256 of a directory dump is that of the lines `sha256  name` of its files in the order of their names.
    """
    if found.format == "directory":
        return _fetch_folder(store, found, folder, remaining, progress)
    path = folder / "backup"
    counted = Counted(store.chunks(found.key), remaining, progress)
    pieces: Iterator[bytes] = iter(counted)
    if found.encryption != "":
        pieces = through(decryption(backup, found.encryption), pieces, "the backup")
    write_private(path, pieces)
    fetched = counted.result()
    return FetchedBackup(path, found.format, fetched.size, fetched.sha256, fetched.seconds)


def _fetch_folder(
    store: Store, found: BackupSet, folder: Path, remaining: Callable[[], float], progress: Progress
) -> FetchedBackup:
    start = time.monotonic()
    target = folder / "backup"
    target.mkdir(mode=0o700)
    size = 0
    digests = []
    for stored in found.stored:
        name = PurePosixPath(stored.key).name

        def onward(fetched: int, before: int = size) -> None:
            progress(before + fetched)

        fetched = fetch(store, stored.key, target / name, remaining=remaining, progress=onward)
        size += fetched.size
        digests.append((name, fetched.sha256))
    return FetchedBackup(target, "directory", size, digest_of(digests), time.monotonic() - start)


def digest_of(digests: list[tuple[str, str]]) -> str:
    """Return the SHA-256 that stands for several files."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()
