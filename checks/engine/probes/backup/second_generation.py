"""Dump the copy and restore that dump: a backup that can be restored once only is found; called by `restored`.

Bytes that are no text, or a function that only works with the search_path of the first restore, come back once and
never again. It takes as long as the first time, so it is done on one day of the week.
"""

import time

from checks.engine.environment import models
from checks.engine.model import NotJudged, ProbeError, Reason
from checks.engine.probes import Context
from checks.engine.probes.backup import child, restore, structure
from checks.engine.probes.backup.copy import Copy
from checks.engine.probes.backup.database import RESTORER
from checks.engine.probes.backup.progress import Phase
from checks.engine.probes.backup.proof import KINDS, Source
from checks.engine.probes.backup.verify import verify
from checks.engine.readings.restore import BackupSecondGeneration

HOURS = 3 * 3600.0


def not_due(declared: models.Restore) -> NotJudged | None:
    """Return why it is not done today, or None."""
    if declared.second_generation in {"always", time.strftime("%a").lower()}:
        return None
    return NotJudged(
        f"the copy is dumped and restored once more on another day ([restore] {declared.second_generation})"
    )


def second_generation(context: Context, declared: models.Restore, copy: Copy) -> BackupSecondGeneration | NotJudged:
    """Return what differs between the copy and the copy's own dump restored."""
    if copy.tier == "rows":
        return NotJudged("without indexes and constraints a second restore proves little (tier rows)")
    if not copy.seen.tables:
        raise ProbeError(Reason.NO_DATA, "the copy has no table, so nothing could come back twice", "")
    began = time.monotonic()
    name = f"{copy.done.database}_second"
    path = copy.folder.fetched / "second"
    refused = _dump(context, copy, path)
    if refused != "":
        return _found(copy, (refused,), 0, began)
    Phase("second generation")
    held = restore.contents(path)
    done = restore.restore(copy.server, path, held, database=name, seconds=context.remaining(HOURS), jobs=declared.jobs)
    seen = verify(copy.server, name, held.entries, Source(None, None, copy.source.seed, "", 0.0), hands=declared.jobs)
    kinds = [kind for kinds in KINDS.values() for kind in kinds]
    lost = [line for kind in kinds for line in structure.lost(copy.seen.structure, seen.structure, kind)]
    then = {table.name: (table.rows, table.sum) for table in copy.seen.tables}
    now = {table.name: (table.rows, table.sum) for table in seen.tables}
    views = copy.seen.structure.of("filled view")
    rows = [f"{table} is not the same after the second restore" for table in then if now.get(table) != then[table]]
    errors = [f"{error}" for error in done.errors]
    kept = [line for line in rows if not any(line.startswith(view + " ") for view in views)]
    return _found(copy, (*errors, *lost, *kept), len(then), began)


def _dump(context: Context, copy: Copy, path: object) -> str:
    """Dump the copy as the plain role; return why that is refused, or ""."""
    ended = child.run(
        (
            *child.gentle(copy.folder.nice),
            copy.server.binaries["pg_dump"],
            *copy.server.arguments(copy.done.database, RESTORER),
            "--format=custom",
            "--compress=1",
            f"--file={path}",
        ),
        context.remaining(HOURS),
        folder=copy.folder.path,
    )
    if ended.timed_out or ended.code < 0:
        raise ProbeError(Reason.TIMEOUT, "the copy was not dumped in time", "")
    return "" if ended.code == 0 else f"the copy cannot be dumped (pg_dump ended with exit code {ended.code})"


def _found(copy: Copy, findings: tuple[str, ...], tables: int, began: float) -> BackupSecondGeneration:
    return BackupSecondGeneration(
        source=copy.newest.name,
        sampled_at=time.time(),
        backup=copy.newest.name,
        findings=findings,
        tables=tables,
        seconds=time.monotonic() - began,
    )
