"""Prove the restored copy against itself and its own table of contents, with or without a manifest.

Called by `verify`, which shares the statements out to a few connections. Nothing here returns a row's content: only
counts, yes or no, and names.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from checks.engine.probes.backup.archive import TocEntry
from checks.engine.probes.backup.scratch import Link
from checks.engine.probes.backup.structure import Sequence, Structure
from checks.engine.readings.restore import Aspect

_HERE = Path(__file__).parent
AMCHECK = "penhas_checks_scratch_amcheck"
OUT_OF_RESOURCES = "53"  # the class of SQLSTATE
Finding = str | None
Statement = Callable[[Link], Finding]

_INDEXES = """
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.oid FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_am a ON a.oid = c.relam JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence = 'p' AND i.indisready AND i.indisvalid
   AND n.nspname !~ '^pg_' ORDER BY c.relpages DESC, 1
"""
_AMCHECK = """
SELECT n.nspname, e.extversion::text::numeric >= 1.4 FROM pg_catalog.pg_extension e
  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'amcheck'
"""
_TEXTS = """
SELECT pg_catalog.format('%I.%I.%I', n.nspname, c.relname, a.attname),
       pg_catalog.format(
           'SELECT count(pg_catalog.convert_from(pg_catalog.convert_to(%I::text, ''SQL_ASCII''), ''UTF8'')) FROM %I.%I',
           a.attname, n.nspname, c.relname)
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'm')
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
 WHERE t.typcategory = 'S' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1
"""


def references(link: Link) -> list[Statement]:
    """Return one statement a foreign key: no row points to a row that does not exist."""
    return [_dangling(f"{table} ({name})", text) for table, name, _, text in _rows(link, "references.sql")]


def large_objects(link: Link) -> list[Statement]:
    """Return one statement a column of large objects: each that it names is there."""
    return [_dangling(f"{column} (large objects)", text) for column, text in _rows(link, "large_objects.sql")]


def _dangling(what: str, text: str) -> Statement:
    def run(link: Link) -> Finding:
        missing = _one(link, text)
        return f"{what}: {missing} rows point to something that does not exist" if missing else None

    return _asked(what, run)


def _asked(what: str, statement: Statement) -> Statement:
    """Make of a statement that the copy refuses a finding: one broken thing must not hide all others."""

    def run(link: Link) -> Finding:
        try:
            return statement(link)
        except psycopg.Error as error:
            if link.closed or (error.sqlstate or "").startswith(OUT_OF_RESOURCES):
                raise  # the server has ended, or this machine is full: that says nothing of the copy
            return f"{what}: the copy refuses to be asked ({error.sqlstate})"

    return run


def fed_columns(link: Link) -> list[tuple[str, ...]]:
    """Return sequence, the column that it feeds, and the statement that says whether it is behind."""
    return _rows(link, "sequences.sql")


def sequences(link: Link) -> list[Statement]:
    """Return one statement a fed column: the next value of its sequence is a new one."""
    return [_behind(sequence, column, text) for sequence, column, text in fed_columns(link)]


def _behind(sequence: str, column: str, text: str) -> Statement:
    def run(link: Link) -> Finding:
        behind = _one(link, text)
        return f"{sequence} is behind {column}: the next row inserted meets a key that exists" if behind else None

    return _asked(sequence, run)


def indexes(superuser: Link) -> tuple[str, list[Statement]]:
    """Return one statement a B-tree index, by amcheck; or why that extension cannot be had.

    Where it knows checkunique (PostgreSQL 17 and later) duplicates under a unique index are found too. That all rows
    are in an index need not be asked of one that was built from them a minute ago. `tidy` takes amcheck away again.
    """
    found = superuser.execute(_AMCHECK).fetchone()
    if found is None:
        superuser.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(AMCHECK)))
        try:
            superuser.execute(sql.SQL("CREATE EXTENSION amcheck SCHEMA {}").format(sql.Identifier(AMCHECK)))
        except (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile):
            return "the extension amcheck is not installed on this machine", []
        found = superuser.execute(_AMCHECK).fetchone()
    assert found is not None  # noqa: S101 (it is there by now)
    schema, unique = str(found[0]), bool(found[1])
    check = sql.SQL("SELECT {}.bt_index_check({}::regclass, heapallindexed => false{})")
    more = sql.SQL(", checkunique => true" if unique else "")
    return "", [
        _sound(str(name), check.format(sql.Identifier(schema), sql.Literal(int(oid)), more))
        for name, oid in superuser.execute(_INDEXES).fetchall()
    ]


def tidy(superuser: Link) -> None:
    """Leave the copy as it was restored."""
    superuser.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(AMCHECK)))


def _sound(name: str, statement: sql.Composed) -> Statement:
    def run(link: Link) -> Finding:
        try:
            link.execute(statement)
        except (psycopg.errors.IndexCorrupted, psycopg.errors.DataCorrupted) as error:
            return f"{name} does not agree with its table ({error.sqlstate})"
        return None

    return run


def texts(link: Link, copy: Structure) -> tuple[str, list[Statement]]:
    """Return one statement a column of text where the database's encoding lets any bytes in: they are UTF-8.

    In every other encoding the restore itself has proved it.
    """
    if copy.of("database").get("encoding") != "SQL_ASCII":
        return "", []
    return "SQL_ASCII", [_valid(str(column), str(text)) for column, text in link.execute(_TEXTS).fetchall()]


def _valid(column: str, text: str) -> Statement:
    def run(link: Link) -> Finding:
        try:
            link.execute(text.encode())
        except psycopg.errors.CharacterNotInRepertoire:
            return f"{column} holds bytes that are no UTF-8 text: a dump of the copy would not restore"
        return None

    return _asked(column, run)


def listed(entries: tuple[TocEntry, ...], copy: Structure) -> Aspect:
    """Everything that the archive's table of contents lists is in the copy."""
    there = {kind: {name.replace('"', "") for name in copy.of(kind)} for kind in set(_KINDS.values())}
    indexes = {(name.split(".", 1)[0], name.rsplit(" ", 1)[-1]) for name in there["index"]}
    due = [entry for entry in entries if entry.kind in _KINDS]
    missing = [entry for entry in due if not _is_there(entry, there, indexes)]
    told = tuple(
        f"{entry.kind.lower()} {entry.schema}.{entry.name} is in the backup and not in the copy" for entry in missing
    )
    return Aspect("listed", "its table of contents", len(due), told)


