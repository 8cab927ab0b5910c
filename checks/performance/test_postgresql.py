"""Statement statistics: whether they are kept, and which statements the application sends most; by queryid only."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.postgresql_statements import PostgresqlStatements, PostgresqlStatementsLoaded


@pytest.mark.guide("performance.pg-stat-statements")
@pytest.mark.profiles("nightly", "triage")
def test_statements_collected(postgresql_statements_loaded: PostgresqlStatementsLoaded, judged: Judge) -> None:
    """The server keeps statistics of statements, and our database shows them."""
    if not postgresql_statements_loaded.loaded:
        judged.warning("pg_stat_statements is not in shared_preload_libraries: add it and restart")
    if postgresql_statements_loaded.turned_off != "":
        judged.warning(f"no statement is counted, because of {postgresql_statements_loaded.turned_off}")
    if not postgresql_statements_loaded.installed:
        judged.warning("the extension is not in this database: CREATE EXTENSION pg_stat_statements")
    judged.ok("statistics of statements are kept")


@pytest.mark.guide("performance.frequent-queries")
@pytest.mark.profiles("nightly", "triage")
def test_statements_frequent(postgresql_statements: PostgresqlStatements, judged: Judge) -> None:
    """The twenty most frequent statements are listed."""
    if postgresql_statements.frequent == ():
        judged.not_judged("the application has sent no statement since the statistics began")
    judged.ok(f"{len(postgresql_statements.frequent)} statements listed by calls", postgresql_statements.frequent)
