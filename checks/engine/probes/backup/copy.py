"""The newest backup as a running copy: fetched, restored, verified, and gone when the block ends; called by `restored`.

`rehearsal`, `media` and `second_generation` look at the same copy, so that one night restores once.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from checks.engine.environment import Environment, models
from checks.engine.model import ProbeError, Reason
from checks.engine.probes import Context
from checks.engine.probes.backup import binaries, live_rows, progress, restore, scratch
from checks.engine.probes.backup.crew import Aside
from checks.engine.probes.backup.fetch import FetchedBackup, fetch_backup
from checks.engine.probes.backup.inventory import BackupSet
from checks.engine.probes.backup.manifest import fingerprint, row_seed
from checks.engine.probes.backup.proof import Source
from checks.engine.probes.backup.restore import Contents, Restored
from checks.engine.probes.backup.scratch import Folder, Server
from checks.engine.probes.backup.store import Store
from checks.engine.probes.backup.verify import Verified, verify
from checks.engine.readings.restore import Phase

HOURS = 3 * 3600.0
# What a restored database takes besides what the source took: WAL, sorting, and some air.
AIR = 1.2
UNPACKED = 10  # times the archive where no manifest says how large the database was (7.3 measured, and the archive)
MEBIBYTE = 1 << 20


class UnrestorableError(Exception):
    """The backup itself is at fault and nothing of it can be looked at; the text is ours."""

    def __init__(self, why: str, private: bool) -> None:
        super().__init__(why)
        self.private = private


@dataclass(frozen=True, slots=True)
class Copy:
    """A restored and verified copy while its throw-away server runs."""

    newest: BackupSet
    folder: Folder
    fetched: FetchedBackup
    server: Server
    held: Contents
    done: Restored
    seen: Verified
    source: Source
    tier: str
    phases: tuple[Phase, ...]

    @property
    def archive(self) -> Path:
        """The file or folder that was restored."""
        return self.fetched.path


@contextmanager
def copied(context: Context, declared: models.Restore, store: Store, newest: BackupSet) -> Iterator[Copy]:
    """Bring a backup back; raise ProbeError where nothing was learnt of it, UnrestorableError where it is at fault."""
    backup = context.environment.backup
    if backup is None:
        raise ProbeError(Reason.OURS, "no [backup] in this environment", "Name where the backups are.")
    clock = Clock()
    with scratch.folder(declared.scratch, declared.declared_encrypted, declared.nice) as folder:
        _room(folder, newest)
        fetch = _Fetch(context, store, newest, folder)
        try:
            major = _major(newest)
            chosen = binaries.choose(fetch.result().held.major if major is None else major, declared.binaries)
            with scratch.server(
                folder, chosen, context.remaining(60), database_bytes=_database_bytes(newest), jobs=declared.jobs
            ) as server:
                yield _restored(context, declared, server, newest, came=fetch.result(), clock=clock)
        finally:
            fetch.stop()


def _restored(
    context: Context, declared: models.Restore, server: Server, newest: BackupSet, *, came: "_Came", clock: "Clock"
) -> Copy:
    """Restore what was fetched and verify it."""
    rows_only = declared.tier == "rows"
    clock.add("fetch", came.fetched.seconds)
    done = restore.restore(
        server,
        came.fetched.path,
        came.held,
        database=_name(came.held.header.database or newest.database or "restored"),
        seconds=context.remaining(HOURS),
        jobs=declared.jobs,
        rows_only=rows_only,
    )
    clock.lap("prepare", less=done.rows_seconds + done.indexes_seconds + came.fetched.seconds)
    clock.add("rows", done.rows_seconds)
    clock.add("indexes", done.indexes_seconds)
    if not rows_only:
        progress.Phase("statistics")
        with server.connect(done.database) as link:
            link.execute("ANALYZE")
        clock.lap("statistics")
    source = source_of(context, newest, server.binaries.major)
    seen = verify(server, done.database, came.held.entries, source, hands=declared.jobs, rows_only=rows_only)
    clock.lap("verify")
    progress.Phase("look")
    return Copy(newest, server.folder, came.fetched, server, came.held, done, seen, source, declared.tier, clock.phases)


@dataclass(frozen=True, slots=True)
class _Came:
    """A backup that was fetched, and what its front says of it."""

    fetched: FetchedBackup
    held: Contents


class _Fetch:
    """Fetches while the throw-away server is made: neither needs the other."""

    def __init__(self, context: Context, store: Store, newest: BackupSet, folder: Folder) -> None:
        self._context = context
        self._store = store
        self._newest = newest
        self._folder = folder
        self._stopped = False
        self._aside = Aside(self._fetch)

    def result(self) -> _Came:
        """Wait for it; raise what went wrong with it."""
        return self._aside.result()

    def stop(self) -> None:
        """Let it end soon, whatever it is at."""
        self._stopped = True

    def _remaining(self) -> float:
        return 0.0 if self._stopped else self._context.remaining(HOURS)

    def _fetch(self) -> _Came:
        backup, newest = self._context.environment.backup, self._newest
        assert backup is not None  # noqa: S101 (`copied` has looked)
        phase = progress.Phase("fetch", "bytes", newest.size)
        fetched = fetch_backup(
            self._store, newest, backup, self._folder.fetched, remaining=self._remaining, progress=phase.at
        )
        if newest.manifest is not None and fetched.sha256 != newest.manifest.dump.sha256:
            raise UnrestorableError("it is not the file that its manifest was made for (SHA-256)", self._folder.private)
        try:
            return _Came(fetched, restore.contents(fetched.path))
        except ProbeError as error:
            if error.reason is Reason.OURS:  # as a program that is not installed
                raise
            raise UnrestorableError(error.why, self._folder.private) from None


def _major(newest: BackupSet) -> int | None:
    """Return the version of PostgreSQL that the backup needs, where its front could be read without fetching it."""
    return None if newest.header is None else Contents(newest.header, ()).major


def _name(database: str) -> str:
    """Return the name of the copy: the source's, but for a name that every server has already."""
    return f"{database}_copy" if database in {"postgres", "template0", "template1"} else database


def source_of(context: Context, newest: BackupSet, major: int) -> Source:
    """Say what the copy can be compared with, and take the live counts where there is no manifest."""
    age = max(0.0, time.time() - (newest.taken_at or time.time()))
    if newest.manifest is None:
        return Source(None, _or_why(partial(live_rows.rows, context)), None, "", age)
    seed, why = _seed(context.environment, newest, major)
    return Source(newest.manifest, None, seed, why, age)


def _or_why(ask: Callable[[], live_rows.LiveRows]) -> live_rows.LiveRows | ProbeError:
    try:
        return ask()
    except ProbeError as error:
        return error


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


def _database_bytes(newest: BackupSet) -> int | None:
    return None if newest.manifest is None else newest.manifest.database_bytes


def _room(folder: Folder, newest: BackupSet) -> None:
    """Refuse to begin what cannot end: no room says nothing of the backup."""
    known = _database_bytes(newest)
    needed = newest.size + 256 * MEBIBYTE + int((newest.size * UNPACKED if known is None else known) * AIR)
    free = folder.free()
    if free < needed:
        raise ProbeError(
            Reason.OURS,
            f"the restore needs {needed // MEBIBYTE} MiB of scratch, there are {free // MEBIBYTE} MiB",
            "Name a larger folder under [restore] scratch.",
        )


@dataclass(slots=True)
class Clock:
    """Seconds by phase, from when it is made."""

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