_KINDS = {
    "TABLE": "relation",
    "VIEW": "relation",
    "MATERIALIZED VIEW": "relation",
    "SEQUENCE": "relation",
    "FOREIGN TABLE": "relation",
    "INDEX": "index",
    "CONSTRAINT": "constraint",
    "FK CONSTRAINT": "constraint",
    "CHECK CONSTRAINT": "constraint",
    "TRIGGER": "trigger",
    "POLICY": "policy",
    "ROW SECURITY": "row security",
    "TYPE": "type",
    "DOMAIN": "type",
}


def _is_there(entry: TocEntry, there: dict[str, set[str]], indexes: set[tuple[str, str]]) -> bool:
    kind = _KINDS[entry.kind]
    if kind == "index":
        return (entry.schema, entry.name) in indexes
    # Base types and shell types are not told apart in the list; only what structure.sql reads is looked for.
    return f"{entry.schema}.{entry.name}" in there[kind] or (kind == "type" and not there["type"])


def guarded(copy: Structure) -> Aspect:
    """Every table with row security has a policy: without one it shows nothing to anybody but its owner."""
    tables = copy.of("row security")
    with_policy = {name.split(" ", 1)[0] for name in copy.of("policy")}
    bare = tuple(f"{table} has row security and no policy" for table in sorted(tables) if table not in with_policy)
    return Aspect("policies", "row security", len(tables), bare)


def filled(copy: Structure) -> Aspect:
    """Every materialised view can be queried."""
    views = copy.of("filled view")
    empty = tuple(f"materialized view {name} was never filled" for name in sorted(views) if views[name] == "empty")
    return Aspect("filled", "being filled", len(views), empty)


def validated(copy: Structure) -> Aspect:
    """Every constraint holds for all rows, not for new ones only."""
    constraints = copy.of("constraint")
    loose = tuple(
        f"constraint {name} was never validated" for name in sorted(constraints) if ", not valid" in constraints[name]
    )
    return Aspect("validated", "being validated", len(constraints), loose)


def not_behind(then: dict[str, Sequence], now: dict[str, Sequence]) -> Iterator[str]:
    """Say which sequences stand before where the manifest saw them; later is well, for they are not in the snapshot."""
    for name in sorted(then):
        if name not in now:
            yield f"sequence {name} is missing in the copy"
        elif (now[name].last, now[name].is_called) < (then[name].last, then[name].is_called):
            yield f"sequence {name} stands at {now[name].last}, the manifest says {then[name].last}"


def _rows(link: Link, file: str) -> list[tuple[str, ...]]:
    return link.execute((_HERE / file).read_bytes()).fetchall()


def _one(link: Link, text: str) -> object:
    row = link.execute(text.encode()).fetchone()
    return row[0] if row is not None else None
