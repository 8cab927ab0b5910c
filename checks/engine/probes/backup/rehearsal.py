"""Rehearse the recovery of the operators' guide on the throw-away server: the swap of two databases by rename.

Called by `restored` with the verified copy. A stand-in for the live database is made with the source's own owner,
rights and settings (the manifest's, where there is one); a session is held on it, as the application's pool would.
"""

import time
from collections.abc import Iterator

import psycopg
from psycopg import sql

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup import database, structure
from checks.engine.probes.backup.copy import Copy
from checks.engine.probes.backup.scratch import SUPERUSER, Link, Server
from checks.engine.readings.restore import BackupRehearsed

# How long the server itself waits for other sessions to leave before it refuses a rename (CountOtherDBBackends).
PATIENCE = 5.0


def rehearse(copy: Copy) -> BackupRehearsed:
    """Swap the copy for a stand-in twice: as the guide says, which must fail, and in the way that works."""
    server, live = copy.server, copy.done.database
    owner = next((e.roles[0] for e in copy.held.entries if e.kind == "DATABASE" and e.roles), database.RESTORER)
    waiting, old = f"{live}_restore", f"{live}_old"
    statements = database.database_statements(server, copy.archive, copy.held.entries)
    with server.connect("postgres") as admin:
        _rename(admin, live, waiting)
        _own(admin, waiting, SUPERUSER)  # as createdb by an operator leaves it
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(live)))
        _mend(admin, live, owner, statements)
        before = _properties(server, live)
        if copy.newest.manifest is not None:
            before = structure.from_json(copy.newest.manifest.structure).of("database")
        with server.connect(live):
            refused, seconds = _as_the_guide_says(admin, live, old)
            began = time.monotonic()
            _swap(admin, live, old, waiting)
        swapped = time.monotonic() - began
        bare = _properties(server, live)
        _mend(admin, live, owner, statements)
    after = _properties(server, live)
    return BackupRehearsed(
        source=copy.newest.name,
        sampled_at=time.time(),
        database=live,
        refused_while_connected=refused,
        refused_seconds=seconds,
        swap_seconds=swapped,
        lost_by_swap=tuple(_lost(before, bare)),
        lost_after_mend=tuple(_lost(before, after)),
        properties_known=copy.newest.manifest is not None or any(e.kind == "DATABASE" for e in copy.held.entries),
        rows=_rows(server, live),
        table=_TABLE,
    )


_TABLE = "clientes"


def _rename(admin: Link, name: str, to: str) -> None:
    admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(to)))


def _own(admin: Link, name: str, owner: str) -> None:
    admin.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(name), sql.Identifier(owner)))


def _mend(admin: Link, live: str, owner: str, statements: tuple[str, ...]) -> None:
    """Give the database named `live` the owner and the properties that the backup holds of it."""
    _own(admin, live, owner)
    for statement in statements:
        try:
            admin.execute(statement.encode())
        except psycopg.Error as error:
            raise ProbeError(
                Reason.PROTOCOL, f"a property of the database {live} cannot be set again ({error.sqlstate})", ""
            ) from None


def _as_the_guide_says(admin: Link, live: str, old: str) -> tuple[bool, float]:
    began = time.monotonic()
    try:
        _rename(admin, live, old)
    except psycopg.errors.ObjectInUse:
        return True, time.monotonic() - began
    _rename(admin, old, live)
    return False, time.monotonic() - began


def _swap(admin: Link, live: str, old: str, waiting: str) -> None:
    """Close the live database to new sessions, end those it has, and rename both in one transaction: all or nothing."""
    closed = sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false")
    admin.execute(closed.format(sql.Identifier(live)))
    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [live])
    with admin.transaction():
        _rename(admin, live, old)
        _rename(admin, waiting, live)


def _properties(server: Server, name: str) -> dict[str, str]:
    with server.connect(name) as link:
        return structure.read(link).of("database")


def _lost(before: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name) and name not in structure.OF_THE_MACHINE:
            yield name


def _rows(server: Server, name: str) -> int:
    """Count as the guide does; a table of another name is not there and counts nothing."""
    with server.connect(name, database.RESTORER) as link:
        try:
            row = link.execute(sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(_TABLE))).fetchone()
        except psycopg.errors.UndefinedTable:
            return 0
    return int(row[0]) if row is not None else 0
