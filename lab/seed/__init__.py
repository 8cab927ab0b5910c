"""The lab's data: schema, history, sessions, media and backups, all with marked personal data and secrets.

Called by the lab when it comes up: `seed` once for a template, `refresh` each time. Rows are a function of absolute
time (see `rhythm`), so a template is made fresh by writing the hours since, and two seeds of one moment are equal.
"""

from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

import psycopg
from psycopg import sql

from lab.marked import MARKERS
from lab.seed import dumps, history
from lab.seed.rhythm import DAY, HOUR
from lab.seed.sessions import session_prefix, sessions
from lab.seed.store import S3Settings, media_url, put_media
from lab.seed.upkeep import upkeep

__all__ = ["MARKERS", "S3Settings", "refresh", "schema_sql", "seed", "session_prefix"]

BACKUP_DAYS = 7
BACKUP_AGE = 3 * HOUR

_SCHEMA = Path(__file__).parent / "schema"
_SUPERUSERS_EXTENSIONS = ("pg_stat_statements", "amcheck")


def schema_sql(flavour: str) -> str:
    """Return the statements that make the application's and Minion's tables of a flavour, `guide` or `public`."""
    names = ("application.sql", "minion.sql") + (("guide.sql",) if flavour == "guide" else ())
    return "\n".join((_SCHEMA / name).read_text(encoding="utf-8") for name in names)


def seed(
    dsn: str,
    redis_url: str,
    s3: S3Settings,
    flavour: str,
    pg_bin: Path | None = None,
    *,
    when_made: Callable[[], None] = lambda: None,
) -> None:
    """Fill an empty database, Redis and the media bucket; with `pg_bin` also the backup bucket.

    `when_made` is called when the tables are there and before anything is dumped: for roles, grants and views.

    The dumps are taken on the way: history is written up to each day's backup, dumped, and written on, so that each
    dump holds what stood in the database at the time it bears.
    """
    now = time()
    with _connect(dsn) as connection:
        with connection.transaction():
            connection.execute(schema_sql(flavour).encode())
            history.begin(connection, now)
        when_made()
        if pg_bin is not None:
            taken = (now - BACKUP_AGE) // HOUR * HOUR
            dumper = dumps.Dumper(pg_bin, dsn, s3)
            for day in reversed(range(BACKUP_DAYS)):
                _extend(connection, s3, flavour, until=taken - day * DAY, now=now)
                dumper.dump(taken - day * DAY)
        _extend(connection, s3, flavour, until=now, now=now)
        upkeep(connection, flavour, worker=True)
        connection.execute("VACUUM (ANALYZE)")
    sessions(redis_url, flavour)


def refresh(dsn: str, redis_url: str, s3: S3Settings, flavour: str, *, worker: bool = True) -> None:
    """Bring a seeded lab up to now: history, sessions, delayed jobs, heartbeat."""
    now = time()
    with _connect(dsn) as connection:
        _extend(connection, s3, flavour, until=now, now=now)
        upkeep(connection, flavour, worker=worker)
    sessions(redis_url, flavour)


def _extend(connection: psycopg.Connection[Any], s3: S3Settings, flavour: str, *, until: float, now: float) -> None:
    """Write history, and the media objects before the rows that name them are there for others to see."""
    with connection.transaction():
        place = history.Place(flavour, media_url(s3), s3.access_key)
        media = history.extend(connection, place, until, now)
        if media:
            put_media(s3, media)


def _connect(dsn: str) -> psycopg.Connection[Any]:
    """Connect as the database's owner, whose the tables are to be; a superuser first makes what only it may."""
    connection = psycopg.connect(dsn, autocommit=True, connect_timeout=5, options="-c timezone=UTC")
    row = connection.execute(
        "SELECT rolsuper, pg_get_userbyid(datdba) FROM pg_roles, pg_database"
        " WHERE rolname = current_user AND datname = current_database()"
    ).fetchone()
    if row is not None and row[0]:
        for extension in _SUPERUSERS_EXTENSIONS:
            connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))
        connection.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(sql.Identifier(row[1])))
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(row[1])))
    return connection
