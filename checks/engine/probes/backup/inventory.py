"""Take stock of a store: which backups there are, when each was taken by the time inside it, and what is known of them.

Nothing is fetched but the first bytes of each dump and the manifests. Called by the probe and by the restore.
"""

from dataclasses import dataclass, replace

from checks.engine.environment.models import Backup, Place
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup.heap import BackupSet, Heap, manifest_key
from checks.engine.probes.backup.store import Store, open_store

__all__ = ["BackupSet", "Stock", "Visit", "manifest_key", "take_stock"]

MOST = 400  # backups that are looked into, those put there last: a bucket without retention may hold thousands


@dataclass(frozen=True, slots=True)
class Stock:
    """Every backup of a store, oldest first, those whose time is not known before all others."""

    label: str
    backups: tuple[BackupSet, ...]
    passed_over: int
    keys: tuple[str, ...]
    database: str = ""

    @property
    def newest(self) -> BackupSet | None:
        """The newest complete backup, of the first database that [backup] names where it names any."""
        complete = (found for found in reversed(self.backups) if found.problem == "")
        return next((f for f in complete if "" in {self.database, f.database} or f.database == self.database), None)

    def require_newest(self) -> BackupSet:
        """Return the newest complete backup; raise ProbeError when there is none."""
        newest = self.newest
        if newest is None:
            raise ProbeError(Reason.NO_DATA, f"{self.label} holds no complete backup", "See backup-freshness.")
        return newest


def take_stock(store: Store, backup: Backup) -> Stock:
    """List the store and look into its backups."""
    stored = store.objects()
    heap = Heap(store, backup, stored)
    dumps = sorted(heap.dumps(), key=lambda files: max(file.modified for file in files))
    looked = dumps[-MOST:]
    backups = _marked(heap.backups(looked))
    backups.sort(key=lambda found: (found.taken_at is not None, found.taken_at or 0.0, found.name))
    main = backup.databases[0] if backup.databases else ""
    return Stock(store.label, tuple(backups), len(dumps) - len(looked), tuple(heap.keys), main)


class Visit:
    """One place in one run: asked once for what it holds, however many look at it; what it refuses once, it refuses."""

    def __init__(self, backup: Backup) -> None:
        self._backup = backup
        self._found: tuple[Store, Stock] | ProbeError | None = None

    def stock(self) -> tuple[Store, Stock]:
        """Return the store and its stock; raise ProbeError where it cannot be had, at once from the second time on."""
        if self._found is None:
            try:
                store = open_store(self._backup)
                self._found = store, take_stock(store, self._backup)
            except ProbeError as error:
                self._found = error
        if isinstance(self._found, ProbeError):
            raise self._found
        return self._found

    def refuses(self, place: Place) -> ProbeError | None:
        """Return why nothing needs to be asked of another place: it is on a server that has just not answered."""
        same = place.bucket is not None and self._backup.bucket is not None and place.endpoint == self._backup.endpoint
        silent = isinstance(self._found, ProbeError) and self._found.reason is Reason.CONNECTION
        return self._found if same and silent and isinstance(self._found, ProbeError) else None


def _marked(backups: list[BackupSet]) -> list[BackupSet]:
    """Where a database's backups have manifests, one without is one whose making was cut off: the manifest is last."""
    since: dict[str, float] = {}
    for found in backups:
        if found.manifest is not None and found.taken_at is not None:
            since[found.database] = min(since.get(found.database, found.taken_at), found.taken_at)
    return [
        replace(found, problem="it has no manifest, which is written last: it was not completed")
        if found.problem == ""
        and found.manifest_state == "none"
        and found.taken_at is not None
        and found.taken_at > since.get(found.database, float("inf"))
        else found
        for found in backups
    ]
