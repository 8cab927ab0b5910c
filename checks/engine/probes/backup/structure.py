"""Everything of a database that is not a row, read the same way from the source and from the restored copy.

Called by `take_backup` in the dump's snapshot and by `proof` on the copy: what differs was lost on the way. Knows two
databases only by what `read` returned of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from pydantic import JsonValue, TypeAdapter

_STATEMENT = Path(__file__).with_name("structure.sql")
_SEQUENCES = (
    "SELECT pg_catalog.quote_ident(schemaname) || '.' || pg_catalog.quote_ident(sequencename), schemaname, sequencename"
    " FROM pg_catalog.pg_sequences WHERE schemaname !~ '^pg_'"
    " AND pg_catalog.has_sequence_privilege(pg_catalog.format('%I.%I', schemaname, sequencename), 'SELECT')"
    # A replica has nothing of an unlogged table, and its sequence cannot be read there.
    " AND NOT (pg_catalog.pg_is_in_recovery() AND EXISTS (SELECT FROM pg_catalog.pg_class c"
    " WHERE c.relpersistence = 'u' AND c.oid = pg_catalog.format('%I.%I', schemaname, sequencename)::regclass))"
)
# What the kind "database" says that a machine may lack; the rest of it (owner, grants, settings) is lost by a rename.
OF_THE_MACHINE = ("encoding", "collation", "character type", "collation version")


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence: the value that it gives next is `last`, or `last` + its increment once it `is_called`."""

    last: int
    is_called: bool


@dataclass(frozen=True, slots=True)
class Structure:
    """What a database holds besides rows: by kind, the names and what is said of each; and the sequences by name."""

    major: int
    things: dict[str, dict[str, str]]
    sequences: dict[str, Sequence]
    large_objects: int

    def of(self, kind: str) -> dict[str, str]:
        """Return the things of a kind by name."""
        return self.things.get(kind, {})


_ADAPTER = TypeAdapter(Structure)


def read(link: "psycopg.Connection[Any]") -> Structure:
    """Read the structure of the database of this connection, in its transaction where it is in one.

    Leaves the connection's search_path empty (for the transaction only, where it is in one).
    """
    within = link.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    link.execute("SET LOCAL search_path = ''" if within else "SET search_path = ''")
    things: dict[str, dict[str, str]] = {}
    for kind, name, value in link.execute(_STATEMENT.read_text("utf-8").encode()):
        things.setdefault(str(kind), {})[str(name)] = str(value)
    row = link.execute("SELECT count(*) FROM pg_catalog.pg_largeobject_metadata").fetchone()
    large = int(row[0]) if row is not None else 0
    return Structure(link.info.server_version // 10000, things, dict(_sequences(link)), large)


def _sequences(link: "psycopg.Connection[Any]") -> Iterator[tuple[str, Sequence]]:
    found = link.execute(_SEQUENCES).fetchall()
    if found:
        each = (
            sql.SQL("SELECT {}, last_value, is_called FROM {}").format(name, sql.Identifier(schema, relation))
            for name, schema, relation in found
        )
        for name, last, called in link.execute(sql.SQL(" UNION ALL ").join(each)):
            yield str(name), Sequence(int(last), bool(called))


def to_json(structure: Structure) -> JsonValue:
    """Return what a manifest holds of it."""
    value: JsonValue = _ADAPTER.dump_python(structure, mode="json")
    return value


def from_json(value: JsonValue) -> Structure:
    """Return the structure that a manifest holds; raise ValueError when it is not one."""
    return _ADAPTER.validate_python(value)


def lost(source: Structure, copy: Structure, kind: str) -> Iterator[str]:
    """Say what of a kind is missing in the copy, is only there, or is not the same; one sentence a thing.

    Across major versions only names are compared: definitions are not always written the same way.
    """
    then, now = source.of(kind), copy.of(kind)
    for name in sorted(then.keys() - now.keys()):
        yield f"{kind} {name} is missing in the copy"
    for name in sorted(now.keys() - then.keys()):
        yield f"{kind} {name} is in the copy only"
    if source.major == copy.major:
        for name in sorted(then.keys() & now.keys()):
            if then[name] != now[name]:
                yield f"{kind} {name} is not the same in the copy"
