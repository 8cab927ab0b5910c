"""How much would be lost if the newest backup had to be used now; called by `restored` with the verified copy.

A backup that was taken an hour ago from a replica that had stood still for a day loses a day: what counts is the newest
row in the copy, beside the newest that the live database had when the backup was taken. A quiet night is no loss.
"""

import time

from psycopg import sql

from checks.engine.model import ProbeError, Reason
from checks.engine.probes import Context
from checks.engine.probes.backup import live_rows
from checks.engine.probes.backup.copy import Copy
from checks.engine.probes.backup.database import RESTORER
from checks.engine.probes.backup.live_rows import LiveNewest
from checks.engine.probes.backup.sql_read import split_name
from checks.engine.readings.restore import BackupRecoveryPoint

# A row stamped before the dump may have been committed after it: the longest transaction that is allowed for.
MARGIN = 300.0


def recovery_point(context: Context, copy: Copy) -> BackupRecoveryPoint:
    """Return what the copy lacks of what was there when it was taken; raise ProbeError when nobody can tell."""
    taken = copy.newest.taken_at
    if taken is None:
        raise ProbeError(Reason.NO_DATA, "nothing in the backup says when it was taken", "")
    told = _told(context, copy, taken)
    behind, by = max(told)
    now = time.time()
    return BackupRecoveryPoint(
        source=copy.newest.name,
        sampled_at=now,
        backup=copy.newest.name,
        seconds=max(0.0, now - taken) + behind,
        behind=behind,
        told_by=by,
    )


def _told(context: Context, copy: Copy, taken: float) -> list[tuple[float, str]]:
    told: list[tuple[float, str]] = []
    manifest = copy.newest.manifest
    if manifest is not None and manifest.in_recovery and manifest.last_replay_at is not None:
        told.append((max(0.0, manifest.snapshot_at - manifest.last_replay_at), "the manifest, taken on a replica"))
    why = "the live server has no table that stamps its rows"
    try:
        before = taken - MARGIN
        live = live_rows.newest(context, before)
        found = behind(_newest(copy, stamped(live), before), live)
        if found is not None:
            told.append(found)
    except ProbeError as error:
        why = error.why
    if manifest is not None and not manifest.in_recovery and not told:
        told.append((0.0, "the manifest, taken on a server that is no replica"))
    if not told:
        raise ProbeError(Reason.NO_DATA, f"whether the backup was current when it was taken cannot be told: {why}", "")
    return told


def stamped(live: LiveNewest) -> list[tuple[str, str]]:
    """Return the columns that say when a row was made: those named created_…, else all that the database stamps.

    Others with DEFAULT now() may be set to a time to come (valid_from), which says nothing of when it was written.
    """
    named = [key for key in live.newest if key[1].startswith(("created", "criado"))]
    return named or list(live.newest)


def _newest(copy: Copy, columns: list[tuple[str, str]], before: float) -> dict[tuple[str, str], float]:
    """Return what the copy holds in those columns, up to the same moment as the live server was asked for."""
    there = copy.seen.structure.of("column")
    found: dict[tuple[str, str], float] = {}
    with copy.server.connect(copy.done.database, RESTORER) as link:
        link.execute("SET row_security = off")
        for table, column in columns:
            if f"{table}.{column}" in there:
                statement = sql.SQL(
                    "SELECT extract(epoch FROM max({0}))::float8 FROM {1} WHERE {0} < to_timestamp({2})"
                )
                relation = sql.Identifier(*split_name(table))
                row = link.execute(statement.format(sql.Identifier(column), relation, before)).fetchone()
                if row is not None and row[0] is not None:
                    found[table, column] = float(row[0])
    return found


def behind(copied: dict[tuple[str, str], float], live: LiveNewest) -> tuple[float, str] | None:
    """Return by how many seconds the newest row of the copy is older than the newest live row of that time."""
    there = [live.newest[key] for key in copied if key in live.newest]
    return (max(0.0, max(there) - max(copied.values())), live.server) if there else None
