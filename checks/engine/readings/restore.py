"""What is read of the copy that was restored from the newest backup; every type here is read only where one may be."""

from checks.engine.model import Bytes, Count, Ratio, Reading, Seconds
from checks.engine.readings import reading
from checks.engine.records import dataclass

NOT_RESTORED = "the backup did not restore"
NIGHT = 3 * 3600.0  # the nightly run's own deadline ends it earlier; a restore has no other


@dataclass(frozen=True, slots=True)
class Aspect:
    """One thing that was proved of the copy, or not.

    `compared` counts what was looked at and `against` says with what; `findings` each name the table or object; `blind`
    says why nothing could be proved here and now, `beyond` why nothing ever can be of this backup; `told_by` is the
    check that alarms for what blinds it.
    """

    name: str
    against: str
    compared: int
    findings: tuple[str, ...] = ()
    blind: str = ""
    beyond: str = ""
    told_by: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the way back and how long it took."""

    name: str
    seconds: float


@reading("backup_restored", service="backup", restore=True, deadline=NIGHT)
@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRestored(Reading):
    """The newest backup, brought back into a throw-away server that is gone by the time this is read.

    `errors` is what the restore printed in our words, `proof` what the copy was compared with: the manifest, a live
    server, or itself only. `private` says whether the scratch folder lay in memory or on a volume declared encrypted,
    `orphans` what earlier runs had left and this one removed, `left_out` what the throw-away server must not have.
    `bounded` says what holds its memory and its use of processor and disk.
    """

    backup: str
    database: str
    tier: str
    format: str
    taken_at: float
    size: Bytes
    server: str
    proof: str
    errors: tuple[str, ...]
    left_out: tuple[str, ...]
    aspects: tuple[Aspect, ...]
    phases: tuple[Phase, ...]
    tables: Count
    rows: Count
    private: bool
    orphans: tuple[str, ...]
    bounded: str = ""

    def aspect(self, name: str) -> Aspect:
        """Return an aspect by name; where nothing was restored, or not all, it says so."""
        absent = Aspect(name, "", 0, blind=NOT_RESTORED, told_by="backup-restore")
        if self.aspects:
            absent = Aspect(name, "", 0, beyond=f"the tier {self.tier} does not look at it")
        return next((aspect for aspect in self.aspects if aspect.name == name), absent)


@reading("backup_rehearsed", service="backup", restore=True, deadline=NIGHT)
@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRehearsed(Reading):
    """The recovery of the operators' guide, rehearsed with the copy on the throw-away server.

    `refused_while_connected` says whether the guide's rename is refused while one session is open, and after how long;
    `lost_by_swap` names the properties of the database that the swap leaves behind, `lost_after_mend` those that are
    still gone after the backup's own statements, and `properties_known` whether the backup says what there was; `rows`
    is the guide's count after the swap.
    """

    database: str
    refused_while_connected: bool
    refused_seconds: Seconds
    swap_seconds: Seconds
    lost_by_swap: tuple[str, ...]
    lost_after_mend: tuple[str, ...]
    properties_known: bool
    rows: Count
    table: str


@reading("backup_recovery_point", service="backup", restore=True, deadline=NIGHT)
@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRecoveryPoint(Reading):
    """What a recovery from the newest backup would lose now: `seconds` since the newest thing that it holds.

    `behind` is by how much the backup was out of date when it was taken (a replica that stood still), told by the name
    in `told_by`.
    """

    backup: str
    seconds: Seconds
    behind: Seconds
    told_by: str


@reading("backup_media", service="backup", restore=True, deadline=NIGHT, requires=("s3",))
@dataclass(frozen=True, slots=True, kw_only=True)
class BackupMedia(Reading):
    """The media bucket beside the rows of the restored copy.

    `missing` of the `named` objects are not in the bucket, `deleted` of those by a delete marker (None: the bucket
    keeps no versions, so nobody can tell), `emptied` are there and hold nothing; `left_over` objects are older than the
    backup and no row names them.
    """

    table: str
    bucket: str
    named: Count
    objects: Count
    missing: Count
    emptied: Count
    deleted: int | None
    left_over: Count
    left_over_bytes: Bytes
    sample: Ratio


@reading("backup_redis", service="backup", restore=True, deadline=NIGHT, requires=("restore", "restore.redis"))
@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRedis(Reading):
    """The newest saved file of Redis, loaded into a throw-away server.

    `saved_at` is the time inside the file, `ahead` how far that is ahead of our clock; `sound` says whether Redis' own
    checker reads it to its end, `keys` how many keys that one saw; what a server `loaded` and what it dropped as
    `expired` must be as many together.
    """

    backup: str
    saved_at: float
    ahead: Seconds
    age: Seconds
    size: Bytes
    version: str
    checksummed: bool
    sound: bool
    keys: Count
    loaded: Count
    expired: Count


@reading("backup_second_generation", service="backup", restore=True, deadline=NIGHT)
@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSecondGeneration(Reading):
    """The copy dumped and restored once more; `findings` say what was not the same, or why it could not be done."""

    backup: str
    findings: tuple[str, ...]
    tables: Count
    seconds: Seconds


@reading("backup_drill", service="backup", restore=True, deadline=NIGHT, requires=("restore", "restore.drill"))
@dataclass(frozen=True, slots=True, kw_only=True)
class BackupDrill(Reading):
    """The verification verified: the fault that was put into the copy, what it broke, and what was said of it."""

    backup: str
    fault: str
    broken: str
    seen: tuple[str, ...]


@reading("backup_recovery_time", service="backup", restore=True, deadline=NIGHT)
@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRecoveryTime(Reading):
    """What an operator waits for before the database answers again, on a machine like the one that verifies.

    `seconds` and its phases are for a database of `live_bytes` (None: nobody said, so they are as `measured`);
    `measured` is what the backup of one of `rehearsed_bytes` took.
    """

    backup: str
    seconds: Seconds
    measured: Seconds
    fetch: Seconds
    rows: Seconds
    indexes: Seconds
    statistics: Seconds
    rehearsed_bytes: Bytes
    live_bytes: Bytes | None


@reading("backup_sealed", service="backup", restore=True, deadline=NIGHT, requires=("restore", "restore.sealed"))
@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSealed(Reading):
    """Values of the copy that the application had sealed: how many were `tried`, and `opened` with the kept key."""

    backup: str
    column: str
    tried: Count
    opened: Count
