"""Read what can be known of the backups without restoring one. Called by the probe of the backups."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from checks.engine.environment import Environment
from checks.engine.environment.models import Backup, Place
from checks.engine.model import ProbeError, Reading, Reason
from checks.engine.probes import Context
from checks.engine.probes.backup.examine import examine
from checks.engine.probes.backup.inventory import BackupSet, Stock, Visit, manifest_key
from checks.engine.probes.backup.live_catalog import database_of
from checks.engine.probes.backup.store import Keeping, ObjectFacts, Store, open_store
from checks.engine.readings.backup import BackupConnection, BackupEntry, BackupInventory, BackupSecond

_OUT = {Reason.CONNECTION, Reason.TIMEOUT, Reason.NO_DATA, Reason.DENIED, Reason.PROTOCOL}
_MANY = 7  # earlier sizes that the newest is compared with
_DAY = 26 * 3600.0  # seconds in which each database has its turn
_FUTURE = 300.0  # seconds that clocks may differ


def read(context: Context, names: tuple[str, ...], visit: Visit) -> None:
    """Settle the readings of the backups that restore nothing."""
    backup = context.environment.backup
    assert backup is not None  # noqa: S101 (its target is there)
    start = time.monotonic()
    try:
        store, stock = visit.stock()
    except ProbeError as error:
        _refused(context, names, error)
        return
    _settle(
        context,
        names,
        "backup_connection",
        lambda: BackupConnection(
            reachable=True, seconds=time.monotonic() - start, source=f"listing of {store.label}", sampled_at=time.time()
        ),
    )

    def remaining() -> float:
        return context.remaining(3600.0) - 0.05  # the context never says less than that

    _settle(context, names, "backup_inventory", lambda: inventory(store, stock, context.environment))
    _settle(context, names, "backup_second", lambda: second(stock, backup))
    _settle(context, names, "backup_newest", lambda: examine(store, stock, context.environment, remaining))


def _settle(context: Context, names: tuple[str, ...], name: str, make: Callable[[], Reading]) -> None:
    if name in names:
        try:
            outcome: Reading | ProbeError = make()
        except ProbeError as error:
            outcome = error
        context.settle(name, outcome)


def _refused(context: Context, names: tuple[str, ...], error: ProbeError) -> None:
    """A place that does not let us in is a reading of its own; our own faults are Failures of every reading."""
    if error.reason not in _OUT:
        for name in names:
            context.settle(name, error)
        return
    now = time.time()
    for name in names:
        if name == "backup_connection":
            problem = f"{error.why}. {error.mend}".rstrip(". ")
            context.settle(name, BackupConnection(reachable=False, problem=problem, source="listing", sampled_at=now))
        else:
            context.settle(name, ProbeError(Reason.CONNECTION, error.why, error.mend))


def inventory(store: Store, stock: Stock, environment: Environment, now: float | None = None) -> BackupInventory:
    """Return what the stock says at `now`."""
    backup = environment.backup
    assert backup is not None  # noqa: S101 (its target is there)
    at = time.time() if now is None else now
    newest = stock.newest
    complete = [found for found in stock.backups if found.problem == "" and found.taken_at is not None]
    expected = _expected(backup, environment, newest)
    keeping = store.keeping()
    facts = ObjectFacts(None, None, None) if newest is None else store.object_facts(newest.key)
    live = database_of(environment)
    main = next(iter(backup.databases), live)
    ratio, compared = _size_ratio([f for f in complete if newest is not None and f.database == newest.database])
    return BackupInventory(
        place=store.label,
        backups=tuple(_entry(found) for found in stock.backups),
        passed_over=stock.passed_over,
        newest="" if newest is None else newest.name,
        newest_database="" if newest is None else newest.database,
        age=None if newest is None or newest.taken_at is None else at - newest.taken_at,
        size=None if newest is None else newest.size,
        size_ratio=ratio,
        sizes_compared=compared,
        retention_days=backup.retention_days,
        days_missing=days_missing([f for f in complete if "" in {main, f.database} or f.database == main], backup, at),
        database_live=live,
        databases_expected=expected,
        databases_missing=_missing(complete, expected, newest, backup, at),
        from_the_future=tuple(f.name for f in complete if (f.taken_at or 0.0) > at + _FUTURE),
        manifest="none" if newest is None else newest.manifest_state,
        of_replica=newest is not None and newest.manifest is not None and newest.manifest.in_recovery,
        replica_lag=_replica_lag(newest),
        versioning=keeping.versioning,
        object_lock=keeping.object_lock,
        lock_due=backup.object_lock,
        lock_mode=facts.lock_mode,
        locked_for=_locked_for(newest, facts),
        deleted=_deleted(keeping, backup),
        keys_beside=stock.keys,
        key_open=_open(backup.identity),
        source=f"first bytes and manifests in {store.label}",
        sampled_at=at,
    )


def _open(identity: str | None) -> bool:
    """Whether others than its owner may read the key file; one that is not there is told where it is needed."""
    try:
        return identity is not None and Path(identity).stat().st_mode & 0o077 != 0
    except OSError:
        return False


def _entry(found: BackupSet) -> BackupEntry:
    return BackupEntry(
        found.name,
        found.database,
        found.taken_at,
        found.told_by,
        found.size,
        found.format or "hidden",
        found.manifest_state,
        found.problem,
    )


def _size_ratio(own: list[BackupSet]) -> tuple[float | None, int]:
    """Return the newest size by the median of those before it in the same format, and how many those are."""
    if not own:
        return None, 0
    *earlier, newest = own
    kind = (newest.format, newest.compression, newest.encryption)
    before = [f.size for f in earlier if (f.format, f.compression, f.encryption) == kind][-_MANY:]
    return (newest.size / statistics.median(before), len(before)) if before else (None, 0)


def days_missing(complete: list[BackupSet], backup: Backup, now: float) -> tuple[str, ...]:
    """Return the days before today, in the environment's zone, that the retention covers and that have no backup.

    Today is left to freshness, and the oldest day too: at the hour of the run it may already, or not yet, be gone.
    """
    zone = backup.zone
    today = datetime.fromtimestamp(now, UTC).astimezone(zone).date()
    have = {datetime.fromtimestamp(f.taken_at or 0.0, UTC).astimezone(zone).date() for f in complete}
    due = [today - timedelta(days=back) for back in range(backup.retention_days - 1, 0, -1)]
    return tuple(day.isoformat() for day in due if day not in have)


def _expected(backup: Backup, environment: Environment, newest: BackupSet | None) -> tuple[str, ...]:
    if backup.databases != ():
        return backup.databases
    if newest is not None and newest.manifest is not None:
        return newest.manifest.databases
    live = database_of(environment)
    return () if live == "" else (live,)


def _missing(
    complete: list[BackupSet], expected: tuple[str, ...], newest: BackupSet | None, backup: Backup, now: float
) -> tuple[str, ...]:
    """Return the expected databases without a backup of the last day; of the newest's own one freshness tells that."""
    first = expected[0] if expected else ""
    taken: dict[str, float] = {}
    for found in complete:  # oldest first
        taken[found.database or first] = found.taken_at or 0.0  # a plain dump does not say of which it is
    main = "" if newest is None else newest.database or first
    day = {name: backup.retention_days * 86400.0 if name == main else _DAY for name in expected}
    return tuple(name for name in expected if taken.get(name, -day[name]) < now - day[name])


