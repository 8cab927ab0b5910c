"""What a running PenhaS keeps in order by itself: retention, delayed jobs, feeds read lately, a worker's heartbeat."""

from random import Random
from time import time
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from lab.seed.jobs import RETENTION as JOBS_RETENTION
from lab.seed.jobs import arguments
from lab.seed.people import RETENTION as SESSIONS_RETENTION
from lab.seed.rhythm import DAY, HOUR
from lab.seed.window import at

_DELAYED = 6
_WORKER = {
    "jobs": 4, "spare": 1, "queues": ["default"], "performed": 512, "dequeue_timeout": 5, "repair_interval": 21600,
    "command_interval": 10, "heartbeat_interval": 300, "spare_min_priority": 1,
}  # fmt: skip


def upkeep(connection: Connection[Any], flavour: str, *, worker: bool) -> None:
    """Drop what retention drops and renew what must be recent; `worker`: a row stands for one, as none really runs."""
    now = time()
    if flavour == "guide":
        oldest = at(now - SESSIONS_RETENTION * DAY)
        connection.execute("DELETE FROM clientes_active_sessions WHERE created_at < %s", (oldest,))
    oldest = at(now - JOBS_RETENTION * DAY)
    connection.execute("DELETE FROM minion_jobs WHERE state = 'finished' AND finished < %s", (oldest,))
    connection.execute("UPDATE rss_feeds SET last_run = %s, next_tick = %s", (at(now - 120), at(now + 180)))
    _delayed(connection, now)
    connection.execute("DELETE FROM minion_workers")
    if worker:
        connection.execute(
            "INSERT INTO minion_workers (id, host, pid, started, notified, status)"
            " VALUES (1, 'minion1', 41, %s, %s, %s)",
            (at(now - 6 * HOUR), at(now), Jsonb(_WORKER)),
        )
        connection.execute("SELECT setval('minion_workers_id_seq', greatest(last_value, 1)) FROM minion_workers_id_seq")


def _delayed(connection: Connection[Any], now: float) -> None:
    """Hold a few jobs that may not run yet: they count as inactive, and must not count as ready.

    They are younger than any backup: one that is older, and not in it, would be something that the backup missed.
    """
    connection.execute("DELETE FROM minion_jobs WHERE state = 'inactive'")
    rng = Random("delayed")
    for _ in range(_DELAYED):
        client, age = rng.randint(1, 300), rng.uniform(HOUR / 6, 2 * HOUR)
        task = rng.choice(("delete_user", "new_notification", "send_sms"))
        connection.execute(
            "INSERT INTO minion_jobs (args, created, delayed, priority, task) VALUES (%s, %s, %s, 0, %s)",
            (Jsonb(arguments(task, client, rng)), at(now - age), at(now + rng.uniform(2, 20) * DAY), task),
        )
