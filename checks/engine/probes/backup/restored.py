"""Bring the newest backup back and settle what was seen: the readings marked `restore`.

Called by the package's `read` in the thread of the backup target. Whatever happens, the copy is gone before a reading
is settled: a reading that exists says that nothing is left.
"""

import time
from dataclasses import dataclass
from functools import partial

from checks.engine.environment import Environment, models
from checks.engine.model import ProbeError, Reason
from checks.engine.probes import Context
from checks.engine.probes.backup import binaries, erasure, guard, live_rows, proof, restore, scratch, structure
from checks.engine.probes.backup.fetch import FetchedBackup, fetch_backup
from checks.engine.probes.backup.inventory import BackupSet, take_stock
from checks.engine.probes.backup.manifest import fingerprint, row_seed
from checks.engine.probes.backup.proof import Source
from checks.engine.probes.backup.store import Store, open_store
from checks.engine.readings.restore import Aspect, BackupRestored, Phase

HOURS = 3 * 3600.0
# What a restored database takes besides what the source took: the archive, WAL, and some air.
AIR = 1.2
UNPACKED = 10  # times the archive where no manifest says how large the database was (7.3 measured, and the archive)


def read(context: Context, names: tuple[str, ...]) -> None:
    """Settle the readings `names`; raise ProbeError where nothing could be learnt of any of them."""
    environment = context.environment
    if environment.backup is None:
        raise ProbeError(Reason.OURS, "no [backup] in this environment", "Name where the backups are.")
    declared = guard.allowed(environment)
    orphans = erasure.orphans(scratch.bases(declared.scratch), scratch.PREFIX)
    store = open_store(environment.backup)
    newest = take_stock(store, environment.backup).require_newest()
    found = _bring_back(context, declared, store, newest, orphans)
    if "backup_restored" in names:
        context.settle("backup_restored", found)


class UnrestorableError(Exception):
    """The backup itself is at fault, and there is nothing to look at; the text is ours."""


def _bring_back(
    context: Context, declared: models.Restore, store: Store, newest: BackupSet, orphans: tuple[str, ...]
) -> BackupRestored:
    backup = context.environment.backup
    assert backup is not None  # noqa: S101 (read has looked)
    clock = _Clock()
    with scratch.folder(declared.scratch, declared.declared_encrypted) as folder:
        _room(folder, newest)
        fetched = fetch_backup(store, newest, backup, folder.fetched, remaining=partial(context.remaining, HOURS))
        _as_it_was_written(fetched, newest)
        clock.lap("fetch")
        held = restore.contents(fetched.path)
        chosen = binaries.choose(held.major, declared.binaries)
        with scratch.server(folder, chosen, context.remaining(60), database_bytes=_database_bytes(newest)) as server:
            done = restore.restore(
                server,
                fetched.path,
                held,
                database=held.header.database,
                seconds=context.remaining(HOURS),
                jobs=declared.jobs,
                rows_only=declared.tier == "rows",
            )
            clock.lap("prepare", less=done.rows_seconds + done.indexes_seconds)
            clock.add("rows", done.rows_seconds)
            clock.add("indexes", done.indexes_seconds)
            with server.connect(done.database) as link:
                link.execute("ANALYZE")
                clock.lap("statistics")
                source = _source(context, newest, chosen.major)
                copy = structure.read(link)
                counted = proof.count(link, source.seed)
                aspects = [proof.rows(counted, source), proof.contents(counted, source)]
                aspects += [proof.things(copy, source, name) for name in proof.KINDS]
                clock.lap("verify")
        private = folder.private
    clock.lap("erase")
    return BackupRestored(
        source=newest.name,
        sampled_at=time.time(),
        backup=newest.name,
        database=done.database,
        format=held.header.format,
        taken_at=newest.taken_at or 0.0,
        size=newest.size,
        server=chosen.version,
        proof=_against(aspects),
        errors=tuple(str(error) for error in done.errors),
        left_out=done.left_out,
        differs=done.differs,
        aspects=tuple(aspects),
        phases=clock.phases,
        seconds=sum(phase.seconds for phase in clock.phases if phase.name not in {"verify", "erase"}),
        tables=len(counted),
        rows=sum(table.rows for table in counted),
        private=private,
        orphans=orphans,
    )


def _source(context: Context, newest: BackupSet, major: int) -> Source:
    """Say what the copy can be compared with, and take the live counts where there is no manifest."""
    age = max(0.0, time.time() - (newest.taken_at or time.time()))
    if newest.manifest is None:
        try:
            return Source(None, live_rows.rows(context), None, "", age)
        except ProbeError as error:
            return Source(None, error, None, "", age)
    seed, why = _seed(context.environment, newest, major)
    return Source(newest.manifest, None, seed, why, age)


def _seed(environment: Environment, newest: BackupSet, major: int) -> tuple[int | None, str]:
    if environment.backup is None or environment.backup.seed is None or newest.manifest is None:
        return None, "no [backup] seed is named, so the sums of the manifest cannot be made again"
    try:
        secret = environment.backup.seed.text().reveal().encode()
    except ProbeError as error:
        return None, error.why
    if newest.manifest.seed_fingerprint != fingerprint(secret):
        return None, "the manifest was made with another seed than the one named here"
    if newest.manifest.server_version_num // 10000 != major:
        return None, f"sums of PostgreSQL {newest.manifest.server_version_num // 10000} are not comparable with {major}"
    return row_seed(secret), ""


def _as_it_was_written(fetched: FetchedBackup, newest: BackupSet) -> None:
    if newest.manifest is not None and fetched.sha256 != newest.manifest.dump.sha256:
        raise ProbeError(
            Reason.PROTOCOL,
            f"{newest.name} is not the file that its manifest was made for (SHA-256)",
            "Restore an earlier backup by hand, and find out who changed this one.",
        )


def _database_bytes(newest: BackupSet) -> int | None:
    return None if newest.manifest is None else newest.manifest.database_bytes


def _room(folder: scratch.Folder, newest: BackupSet) -> None:
    """Refuse to begin what cannot end: no room says nothing of the backup."""
    known = _database_bytes(newest)
    needed = newest.size + (1 << 28) + int((newest.size * UNPACKED if known is None else known) * AIR)
    free = folder.free()
    if free < needed:
        raise ProbeError(
            Reason.OURS,
            f"the restore needs {needed >> 20} MiB of scratch, there are {free >> 20} MiB",
            "Name a larger folder under [restore] scratch.",
        )


def _against(aspects: list[Aspect]) -> str:
    return next((aspect.against for aspect in aspects if aspect.against != ""), "itself only")


@dataclass(slots=True)
class _Clock:
    """Seconds by phase."""

    phases: tuple[Phase, ...] = ()
    since: float = 0.0

    def __post_init__(self) -> None:
        self.since = time.monotonic()

    def lap(self, name: str, less: float = 0.0) -> None:
        """End a phase now; `less` of it belongs to phases that are added on their own."""
        now = time.monotonic()
        self.add(name, max(0.0, now - self.since - less))
        self.since = now

    def add(self, name: str, seconds: float) -> None:
        """Add a phase that was timed elsewhere."""
        self.phases = (*self.phases, Phase(name, seconds))