def _replica_lag(newest: BackupSet | None) -> float | None:
    """Return how far behind a replica was when it was dumped; 0 for a primary, None where nothing tells."""
    if newest is None or newest.manifest is None:
        return None
    manifest = newest.manifest
    if not manifest.in_recovery:
        return 0.0
    return None if manifest.last_replay_at is None else max(0.0, manifest.snapshot_at - manifest.last_replay_at)


def _locked_for(newest: BackupSet | None, facts: ObjectFacts) -> float | None:
    if newest is None or newest.taken_at is None or facts.retain_until is None:
        return None
    return facts.retain_until - newest.taken_at


def _deleted(keeping: Keeping, backup: Backup) -> tuple[str, ...] | None:
    """Return the names of what was deleted sooner than the retention allows."""
    if keeping.deleted is None:
        return None
    least = 86400.0 * (backup.retention_days - 1)
    return tuple(found.key.rpartition("/")[2] for found in keeping.deleted if found.lasted < least)


def second(stock: Stock, backup: Backup) -> BackupSecond:
    """Compare the second place with the first, by name and size of every complete backup within the retention."""
    place = backup.second
    assert place is not None  # noqa: S101 (the reading requires it)
    other = open_store(place)
    there = {stored.key.removeprefix(place.prefix): stored.size for stored in other.objects()}
    since = time.time() - 86400.0 * backup.retention_days
    due = [found for found in stock.backups if found.problem == "" and (found.taken_at or 0.0) >= since]
    missing = [found.name for found in due if not _whole_there(found, backup.prefix, there)]
    newest = stock.newest
    return BackupSecond(
        place=other.label,
        newest="" if newest is None else newest.name,
        newest_there=newest is not None and _whole_there(newest, backup.prefix, there),
        missing=tuple(missing),
        same_place=_where(place) == _where(backup),
        source=f"listing of {other.label}",
        sampled_at=time.time(),
    )


def _where(place: Place) -> tuple[str | None, str | None, str | None]:
    """Return what is equal for two names of the same place: links are followed, a last slash says nothing."""
    folder = None if place.folder is None else str(Path(place.folder).resolve())
    return None if place.endpoint is None else place.endpoint.rstrip("/").lower(), place.bucket, folder


def _whole_there(found: BackupSet, prefix: str, there: dict[str, int]) -> bool:
    files = all(there.get(stored.key.removeprefix(prefix)) == stored.size for stored in found.stored)
    marked = found.manifest is None or manifest_key(found.key).removeprefix(prefix) in there
    return files and marked
