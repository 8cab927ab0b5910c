"""The statement of the Minion job queue, which the PostgreSQL probe sends over the primary's connection."""

from checks.engine.model import Reading
from checks.engine.probes.statements import GRANTS, Row, Stamp, Statement
from checks.engine.readings.minion import MinionQueue


def _queue(rows: tuple[Row, ...], stamp: Stamp) -> Reading:
    row = rows[0]
    return MinionQueue(
        ready=row.integer("ready"),
        oldest_ready=row.real("oldest_ready"),
        inactive=row.integer("inactive"),
        delayed=row.integer("delayed"),
        active=row.integer("active"),
        failed=row.integer("failed"),
        workers=row.integer("workers"),
        source=stamp.source,
        sampled_at=stamp.sampled_at,
    )


QUEUE = Statement("minion_queue", _queue, GRANTS)
