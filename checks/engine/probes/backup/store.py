"""Where backups lie, behind one small protocol: a bucket or a folder. Called by the inventory, fetch and take_backup.

A store names things by key; no method prints a key that is not the name of a backup file, and none quotes a driver.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from checks.engine.environment.models import Place


@dataclass(frozen=True, slots=True)
class Stored:
    """One file as the store lists it; `modified` is Unix time and says when it was put there, never how old it is."""

    key: str
    size: int
    modified: float


@dataclass(frozen=True, slots=True)
class Deleted:
    """A key that once was there and is hidden by a delete marker, and the seconds that it had been there."""

    key: str
    lasted: float


@dataclass(frozen=True, slots=True)
class Keeping:
    """How the store keeps what it holds; None where the store cannot say (a folder, a server without the feature)."""

    versioning: bool | None
    object_lock: bool | None
    deleted: tuple[Deleted, ...] | None


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """One object's own protection: lock mode ("" for none) and the Unix time until which it holds; None: not told."""

    lock_mode: str | None
    retain_until: float | None
    encrypted_at_rest: str | None


class Store(Protocol):
    """Reads and writes one place; every call has a timeout and raises ProbeError in our words."""

    @property
    def label(self) -> str:
        """How messages name this place."""

    def objects(self) -> tuple[Stored, ...]:
        """Return everything under the prefix, in the order of the keys."""

    def head(self, key: str, length: int) -> bytes:
        """Return the first `length` bytes, fewer where the file is shorter."""

    def tail(self, stored: Stored, length: int) -> bytes:
        """Return the last `length` bytes."""

    def chunks(self, key: str) -> Iterator[bytes]:
        """Yield the whole file from the front, in pieces of at most a mebibyte."""

    def put_bytes(self, key: str, data: bytes) -> None:
        """Store `data` under `key`: whole or not at all."""

    def put_file(self, key: str, path: Path, sha256: str) -> None:
        """Store the file at `path` under `key`: whole or not at all."""

    def delete(self, key: str) -> None:
        """Remove what take_backup has put there itself and could not complete."""

    def keeping(self) -> Keeping:
        """Return versioning, lock and delete markers under the prefix."""

    def object_facts(self, key: str) -> ObjectFacts:
        """Return the protection of one object."""


CHUNK = 1 << 20


def open_store(place: Place, *, writing: bool = False) -> Store:
    """Return the store of a place; secrets are resolved here, and an unset one is a ProbeError naming its variable.

    `writing` waits longer for each answer.
    """
    if place.folder is not None:
        from checks.engine.probes.backup.store_folder import FolderStore  # noqa: PLC0415 (no driver for a folder)

        return FolderStore(Path(place.folder), place.prefix)
    from checks.engine.probes.backup.store_s3 import open_bucket  # noqa: PLC0415 (boto3 is loaded where it is used)

    return open_bucket(place, writing)
