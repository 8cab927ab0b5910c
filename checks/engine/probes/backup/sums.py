"""Count and sum the rows of every table, the same way in the dump's snapshot and in the restored copy.

`sum(hash_record_extended(row, seed))` is independent of the order of rows and of the session's settings, counts
duplicates, and cannot be turned back into a row without the seed. What has no such hash (json, xml, point), whose
equality hides a change (citext, a collation that ignores case), or whose hash is that of an object id (enum) is summed
as text.
"""

from dataclasses import dataclass

import psycopg
from psycopg import sql

from checks.engine.probes.backup.manifest import TableSum

# Text forms must not depend on a session; row_security off makes a filtered read an error instead of a smaller number.
SETTINGS = (
    "SET LOCAL TimeZone TO 'UTC'; SET LOCAL DateStyle TO 'ISO, YMD'; SET LOCAL IntervalStyle TO 'postgres'; "
    "SET LOCAL bytea_output TO 'hex'; SET LOCAL extra_float_digits TO 1; SET LOCAL xmloption TO content; "
    "SET LOCAL row_security TO off; SET LOCAL search_path TO ''; SET LOCAL statement_timeout TO 0"
)

_TABLES = r"""
WITH RECURSIVE told_by_text(oid) AS (
    -- Equality hides a change of citext; an enum's value and a reg* type's are object ids, which a restore gives anew.
    SELECT oid FROM pg_type
     WHERE typname = 'citext' OR typtype = 'e'
        OR typnamespace = 'pg_catalog'::regnamespace AND typname ~ '^_?reg[a-z]+$'
    UNION
    SELECT t.oid FROM told_by_text b JOIN pg_type t
        ON t.typbasetype = b.oid OR t.typelem = b.oid AND t.typlen = -1
        OR EXISTS (SELECT 1 FROM pg_range r WHERE r.rngtypid = t.oid AND r.rngsubtype = b.oid)
        OR EXISTS (SELECT 1 FROM pg_attribute a
                    WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND a.atttypid = b.oid)
)
SELECT format('%I.%I', n.nspname, c.relname), n.nspname, c.relname, a.attname,
       format_type(a.atttypid, NULL),
       coalesce(NOT o.collisdeterministic, false) OR a.atttypid IN (SELECT oid FROM told_by_text),
       a.atttypid = 'timestamptz'::regtype
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_collation o ON o.oid = a.attcollation
 WHERE c.relkind = 'r'
   AND c.relpersistence = 'p'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
   AND NOT EXISTS (SELECT 1 FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname, a.attnum
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its type, whether its hash says too little or too much of its value, and whether it is a moment."""

    name: str
    type: str
    blurred: bool
    moment: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows count; `name` is quoted as SQL wants it."""

    name: str
    schema: str
    relation: str
    columns: tuple[Column, ...]


def tables(connection: "psycopg.Connection[tuple[object, ...]]") -> tuple[Table, ...]:
    """Return the tables of the database in order of name: leaves of partitions, no unlogged and no extension's own.

    No materialised views: a restore refreshes them, and their rows need not be those of the last refresh.
    """
    found: dict[str, tuple[str, str, list[Column]]] = {}
    for row in connection.execute(_TABLES).fetchall():
        name, schema, relation, column, kind, blurred, moment = row
        _, _, columns = found.setdefault(str(name), (str(schema), str(relation), []))
        if column is not None:
            columns.append(Column(str(column), str(kind), bool(blurred), bool(moment)))
    return tuple(Table(name, s, r, tuple(columns)) for name, (s, r, columns) in found.items())


def unhashable(connection: "psycopg.Connection[tuple[object, ...]]", of: tuple[Table, ...]) -> frozenset[str]:
    """Return the column types for which this server has no extended hash; asked of the server, type by type."""
    types = {column.type for table in of for column in table.columns}
    found = set()
    for kind in sorted(types):
        try:
            with connection.transaction():  # a savepoint: an error must not end the snapshot
                connection.execute(sql.SQL("SELECT hash_record_extended(ROW(NULL::{}), 0)").format(sql.SQL(kind)))
        except psycopg.errors.UndefinedFunction:
            found.add(kind)
    return frozenset(found)


_RECORD = "hash_record_extended({}, %(seed)s)"


def statement(table: Table, without_hash: frozenset[str], *, summed: bool = True) -> sql.Composed:
    """Return the statement that counts and sums a table, and finds its newest times; its one parameter is the seed.

    Not `summed` it has none and only counts, which is some ten times as fast.
    """
    odd = [column for column in table.columns if column.blurred or column.type in without_hash]
    hashed: sql.Composable = sql.SQL("hash_record_extended(the_row, %(seed)s)")
    if odd:
        row = sql.SQL("ROW({})").format(sql.SQL(", ").join(_part(c, c in odd) for c in table.columns))
        # PostgreSQL 13 hashes no rows at all; and what is text throughout may as well be hashed as one.
        form = "hashtextextended({}::text, %(seed)s)" if len(odd) == len(table.columns) else _RECORD
        hashed = sql.SQL(form).format(row)
    moments = [
        sql.SQL(
            "extract(epoch FROM max(the_row.{0}) FILTER (WHERE the_row.{0} <= now() AND isfinite(the_row.{0})))::float8"
        ).format(sql.Identifier(column.name))
        for column in table.columns
        if column.moment
    ]
    return sql.SQL("SELECT {} FROM ONLY {} AS the_row").format(
        sql.SQL(", ").join(
            [
                sql.SQL("count(*)"),
                sql.SQL("coalesce(sum({}), 0)::text").format(hashed) if summed else sql.SQL("NULL"),
                *moments,
            ]
        ),
        sql.Identifier(table.schema, table.relation),
    )


def _part(column: Column, as_text: bool) -> sql.Composed:
    if as_text:
        return sql.SQL('the_row.{}::text COLLATE "C"').format(sql.Identifier(column.name))
    return sql.SQL("the_row.{}").format(sql.Identifier(column.name))


def take(
    connection: "psycopg.Connection[tuple[object, ...]]", table: Table, without_hash: frozenset[str], seed: int | None
) -> TableSum:
    """Return count, sum (None without a seed) and newest times of one table; the transaction must hold SETTINGS."""
    row = connection.execute(statement(table, without_hash, summed=seed is not None), {"seed": seed}).fetchone()
    assert row is not None  # noqa: S101 (an aggregate always answers one row)
    names = [column.name for column in table.columns if column.moment]
    newest = tuple((name, float(str(at))) for name, at in zip(names, row[2:], strict=True) if at is not None)
    return TableSum(table.name, int(str(row[0])), None if row[1] is None else str(row[1]), newest)


LARGE_OBJECTS = (
    "SELECT count(*), coalesce(sum(hash_record_extended(ROW(m.oid, md5(lo_get(m.oid))), %(seed)s)), 0)::text "
    "FROM pg_largeobject_metadata m"
)
