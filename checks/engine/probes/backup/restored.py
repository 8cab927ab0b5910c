"""Bring the newest backup back and settle what was seen: the readings marked `restore`.

Called by the package's `read` in the thread of the backup target. Whatever happens, the copy is gone before a reading
is settled: a reading that exists says that nothing is left.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from checks.engine.environment import models
from checks.engine.model import NotJudged, ProbeError, Reading, Reason
from checks.engine.probes import Context
from checks.engine.probes.backup import (
    child,
    drill,
    erasure,
    guard,
    media,
    memory,
    proof,
    recovery_point,
    recovery_time,
    redis_rdb,
    rehearsal,
    scratch,
    sealed,
    second_generation,
)
from checks.engine.probes.backup.copy import Copy, UnrestorableError, copied
from checks.engine.probes.backup.examine import of_fetched
from checks.engine.probes.backup.inventory import BackupSet, Visit
from checks.engine.probes.backup.store import Store
from checks.engine.readings import READINGS
from checks.engine.readings.restore import BackupRestored

DAY = 86400
HOURS = 3 * 3600.0
Outcome = Reading | ProbeError | NotJudged
T = TypeVar("T")


def read(context: Context, names: tuple[str, ...], visit: Visit) -> frozenset[str]:
    """Settle the readings `names` and return those that were; raise ProbeError where nothing could be learnt of any.

    `backup_newest` may be among them: it is read of the file that is fetched for the restore.
    """
    environment = context.environment
    if environment.backup is None:
        raise ProbeError(Reason.OURS, "no [backup] in this environment", "Name where the backups are.")
    declared = guard.allowed(environment)
    later = second_generation.not_due(declared)
    if later is not None and "backup_second_generation" in names:
        context.settle("backup_second_generation", later)
        names = tuple(name for name in names if name != "backup_second_generation")
    orphans = erasure.orphans(scratch.bases(declared.scratch), scratch.PREFIX)
    if "backup_redis" in names:
        refused = None if declared.redis is None else visit.refuses(declared.redis)
        context.settle("backup_redis", refused or _outcome(partial(redis_rdb.look, context), declared))
    of_copy = [name for name in names if name not in {"backup_redis", "backup_newest"}]
    if not of_copy:
        return frozenset(names) & {"backup_redis"}
    try:
        store, stock = visit.stock()
        newest = stock.require_newest()
    except ProbeError as error:
        for name in of_copy:
            context.settle(name, error)
        return frozenset(names) - {"backup_newest"}
    outcomes = _look(context, declared, store, newest, orphans=orphans, names=names)
    for name in outcomes.keys() & set(names):
        context.settle(name, outcomes[name])
    return frozenset(outcomes)


def _look(
    context: Context,
    declared: models.Restore,
    store: Store,
    newest: BackupSet,
    *,
    orphans: tuple[str, ...],
    names: tuple[str, ...],
) -> dict[str, Outcome]:
    looks: dict[str, Callable[[Copy], Reading | NotJudged]] = {
        "backup_newest": lambda copy: of_fetched(
            store, newest, context.environment, copy.fetched, partial(context.remaining, HOURS)
        ),
        "backup_recovery_time": partial(recovery_time.recovery_time, context),
        "backup_recovery_point": partial(recovery_point.recovery_point, context),
        "backup_media": partial(media.compare, context),
        "backup_sealed": partial(sealed.unseal, context, declared),
        "backup_second_generation": partial(second_generation.second_generation, context, declared),
        "backup_drill": partial(drill.drill, declared, int(time.time() // DAY)),
        "backup_rehearsed": rehearsal.rehearse,  # the last one: it renames the copy
    }
    outcomes: dict[str, Outcome] = {}
    try:
        with copied(context, declared, store, newest) as copy:
            outcomes["backup_restored"] = _restored(copy, orphans)
            for name, look in looks.items():
                if name in names:
                    outcomes[name] = _outcome(look, copy)
    except UnrestorableError as error:
        unread = ProbeError(Reason.NO_DATA, f"the backup did not restore: {error}", "")
        blind = dict.fromkeys((name for name in looks if READINGS[name].restore), unread)
        return {**outcomes, **blind, "backup_restored": _unrestorable(newest, error, orphans)}
    return outcomes


def _outcome(look: Callable[[T], Reading | NotJudged], at: T) -> Outcome:
    try:
        return look(at)
    except ProbeError as error:
        return error


def _restored(copy: Copy, orphans: tuple[str, ...]) -> BackupRestored:
    aspects = (*copy.seen.aspects, proof.locale(copy.seen.structure, copy.source, copy.done.differs))
    return BackupRestored(
        source=copy.newest.name,
        sampled_at=time.time(),
        backup=copy.newest.name,
        database=copy.done.database,
        tier=copy.tier,
        format=copy.held.header.format,
        taken_at=copy.newest.taken_at or 0.0,
        size=copy.newest.size,
        server=copy.server.binaries.version,
        proof=next((aspect.against for aspect in aspects[:1] if aspect.against != ""), "itself only"),
        errors=tuple(str(error) for error in copy.done.errors),
        left_out=copy.done.left_out,
        aspects=aspects,
        phases=copy.phases,
        tables=len(copy.seen.tables),
        rows=sum(table.rows for table in copy.seen.tables),
        private=copy.folder.private,
        orphans=orphans,
        bounded=_bounds(copy.folder.nice),
    )


def _bounds(nice: int) -> str:
    left = memory.allowance()
    cgroup = "" if left is None else f", and a cgroup of which {left >> 20} MiB are left"
    return child.bounds(nice) + cgroup


def _unrestorable(newest: BackupSet, why: UnrestorableError, orphans: tuple[str, ...]) -> BackupRestored:
    return BackupRestored(
        source=newest.name,
        sampled_at=time.time(),
        backup=newest.name,
        database=newest.database,
        tier="",
        format=newest.format,
        taken_at=newest.taken_at or 0.0,
        size=newest.size,
        server="",
        proof="",
        errors=(str(why),),
        left_out=(),
        aspects=(),
        phases=(),
        tables=0,
        rows=0,
        private=why.private,
        orphans=orphans,
    )
