"""What is read of the backups themselves; what is read of a restored copy is in readings/restore.py."""

from checks.engine.model import Bytes, Count, Ratio, Reading, Seconds
from checks.engine.readings import reading
from checks.engine.records import dataclass


@reading("backup_connection", service="backup", deadline=60)
@dataclass(frozen=True, slots=True, kw_only=True)
class BackupConnection(Reading):
    """Whether the place of the backups can be listed; `problem` is our word for why not."""

    reachable: bool
    problem: str = ""
    seconds: Seconds = 0.0


@dataclass(frozen=True, slots=True)
class BackupEntry:
    """One backup; `taken_at` is Unix time from inside (None: it says nothing), `problem` "" where it counts."""

    name: str
    database: str
    taken_at: float | None
    told_by: str
    size: int
    format: str
    manifest: str
    problem: str


@reading("backup_inventory", service="backup", deadline=60)
@dataclass(frozen=True, slots=True, kw_only=True)
class BackupInventory(Reading):
    """Every backup that the place holds, oldest first, judged by a look at its first bytes and its manifest.

    `newest` is the newest complete one, `age` how old it is by the time inside it, `size_ratio` its size by the median
    of up to seven before it; `days_missing` are days of the retention without one; `database_live` is the name in our
    connection string ("" for unknown); `databases_missing` are those that should be there and have no complete backup
    of the last day; `deleted` are names under a delete marker; `keys_beside` are private keys among the backups,
    `key_open` says that others than its owner may read the key of [backup] identity.
    """

    place: str
    backups: tuple[BackupEntry, ...]
    passed_over: Count
    newest: str
    newest_database: str
    age: Seconds | None
    size: Bytes | None
    size_ratio: Ratio | None
    sizes_compared: Count
    retention_days: Count
    days_missing: tuple[str, ...]
    database_live: str
    databases_expected: tuple[str, ...]
    databases_missing: tuple[str, ...]
    from_the_future: tuple[str, ...]
    manifest: str
    of_replica: bool
    replica_lag: Seconds | None
    versioning: bool | None
    object_lock: bool | None
    lock_due: bool
    lock_mode: str | None
    locked_for: Seconds | None
    deleted: tuple[str, ...] | None
    keys_beside: tuple[str, ...]
    key_open: bool


@reading("backup_second", service="backup", requires=("backup.second",), deadline=60)
@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSecond(Reading):
    """The second place: `missing` are complete backups of the first, within the retention, that it lacks or has short.

    `same_place` says that it is the same bucket and endpoint, or folder, as the first; `newest` is "" where there is
    none in the first.
    """

    place: str
    newest: str
    newest_there: bool
    missing: tuple[str, ...]
    same_place: bool


@reading("backup_newest", service="backup", deadline=3600)
@dataclass(frozen=True, slots=True, kw_only=True)
class BackupNewest(Reading):
    """The newest complete backup (`name` "" for none), read to its last byte without writing it anywhere.

    `problem` says what is broken ("" where it is whole); `reads` how it was read. `tables` counts those with data in
    it, `relations_missing` and `data_missing` are what `compared_with` has and the archive has not; `rows_differ` are
    tables whose rows in the archive are not the manifest's. `roles_missing` are named in the dump and not in the
    globals dump (`globals_found`; `globals_unread` says why nobody here can tell). `newer_than_server` says that the
    program is of a later major than the server.
    """

    name: str
    format: str = ""
    compression: str = ""
    encryption: str = ""
    encryption_due: bool = False
    checksummed: bool = False
    size: Bytes = 0
    unpacked: Bytes = 0
    seconds: Seconds = 0.0
    reads: str = ""
    problem: str = ""
    sha256: str = ""
    sha256_expected: str = ""
    tables: Count = 0
    rows: Count | None = None
    rows_differ: tuple[str, ...] = ()
    compared_with: str = ""
    relations_missing: tuple[str, ...] = ()
    data_missing: tuple[str, ...] = ()
    extensions_missing: tuple[str, ...] = ()
    large_objects_missing: Count = 0
    globals_found: bool = False
    globals_problem: str = ""
    globals_unread: str = ""
    roles_named: Count = 0
    roles_missing: tuple[str, ...] = ()
    server_version: str = ""
    dump_version: str = ""
    newer_than_server: bool = False
