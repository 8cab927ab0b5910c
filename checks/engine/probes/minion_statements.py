"""The statements of the Minion job queue, which the PostgreSQL probe sends over the primary's connection."""

from checks.engine.model import Reading
from checks.engine.probes.statements import GRANTS, Row, Stamp, Statement
from checks.engine.readings.minion import MinionActive


def _active(rows: tuple[Row, ...], stamp: Stamp) -> Reading:
    row = rows[0]
    return MinionActive(
        longest=tuple((str(job["task"]), float(job["seconds"])) for job in row.tables("longest")),
        limits=(),
        orphans=row.integer("orphans"),
        orphaned=row.real("orphaned"),
        source=stamp.source,
        sampled_at=stamp.sampled_at,
    )


MINION = (
    Statement("minion_queue", grant=GRANTS),
    Statement("minion_workers", grant=GRANTS),
    Statement("minion_backlog", grant=GRANTS),
    Statement("minion_failures", grant=GRANTS),
    Statement("minion_active", _active, GRANTS),
    Statement("minion_upkeep", grant=GRANTS),
)
