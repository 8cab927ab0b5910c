"""How long a recovery takes: measured by phase, and told for a database as large as the live one; called by `restored`.

What was rehearsed is as large as the database was when the backup was taken (the manifest says so; without one, as the
copy is, which has no bloat and so makes the estimate the longer one). A live database that has grown since takes
longer by the same ratio to fetch and to load, and by n log n to index, which sorts. ANALYZE reads a sample of the same
size of every table and is not scaled, and nothing is ever told to be shorter than it was measured.
"""

import math
import time

from checks.engine.model import NotJudged, ProbeError, Reason
from checks.engine.probes import Context
from checks.engine.probes.backup import live_rows
from checks.engine.probes.backup.copy import Copy
from checks.engine.readings.restore import BackupRecoveryTime


def recovery_time(context: Context, copy: Copy) -> BackupRecoveryTime | NotJudged:
    """Return the time by phase; making the throw-away server and proving are ours: nobody waits for them."""
    if copy.tier == "rows":
        return NotJudged("without indexes and constraints nobody knows how long a recovery takes (tier rows)")
    rows = sum(table.rows for table in copy.seen.tables)
    if copy.done.errors or rows == 0:
        raise ProbeError(Reason.NO_DATA, "the backup did not come back whole: how long that takes is not known", "")
    took = {phase.name: phase.seconds for phase in copy.phases}
    rehearsed, live = _rehearsed(copy), _live(context)
    ratio = 1.0 if live is None or rehearsed == 0 else max(1.0, live / rehearsed)
    fetch, loaded = took["fetch"] * ratio, took["rows"] * ratio
    indexes = took["indexes"] * sorting(ratio, rows)
    return BackupRecoveryTime(
        source=copy.newest.name,
        sampled_at=time.time(),
        backup=copy.newest.name,
        seconds=fetch + loaded + indexes + took["statistics"],
        measured=took["fetch"] + took["rows"] + took["indexes"] + took["statistics"],
        fetch=fetch,
        rows=loaded,
        indexes=indexes,
        statistics=took["statistics"],
        rehearsed_bytes=rehearsed,
        live_bytes=live,
    )


def sorting(ratio: float, rows: int) -> float:
    """Return by how much longer it takes to sort `ratio` times as many as `rows`: n log n."""
    return ratio * (1 + math.log(ratio) / math.log(max(2, rows)))


def _rehearsed(copy: Copy) -> int:
    if copy.newest.manifest is not None:
        return copy.newest.manifest.database_bytes
    with copy.server.connect(copy.done.database) as link:
        row = link.execute("SELECT pg_catalog.pg_database_size(pg_catalog.current_database())").fetchone()
    return 0 if row is None else int(row[0])


def _live(context: Context) -> int | None:
    try:
        return live_rows.size(context)
    except ProbeError:
        return None  # the time is then that of what was rehearsed, and no live size stands beside it
