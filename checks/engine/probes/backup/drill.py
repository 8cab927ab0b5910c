"""Break the copy on purpose, and see that the verification says so; called by `restored` after everything else.

A verifier that stopped seeing is worse than none. Another fault each night, put into the copy of tonight's backup; what
the same verification then finds must name it. The copy is thrown away afterwards in any case.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from psycopg import sql

from checks.engine.environment import models
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup import integrity
from checks.engine.probes.backup.copy import Copy
from checks.engine.probes.backup.progress import Phase
from checks.engine.probes.backup.scratch import Link
from checks.engine.probes.backup.sql_read import split_name
from checks.engine.probes.backup.verify import verify
from checks.engine.readings.restore import BackupDrill

# A table whose rows nothing points to: a row of it can go, and nothing else changes.
_LEAF = """
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint f WHERE f.confrelid = c.oid)
   AND c.reltuples > 0 ORDER BY c.reltuples LIMIT 1
"""
_KEY = """
SELECT n.nspname, c.relname, f.conname FROM pg_catalog.pg_constraint f
  JOIN pg_catalog.pg_class c ON c.oid = f.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE f.contype = 'f' AND f.conparentid = 0 ORDER BY 1, 2, 3 LIMIT 1
"""
_INDEX = """
SELECT n.nspname, i.relname FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace
 WHERE NOT x.indisprimary AND n.nspname !~ '^pg_'
   AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint c WHERE c.conindid = i.oid) ORDER BY 1, 2 LIMIT 1
"""
_POLICY = """
SELECT n.nspname, c.relname, p.polname FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY 1, 2, 3 LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break a copy: `make` returns the name of what it broke, or "" where there is nothing of the kind."""

    name: str
    make: Callable[[Link, Copy], str]
    aspects: tuple[str, ...]


def _no_rows(link: Link, _copy: Copy) -> str:
    return _each(link, _LEAF, "TRUNCATE {0}.{1}")


def _no_key(link: Link, _copy: Copy) -> str:
    return _each(link, _KEY, "ALTER TABLE {0}.{1} DROP CONSTRAINT {2}")


def _no_index(link: Link, _copy: Copy) -> str:
    return _each(link, _INDEX, "DROP INDEX {0}.{1}")


def _no_policy(link: Link, _copy: Copy) -> str:
    return _each(link, _POLICY, "DROP POLICY {2} ON {0}.{1}")


def _behind(link: Link, _copy: Copy) -> str:
    """Set a sequence back to its start, which the column that it feeds has passed."""
    for sequence, _, is_behind in integrity.fed_columns(link):
        link.execute("SELECT pg_catalog.setval(%s::regclass, 1, false)", [sequence])
        row = link.execute(is_behind.encode()).fetchone()
        if row is not None and row[0]:
            return split_name(sequence)[1]
    return ""


def _each(link: Link, find: str, act: str) -> str:
    row = link.execute(find.encode()).fetchone()
    if row is None:
        return ""
    link.execute(sql.SQL(act).format(*(sql.Identifier(str(part)) for part in row)))
    return str(row[-1])


FAULTS = (
    Fault("the rows of a table are gone", _no_rows, ("rows",)),
    Fault("a foreign key is gone", _no_key, ("listed", "structure")),
    Fault("an index is gone", _no_index, ("listed", "structure")),
    Fault("a policy is gone", _no_policy, ("listed", "security")),
    Fault("a sequence stands at its start", _behind, ("sequences",)),
)


def drill(declared: models.Restore, day: int, copy: Copy) -> BackupDrill:
    """Break the copy in the way of that day, verify it again, and return what the verification says of it."""
    before = {(aspect.name, finding) for aspect in copy.seen.aspects for finding in aspect.findings}
    fault, broken = _made(day, copy)
    Phase("drill")
    seen = verify(copy.server, copy.done.database, copy.held.entries, copy.source, hands=declared.jobs)
    new = [
        finding
        for aspect in seen.aspects
        if aspect.name in fault.aspects
        for finding in aspect.findings
        if (aspect.name, finding) not in before and broken in finding
    ]
    return BackupDrill(
        source=copy.newest.name,
        sampled_at=time.time(),
        backup=copy.newest.name,
        fault=fault.name,
        broken=broken,
        seen=tuple(new),
    )


def _made(day: int, copy: Copy) -> tuple[Fault, str]:
    """Put the day's fault into the copy, or the next one that this database can have."""
    with copy.server.connect(copy.done.database) as link:
        for number in range(len(FAULTS)):
            fault = FAULTS[(day + number) % len(FAULTS)]
            broken = fault.make(link, copy)
            if broken != "":
                return fault, broken
    raise ProbeError(Reason.NO_DATA, "the copy has nothing that could be broken", "")
