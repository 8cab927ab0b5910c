"""What is read of the Minion job queue, through the primary's connection; of no job what it was given or gave."""

from checks.engine.model import Count, Reading, Seconds
from checks.engine.readings import reading
from checks.engine.records import dataclass


@reading("minion_queue", service="minion", via="postgresql", noisy=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class MinionQueue(Reading):
    """Jobs by state; `ready` are those that a worker could take now (not delayed, not expired, parents done)."""

    ready: Count
    oldest_ready: Seconds
    inactive: Count
    delayed: Count
    active: Count
    failed: Count
    workers: Count


@reading("minion_workers", service="minion", via="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class MinionWorkers(Reading):
    """The workers (catalogue MN06): `live` gave a sign within Minion's own missing_after, half an hour.

    `heartbeat` is the age of the oldest sign of a live one, None without any; `capacity` is how many jobs they take at
    once; `oldest_started` is the Unix time at which the oldest live one started. After a crash of the database the
    unlogged table is empty until the next heartbeat: hence the server's `uptime`.
    """

    live: Count
    gone: Count
    heartbeat: Seconds | None
    capacity: Count
    active: Count
    oldest_started: float | None
    uptime: Seconds


@reading("minion_backlog", service="minion", via="postgresql", noisy=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class MinionBacklog(Reading):
    """How long the oldest ready job waits (catalogue MN02), and whether a live worker has a hand free for it.

    `unserved` are the ready jobs while none has one (catalogue, worker capacity): 0 while a hand is free, and without
    any live worker, which is another check's to say. A live worker that takes no job at all has no hand.
    """

    oldest: Seconds
    free: Count
    unserved: Count
    culprits: tuple[str, ...]


@reading("minion_failures", service="minion", via="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class MinionFailures(Reading):
    """What ended within the hour (catalogue MN03): Minion keeps failed jobs for ever, so their total says nothing."""

    failed: Count
    finished: Count
    abandoned: Count
    stuck: Count
    culprits: tuple[str, ...]


@reading("minion_active", service="minion", via="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class MinionActive(Reading):
    """The jobs that run (catalogue MN04, MN07): `longest` by task in seconds; orphans are those without a worker."""

    longest: tuple[tuple[str, float], ...]
    limits: tuple[tuple[str, float], ...]
    orphans: Count
    orphaned: Seconds


@reading("minion_upkeep", service="minion", via="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class MinionUpkeep(Reading):
    """What gathers in the tables: jobs at their last attempt, jobs that wait for a failed one, locks, rows."""

    last_attempt: Count
    dead_dependents: Count
    lock_longest: Seconds
    rows: Count
    overdue_removal: Seconds
    culprits: tuple[str, ...]


@reading("minion_canary", service="minion", deadline=140.0)
@dataclass(frozen=True, slots=True, kw_only=True)
class MinionCanary(Reading):
    """A job of ours: its state when it was looked at last, and after how long; `left`: a worker still has it."""

    state: str
    task: str
    queue: str
    waited: Seconds
    left: bool
