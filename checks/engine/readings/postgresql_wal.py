"""The way of the WAL: slots that hold it, the archive that takes it, its folder, and checkpoints that let it go."""

from checks.engine.model import Bytes, Count, NotJudged, Ratio, Reading, Seconds
from checks.engine.readings import derived, reading
from checks.engine.records import dataclass


@reading("postgresql_slots", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlSlots(Reading):
    """Replication slots (catalogue PG21): `lost` ones hold nothing any more, so that their bytes say nothing either.

    `inactive_age` is that of the slot longest without a reader: at least so long on 15 and 16, not known on 14.
    """

    slots: Count
    lost: tuple[str, ...]
    unreserved: tuple[str, ...]
    inactive: tuple[str, ...]
    inactive_age: Seconds | None
    retained: Bytes
    limited: bool
    culprits: tuple[str, ...]


@reading("postgresql_archiver", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlArchiver(Reading):
    """Whether archiving fails now (catalogue PG24): its counters stay after it has healed and are not asked.

    It fails too where a segment waits and neither archive_command nor archive_library is set.

    `waiting` are the seconds that the oldest segment has waited for, 0 where none does. That tells what the age of the
    last archived one does not: it grows on an idle server, whatever archive_timeout is.
    """

    enabled: bool
    failing: bool
    waiting: Seconds
    ready: Count


@reading("postgresql_wal_folder", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlWalFolder(Reading):
    """The size of pg_wal, also as a share of max_wal_size and wal_keep_size together (catalogue PG25)."""

    bytes: Bytes
    ratio: Ratio


@reading("postgresql_checkpoints", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlCheckpoints(Reading):
    """Checkpoints since the statistics began (catalogue PG26), and the age of the last in checkpoint_timeouts.

    An idle server makes none: the age is 0 until there is WAL to be covered.
    """

    timed: Count
    requested: Count
    reset: str
    age: Seconds
    age_ratio: Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlCheckpointShare(Reading):
    """The share of checkpoints between two samples that came by the clock, not for lack of max_wal_size."""

    timed_ratio: Ratio
    requested: Count


FEWEST = 12  # checkpoints from which a share says something


@derived(
    "postgresql_checkpoint_share",
    base="postgresql_checkpoints",
    apart=(10.0, 7 * 86400.0),
    type=PostgresqlCheckpointShare,
)
def checkpoint_share(
    earlier: PostgresqlCheckpoints, later: PostgresqlCheckpoints
) -> PostgresqlCheckpointShare | NotJudged:
    """Return the share of timed checkpoints of the time between two samples."""
    timed, requested = later.timed - earlier.timed, later.requested - earlier.requested
    if later.reset != earlier.reset or timed < 0 or requested < 0:
        return NotJudged("the statistics were reset since the last sample")
    if timed + requested < FEWEST:
        return NotJudged(f"{timed + requested} checkpoints since the last sample: too few to judge by")
    return PostgresqlCheckpointShare(
        timed_ratio=timed / (timed + requested), requested=requested, source=later.source, sampled_at=later.sampled_at
    )


@reading("postgresql_checksums", service="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlChecksums(Reading):
    """Whether pages have checksums, and databases in which one failed lately, with the seconds since (PG40)."""

    enabled: bool
    failure_age: Seconds | None
    culprits: tuple[str, ...]
