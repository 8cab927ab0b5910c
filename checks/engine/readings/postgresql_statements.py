"""Statement statistics: whether they are kept, which statements are slow, which are frequent; never their text."""

from checks.engine.model import Count, NotJudged, Ratio, Reading, Seconds
from checks.engine.readings import derived, reading
from checks.engine.records import dataclass

APART = (10.0, 7 * 86400.0)
WORST = 20
SUPERUSER_CALLS = 10  # between two samples, from which a superuser's statement is taken for the application's
COMPARABLE_CALLS = 20  # from which a mean says something
SLOWER, NOTICED = 3.0, 0.05  # times the mean before; seconds


@reading("postgresql_statements_loaded", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlStatementsLoaded(Reading):
    """Whether pg_stat_statements is loaded by the server and installed in our database, and what turns it off."""

    loaded: bool
    installed: bool
    turned_off: str = ""


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
    """Statements by queryid: the most frequent, and those with the longest calls.

    `longest` has `queryid calls milliseconds` of each, and ` superuser` where one ran it, for comparing.
    """

    frequent: tuple[str, ...]
    longest: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlSlowStatements(Reading):
    """The slowest statement by its mean between two samples; those before do not count for ever.

    Of superusers it is one called ten times at least: a dump or the build of an index is no statement of the
    application, and fewer calls are counted in `left_out`. `slower` statements take three times what they took before.
    """

    slowest: Seconds
    slower: Count
    left_out: Count
    culprits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Mean:
    """What one statement did between two samples; `before` is its mean until then, None where too few calls tell."""

    seconds: Seconds
    calls: int
    queryid: str
    superuser: bool
    before: Seconds | None

    @property
    def counts(self) -> bool:
        """Whether it is one of the application."""
        return not self.superuser or self.calls >= SUPERUSER_CALLS

    @property
    def slower(self) -> bool:
        """Whether it takes three times as long as before, and long enough to be noticed."""
        enough = self.before is not None and self.calls >= COMPARABLE_CALLS and self.seconds >= NOTICED
        return enough and self.seconds > SLOWER * (self.before or 0.0)

    def __str__(self) -> str:
        was = f", {(self.before or 0.0) * 1000:.0f} ms before" if self.slower else ""
        whose = " of a superuser" if self.superuser else ""
        return f"queryid {self.queryid}{whose}: mean {self.seconds * 1000:.0f} ms{was}, {self.calls} calls"


@derived("postgresql_slow_statements", base="postgresql_statements", apart=APART, type=PostgresqlSlowStatements)
def slow_statements(earlier: PostgresqlStatements, later: PostgresqlStatements) -> PostgresqlSlowStatements | NotJudged:
    """Return the means of the time between, the worst first, then what became slower; none without calls."""
    before = dict(map(_parts, earlier.longest))
    every = [_mean(key, now, before.get(key, (0, 0.0))) for key, now in map(_parts, later.longest)]
    called = [mean for mean in every if mean.calls > 0]
    if called == []:
        return NotJudged("no statement of the application was counted since the last sample")
    means = sorted((mean for mean in called if mean.counts), key=lambda mean: mean.seconds, reverse=True)
    slower = [mean for mean in means if mean.slower]
    shown = dict.fromkeys(map(str, (*means[:WORST], *slower[:WORST])))
    return PostgresqlSlowStatements(
        slowest=means[0].seconds if means else 0.0,
        slower=len(slower),
        left_out=len(called) - len(means),
        culprits=tuple(shown),
        source=later.source,
        sampled_at=later.sampled_at,
    )


def _mean(key: tuple[str, bool], now: tuple[int, float], before: tuple[int, float]) -> _Mean:
    if now[0] < before[0] or now[1] < before[1]:
        before = (0, 0.0)  # that statement's statistics began anew
    calls, ms = now[0] - before[0], now[1] - before[1]
    known = before[1] / before[0] / 1000 if before[0] >= COMPARABLE_CALLS else None
    return _Mean(ms / calls / 1000 if calls > 0 else 0.0, calls, *key, known)


def _parts(text: str) -> tuple[tuple[str, bool], tuple[int, float]]:
    queryid, calls, milliseconds, *superuser = text.split(" ")
    return (queryid, superuser != []), (int(calls), float(milliseconds))
