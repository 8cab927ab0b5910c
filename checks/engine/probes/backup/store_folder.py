"""Backups in a folder of this machine. Opened by store.open_store."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup.store import CHUNK, Keeping, ObjectFacts, Stored

PART = ".part-"  # in the name of a file that is still being written: never a backup


class FolderStore:
    """A folder; keys are paths below it, always with "/"."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._folder = folder
        self._prefix = prefix

    @property
    def label(self) -> str:
        """How messages name this place."""
        return f"folder {self._folder}"

    def objects(self) -> tuple[Stored, ...]:
        """Return every file under the prefix; a folder that is not there is our own fault, not an empty list."""
        with _told(f"{self.label} cannot be listed"):
            self._there()
            found = []
            for root, _, names in os.walk(self._folder, onerror=_raise):
                for name in names:
                    path = Path(root, name)
                    key = path.relative_to(self._folder).as_posix()
                    if key.startswith(self._prefix) and PART not in name and path.is_file():
                        status = path.stat()
                        found.append(Stored(key, status.st_size, status.st_mtime))
        return tuple(sorted(found, key=lambda stored: stored.key))

    def _there(self) -> None:
        """A folder that is not mounted is neither an empty one nor one to be made."""
        if not self._folder.is_dir():
            raise ProbeError(Reason.OURS, f"{self.label} is not there", "Mount it, or correct [backup] folder.")

    def head(self, key: str, length: int) -> bytes:
        """Return the first `length` bytes."""
        with _told(f"{key} cannot be read"), (self._folder / key).open("rb") as file:
            return file.read(length)

    def tail(self, stored: Stored, length: int) -> bytes:
        """Return the last `length` bytes."""
        with _told(f"{stored.key} cannot be read"), (self._folder / stored.key).open("rb") as file:
            file.seek(max(0, stored.size - length))
            return file.read(length)

    def chunks(self, key: str) -> Iterator[bytes]:
        """Yield the whole file."""
        with _told(f"{key} cannot be read"), (self._folder / key).open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def put_bytes(self, key: str, data: bytes) -> None:
        """Write under a temporary name, flush to the disk, rename."""

        def write(file: BinaryIO) -> None:
            file.write(data)

        self._put(key, write)

    def put_file(self, key: str, path: Path, sha256: str) -> None:  # noqa: ARG002 (the manifest holds the digest)
        """Copy under a temporary name, flush to the disk, rename."""

        def write(file: BinaryIO) -> None:
            with path.open("rb") as source:
                while chunk := source.read(CHUNK):
                    file.write(chunk)

        self._put(key, write)

    def _put(self, key: str, write: Callable[[BinaryIO], None]) -> None:
        target = self._folder / key
        part = target.with_name(f".{target.name}{PART}{secrets.token_hex(4)}")
        with _told(f"{key} cannot be written to {self.label}"):
            self._there()
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                with open(part, "xb", opener=_private) as file:
                    write(file)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def delete(self, key: str) -> None:
        """Remove one file."""
        with _told(f"{key} cannot be removed"):
            (self._folder / key).unlink(missing_ok=True)

    def keeping(self) -> Keeping:
        """A folder has neither versions nor locks."""
        return Keeping(None, None, None)

    def object_facts(self, key: str) -> ObjectFacts:  # noqa: ARG002
        """A folder protects nothing."""
        return ObjectFacts(None, None, None)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _raise(error: OSError) -> None:
    raise error


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn the system's error into ours: the path is already in `what`."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno is not None else "system error"
        raise ProbeError(Reason.OURS, f"{what}: {why.lower()}") from None
