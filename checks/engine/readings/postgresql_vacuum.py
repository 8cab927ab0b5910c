"""Vacuum and analyse: wraparound, autovacuum, what waits to be vacuumed, and bloat."""

from checks.engine.model import Bytes, Count, Ratio, Reading, Seconds
from checks.engine.readings import reading
from checks.engine.records import dataclass


@reading("postgresql_wraparound", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlWraparound(Reading):
    """How near the oldest database is to the number at which the server refuses writes (catalogue PG12, PG13).

    `forced_ratio` compares the oldest table with the age at which autovacuum must freeze it, whatever it costs.
    """

    transactions_ratio: Ratio
    multixacts_ratio: Ratio
    forced_ratio: Ratio
    culprits: tuple[str, ...]


@reading("postgresql_autovacuum", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlAutovacuum(Reading):
    """Whether autovacuum runs, how many of its workers work, and tables that it was turned off for (PG14).

    `saturated` are the seconds for which all workers have been at work, `at_work` is what on, in our database.
    """

    enabled: bool
    launcher: bool
    running: Count
    most: Count
    tables_off: Count
    culprits: tuple[str, ...]
    saturated: Seconds = 0.0
    at_work: tuple[str, ...] = ()


@reading("postgresql_dead_rows", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlDeadRows(Reading):
    """The table furthest past the number at which autovacuum takes it up (PG15, PG16), as shares of that number.

    Tables with fewer than 10,000 such rows do not count: a small table is at any moment past its number.
    """

    dead_ratio: Ratio
    inserted_ratio: Ratio
    modified_ratio: Ratio
    culprits: tuple[str, ...]


@reading("postgresql_vacuumed", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlVacuumed(Reading):
    """The guide's tables: how many changed and were never vacuumed or analysed, and the longest that is ago for others.

    One that did not change since need not be: it counts as 0.
    """

    tables: Count
    never: Count
    longest: Seconds
    culprits: tuple[str, ...]


@reading("postgresql_bloat", service="postgresql", kinds=("primary",), deadline=60.0)
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlBloat(Reading):
    """The most space that one table wastes, measured only where the estimate is bad and the table not too large.

    `not_known` tables are too large to be left out in silence and have no statistics to estimate by: they are named.
    """

    wasted: Bytes
    measured: Count
    not_known: Count
    culprits: tuple[str, ...]


@reading("postgresql_index_bloat", service="postgresql", kinds=("primary",), deadline=60.0)
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlIndexBloat(Reading):
    """The most space that one B-tree wastes: its estimate, and where that is bad the density of its leaves.

    One too large to be read is judged by its estimate; `not_known` are those that there is no estimate of.
    """

    wasted: Bytes
    measured: Count
    not_known: Count
    culprits: tuple[str, ...]
