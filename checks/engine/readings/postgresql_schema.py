"""The schema: indexes, constraints, sequences, extensions, collations, and the version it was migrated to."""

from checks.engine.model import Count, Ratio, Reading, Seconds
from checks.engine.readings import reading
from checks.engine.records import dataclass


@reading("postgresql_indexes", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlIndexes(Reading):
    """Indexes that cost writes and serve no query, builds in progress left out (catalogue PG29)."""

    invalid: Count
    culprits: tuple[str, ...]


@reading("postgresql_duplicates", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlDuplicates(Reading):
    """Groups of indexes that are equal in everything but their names (catalogue PG31)."""

    groups: Count
    culprits: tuple[str, ...]


@reading("postgresql_unused_indexes", service="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlUnusedIndexes(Reading):
    """Indexes that no query of this server used since its statistics began (catalogue PG30), unique ones left out."""

    indexes: Count
    culprits: tuple[str, ...]


@reading("postgresql_foreign_keys", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlForeignKeys(Reading):
    """Foreign keys without an index: each delete on the other side reads the whole table (catalogue PG32)."""

    unindexed: Count
    culprits: tuple[str, ...]


@reading("postgresql_constraints", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlConstraints(Reading):
    """Constraints that were never validated, and triggers that were turned off (catalogue PG37)."""

    findings: Count
    culprits: tuple[str, ...]


@reading("postgresql_sequences", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlSequences(Reading):
    """The sequence nearest to its end, or to that of the column that it fills (catalogue PG33)."""

    used_ratio: Ratio
    narrow: Count
    culprits: tuple[str, ...]


@reading("postgresql_sequences_behind", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlSequencesBehind(Reading):
    """Sequences that will hand out a number that is taken (catalogue PG35).

    Of `uncompared` columns nobody says it: no index begins with them, or they are no numbers; they are named.
    """

    behind: Count
    culprits: tuple[str, ...]
    uncompared: Count = 0


@reading("postgresql_extensions", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlExtensions(Reading):
    """Extensions whose installed version is not the one that the server brings (catalogue PG38)."""

    outdated: Count
    culprits: tuple[str, ...]


@reading("postgresql_collations", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlCollations(Reading):
    """Databases and collations that were made by another version of the system's rules (catalogue PG39)."""

    mismatched: Count
    culprits: tuple[str, ...]


@reading("postgresql_migrations", service="postgresql", kinds=("primary",), requires=("postgresql.migrations",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlMigrations(Reading):
    """`tool version` of each migration tool that left its table, and what the environment file expects of them."""

    applied: tuple[str, ...]
    expected: tuple[str, ...] = ()


@reading("postgresql_sessions_table", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlSessionsTable(Reading):
    """The application's sessions: `present` is false without the table, `dated` without its column created_at."""

    present: bool
    dated: bool
    rows: Count
    expired: Count
    oldest: Seconds | None
