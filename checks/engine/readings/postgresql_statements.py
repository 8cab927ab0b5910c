"""Statement statistics: whether they are kept, which statements are slow, which are frequent; never their text."""

from checks.engine.model import Count, NotJudged, Ratio, Reading, Seconds
from checks.engine.readings import derived, reading
from checks.engine.records import dataclass

APART = (10.0, 7 * 86400.0)
WORST = 20


@reading("postgresql_statements_loaded", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlStatementsLoaded(Reading):
    """Whether pg_stat_statements is loaded by the server and installed in our database."""

    loaded: bool
    installed: bool


@reading("postgresql_statements_store", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlStatementsStore(Reading):
    """How full the statistics are, and how often entries were thrown away since they began (catalogue PG44)."""

    used_ratio: Ratio
    thrown_away: Count
    reset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlStatementsLost(Reading):
    """How often entries were thrown away between two samples."""

    thrown_away: Count


@derived("postgresql_statements_lost", base="postgresql_statements_store", apart=APART, type=PostgresqlStatementsLost)
def statements_lost(
    earlier: PostgresqlStatementsStore, later: PostgresqlStatementsStore
) -> PostgresqlStatementsLost | NotJudged:
    """Return how often entries were thrown away in the time between."""
    if later.reset != earlier.reset or later.thrown_away < earlier.thrown_away:
        return NotJudged("the statistics were reset since the last sample")
    return PostgresqlStatementsLost(
        thrown_away=later.thrown_away - earlier.thrown_away, source=later.source, sampled_at=later.sampled_at
    )


@reading("postgresql_statements", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlStatements(Reading):
    """Statements of the application's roles by queryid: the most frequent, and those with a slow call in their past.

    `slow` has `queryid calls milliseconds` of every statement of which a call once took long, for comparing.
    """

    frequent: tuple[str, ...]
    slow: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlSlowStatements(Reading):
    """The slowest statement by its mean between two samples; those before do not count for ever."""

    slowest: Seconds
    culprits: tuple[str, ...]


@derived("postgresql_slow_statements", base="postgresql_statements", apart=APART, type=PostgresqlSlowStatements)
def slow_statements(earlier: PostgresqlStatements, later: PostgresqlStatements) -> PostgresqlSlowStatements | NotJudged:
    """Return the means of the time between, the worst first."""
    before = {queryid: (calls, ms) for queryid, calls, ms in map(_parts, earlier.slow)}
    means = []
    for queryid, calls, ms in map(_parts, later.slow):
        old_calls, old_ms = before.get(queryid, (0, 0.0))
        if calls < old_calls or ms < old_ms:
            old_calls, old_ms = 0, 0.0  # that statement's statistics began anew
        if calls > old_calls:
            means.append(((ms - old_ms) / (calls - old_calls) / 1000, calls - old_calls, queryid))
    means.sort(reverse=True)
    return PostgresqlSlowStatements(
        slowest=means[0][0] if means else 0.0,
        culprits=tuple(f"queryid {q}: mean {mean * 1000:.0f} ms, {calls} calls" for mean, calls, q in means[:WORST]),
        source=later.source,
        sampled_at=later.sampled_at,
    )


def _parts(text: str) -> tuple[str, int, float]:
    queryid, calls, milliseconds = text.split(" ")
    return queryid, int(calls), float(milliseconds)
