"""The statements of PostgreSQL: a .sql file a reading, with variants by server version, and what becomes of its rows.

To add one: `sql/<reading>.sql` (psql can run it; its header names source, scope and versions), `sql/<reading>.pg17.sql`
where version 17 and later need another text, and an entry in STATEMENTS.
"""

import functools
import json
import re
import typing
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from psycopg import pq
from psycopg.pq.abc import PGresult

from checks.engine.model import NotJudged, ProbeError, Reading, Reason
from checks.engine.readings import READINGS
from checks.engine.records import dataclass

SQL = Path(__file__).parent / "sql"
PG_MONITOR = "GRANT pg_monitor TO {role}; ALTER ROLE {role} INHERIT;"
GRANTS = "Run checks/environments/grants/postgresql.sql in the application's database."


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where and when the rows came from: what every reading carries; `within` so many seconds of that, either way."""

    source: str
    sampled_at: float
    within: float = 0.0


class Row:
    """One row by column name; a NULL where a value is due raises ProbeError and never becomes 0."""

    __slots__ = ("_columns", "_values")

    def __init__(self, columns: dict[str, int], values: tuple[bytes | None, ...]) -> None:
        self._columns = columns
        self._values = values

    def maybe_text(self, column: str) -> str | None:
        """Return the value as text, None where it is NULL."""
        value = self._values[self._columns[column]]
        return None if value is None else value.decode("utf-8", "replace")

    def maybe_real(self, column: str) -> float | None:
        """Return the value as a number, None where it is NULL."""
        value = self.maybe_text(column)
        return None if value is None else float(value)

    def maybe_integer(self, column: str) -> int | None:
        """Return the value as a whole number, None where it is NULL."""
        value = self.maybe_text(column)
        return None if value is None else int(value)

    def text(self, column: str) -> str:
        """Return the value as text."""
        return self._due(column, self.maybe_text(column))

    def real(self, column: str) -> float:
        """Return the value as a number."""
        return float(self._due(column, self.maybe_text(column)))

    def integer(self, column: str) -> int:
        """Return the value as a whole number."""
        return int(self._due(column, self.maybe_text(column)))

    def flag(self, column: str) -> bool:
        """Return the value as a truth value."""
        return self._due(column, self.maybe_text(column)) == "t"

    def texts(self, column: str) -> tuple[str, ...]:
        """Return the texts of a JSON array; NULL, which json_agg gives for no rows, is none."""
        value = self.maybe_text(column)
        return () if value is None else tuple(str(item) for item in json.loads(value))

    def tables(self, column: str) -> tuple[dict[str, typing.Any], ...]:
        """Return the objects of a JSON array; NULL is none."""
        value = self.maybe_text(column)
        return () if value is None else tuple(json.loads(value))

    def has(self, column: str) -> bool:
        """Whether there is such a column."""
        return column in self._columns

    def hidden(self) -> int:
        """Return how many rows our role could not see, from the column `hidden` (a count or a flag)."""
        value = self.text("hidden")
        return int(value == "t") if value in {"t", "f"} else int(value)

    def _due(self, column: str, value: str | None) -> str:
        if value is None:
            raise ProbeError(Reason.NO_DATA, f"the server gave no value for {column}", "See what our role may read.")
        return value


Build = Callable[[tuple[Row, ...], Stamp], Reading | NotJudged]


def plainly(name: str) -> Build:
    """Return what makes the reading `name` of one row whose columns are called as its fields are.

    A column `not_judged` that is not NULL says why there is nothing to judge, `untold` why it cannot be told, `mend`
    what then; a tuple of text is a JSON array.
    """
    cls = READINGS[name].type
    hints = typing.get_type_hints(cls)
    own = [field.name for field in fields(cls) if field.name not in {"source", "sampled_at"}]

    def build(rows: tuple[Row, ...], stamp: Stamp) -> Reading | NotJudged:
        row = rows[0]
        unknown = row.maybe_text("untold") if row.has("untold") else None
        if unknown is not None:
            raise ProbeError(Reason.NO_DATA, unknown, row.text("mend"))
        why = row.maybe_text("not_judged") if row.has("not_judged") else None
        if why is not None:
            return NotJudged(why)
        # A field that the statement does not give is one that the settings give.
        values = {field: _BY_TYPE[hints[field]](row, field) for field in own if row.has(field)}
        return cls(**values, source=stamp.source, sampled_at=stamp.sampled_at)

    return build


_BY_TYPE: dict[typing.Any, Callable[[Row, str], typing.Any]] = {
    int: Row.integer,
    float: Row.real,
    bool: Row.flag,
    str: Row.text,
    int | None: Row.maybe_integer,
    float | None: Row.maybe_real,
    str | None: Row.maybe_text,
    tuple[str, ...]: Row.texts,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One reading's statement: what its rows become, and what to grant where it is denied.

    `hides` is what the column `hidden` counts; a `heavy` one is sent last, so that no other waits for it.
    """

    reading: str
    build: Build | None = None
    grant: str = PG_MONITOR
    hides: tuple[str, str] = ("session", "sessions")
    heavy: bool = False

    def text(self, version: int) -> str:
        """Return the SQL for a server of this version number."""
        return _load(self.reading, version // 10000)[0]

    def stamp(self, version: int, sampled_at: float, within: float = 0.0) -> Stamp:
        """Return source and time for this statement's reading."""
        return Stamp(_load(self.reading, version // 10000)[1], sampled_at, within)

    def reading_of(self, result: PGresult, stamp: Stamp, role: str) -> Reading | NotJudged:
        """Return the reading; raises ProbeError where the rows do not hold it, or hide some from our role."""
        rows = rows_of(result)
        if not rows:
            raise ProbeError(Reason.NO_DATA, "the server gave no row where one is due")
        if rows[0].has("hidden"):
            hidden = sum(row.hidden() for row in rows)
            if hidden > 0:
                why = f"our role may not see {hidden} {self.hides[0] if hidden == 1 else self.hides[1]}"
                raise ProbeError(Reason.DENIED, why, self.grant.format(role=role))
        try:
            return (self.build or plainly(self.reading))(rows, stamp)
        except ValueError:
            raise ProbeError(Reason.PROTOCOL, "the server gave text where a number is due") from None


def rows_of(result: PGresult) -> tuple[Row, ...]:
    """Return the rows of a result."""
    width = range(result.nfields)
    columns = {(result.fname(i) or b"").decode(): i for i in width}
    return tuple(Row(columns, tuple(result.get_value(r, i) for i in width)) for r in range(result.ntuples))


def text_of(name: str, version: int) -> str:
    """Return the SQL called `name` for a server of this version number."""
    return _load(name, version // 10000)[0]


def is_lock_timeout(result: PGresult) -> bool:
    """Whether the server gave a statement up because it waited too long for a lock."""
    return result.error_field(pq.DiagnosticField.SQLSTATE) == b"55P03"


@functools.cache
def _load(reading: str, major: int) -> tuple[str, str]:
    variants = [(0, SQL / f"{reading}.sql")]
    for path in SQL.glob(f"{reading}.pg*.sql"):
        since = re.fullmatch(rf"{re.escape(reading)}\.pg(\d+)\.sql", path.name)
        if since is not None:
            variants.append((int(since.group(1)), path))
    text = max(v for v in variants if v[0] <= major)[1].read_text(encoding="utf-8")
    source = re.search(r"^-- source: (.+)$", text, re.MULTILINE)
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return "\n".join(lines).rstrip().rstrip(";"), source.group(1) if source is not None else reading


def refusal(result: PGresult, text: str, grant: str, role: str) -> ProbeError:
    """Return why the server refused a statement, from its SQLSTATE and the place in our own text that it points at."""
    sqlstate = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    name = _pointed_at(result, text)
    if sqlstate == "42501":
        return ProbeError(Reason.DENIED, "our role may not read it (42501)", grant.format(role=role))
    if sqlstate in {"42P01", "42703", "42883", "3F000"}:
        mend = GRANTS if grant == GRANTS else "See the versions that this statement is for."
        if name.startswith("pg_stat_statements"):
            mend = _IN_ANOTHER_SCHEMA.format(role=role)
        return ProbeError(Reason.UNSUPPORTED, f"the server has no {name or 'such relation'} ({sqlstate})", mend)
    reason, why = _REFUSALS.get(sqlstate, (Reason.PROTOCOL, "the server refused the statement"))
    return ProbeError(reason, f"{why} ({sqlstate})" if sqlstate != "" else why)


_IN_ANOTHER_SCHEMA = (
    "CREATE EXTENSION pg_stat_statements in our database; where it is in a schema of its own: "
    "ALTER ROLE {role} SET search_path TO public, and that schema."
)
_REFUSALS = {
    "57014": (Reason.GIVEN_UP, "the statement took longer than its timeout"),
    "55P03": (Reason.TIMEOUT, "another session holds a lock that it needs"),
    "25P03": (Reason.TIMEOUT, "the server ended our transaction, which had waited too long"),
    "0A000": (Reason.UNSUPPORTED, "this server cannot answer it, as on a replica an unlogged table"),
    "55000": (Reason.UNSUPPORTED, "this server is not in the state for it"),
    "25006": (Reason.PROTOCOL, "the statement writes, which our sessions may not"),
    "22P02": (Reason.PROTOCOL, "a value there is not of the kind that is due"),
    "53100": (Reason.NO_DATA, "the server's disk is full"),
    "53200": (Reason.NO_DATA, "the server is out of memory"),
    "53400": (Reason.NO_DATA, "the server's own limit on temporary files is reached"),
    "58030": (Reason.NO_DATA, "the server could not read its files"),
    "XX001": (Reason.NO_DATA, "the server found corrupt data"),
    "XX002": (Reason.NO_DATA, "the server found a corrupt index"),
}


def _pointed_at(result: PGresult, text: str) -> str:
    position = result.error_field(pq.DiagnosticField.STATEMENT_POSITION)
    if position is None or not position.isdigit():
        return ""
    name = re.match(r"[\w.]+", text[int(position) - 1 :])
    return name.group(0) if name is not None else ""
