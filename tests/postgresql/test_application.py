"""What the application does and is: its statements, whoever it logs in as, and the version of its schema."""

from collections.abc import Iterator

import pytest

from checks.engine.model import State
from checks.engine.readings.postgresql_schema import PostgresqlMigrations, PostgresqlSequences
from checks.engine.readings.postgresql_statements import (
    PostgresqlSlowStatements,
    PostgresqlStatements,
    slow_statements,
)
from checks.health.test_postgresql import test_postgresql_migrations as the_check
from tests.postgresql.conftest import PLAIN, SUPERUSER, Pair, Read
from tests.services.saying import says

STATEMENTS = "postgresql_statements"


@pytest.mark.parametrize("role", [PLAIN, SUPERUSER])
def test_a_slow_statement_of_any_role_is_judged(pair: Pair, read: Read, role: str) -> None:
    before = read((STATEMENTS,)).outcomes[STATEMENTS]
    with pair.primary.connect(role) as application:
        for _ in range(10):
            application.execute("SELECT pg_sleep(0.06), 'the application'")
    now = read((STATEMENTS,)).outcomes[STATEMENTS]
    assert isinstance(before, PostgresqlStatements)
    assert isinstance(now, PostgresqlStatements)
    found = slow_statements(before, now)
    assert isinstance(found, PostgresqlSlowStatements)
    assert 0.06 <= found.slowest < 1
    assert found.culprits[0].endswith(" 10 calls")
    assert ("of a superuser" in found.culprits[0]) is (role == SUPERUSER)


MIGRATIONS = "postgresql_migrations"
# As sqitch makes it, less what nothing here reads.
_SQITCH = (
    "CREATE SCHEMA sqitch",
    "CREATE TABLE sqitch.changes (change text NOT NULL, project text NOT NULL, committed_at timestamptz NOT NULL)",
    "INSERT INTO sqitch.changes VALUES ('0019-older', 'penhas', now() - interval '2 d')",
    "INSERT INTO sqitch.changes VALUES ('0020-circulopenhas', 'penhas', now() - interval '1 d')",
    "INSERT INTO sqitch.changes VALUES ('0003-other', 'another', now())",
)


@pytest.fixture
def sqitch(pair: Pair) -> Iterator[None]:
    """Sqitch's table of two projects, the application's not being the one that changed last."""
    pair.primary.execute(_SQITCH)
    yield
    pair.primary.execute(("DROP SCHEMA sqitch CASCADE",))


@pytest.mark.usefixtures("sqitch")
@pytest.mark.parametrize(
    ("expected", "state"),
    [("0020-circulopenhas", State.OK), ("0019-older", State.CRITICAL), ("0021-newer", State.CRITICAL)],
)
def test_the_last_change_of_each_project_of_sqitch_is_its_version(read: Read, expected: str, state: State) -> None:
    found = read((MIGRATIONS,), migrations={"sqitch": expected}).outcomes[MIGRATIONS]
    assert isinstance(found, PostgresqlMigrations)
    assert {text for text in found.applied if text.startswith("sqitch")} == {
        "sqitch 0003-other",
        "sqitch 0020-circulopenhas",
    }
    assert says(the_check, found)[0] is state


def test_a_tool_that_left_no_version_is_unknown(pair: Pair, read: Read) -> None:
    with pair.primary.connect() as session:
        rows = session.execute("DELETE FROM mojo_migrations RETURNING name, version").fetchall()
    try:
        found = read((MIGRATIONS,)).outcomes[MIGRATIONS]
    finally:
        with pair.primary.connect() as session:
            for row in rows:
                session.execute("INSERT INTO mojo_migrations VALUES (%s, %s)", row)
    assert says(the_check, found)[0] is State.UNKNOWN


def test_columns_that_end_before_their_sequence_are_named_in_one_line(pair: Pair, read: Read) -> None:
    pair.primary.execute(
        (
            "CREATE SEQUENCE wide_seq",
            "CREATE TABLE thin (id integer PRIMARY KEY DEFAULT nextval('wide_seq'))",
            "ALTER SEQUENCE wide_seq OWNED BY thin.id",
        )
    )
    found = read(("postgresql_sequences",)).outcomes["postgresql_sequences"]
    pair.primary.execute(("DROP TABLE thin",))
    assert isinstance(found, PostgresqlSequences)
    (line,) = (text for text in found.culprits if text.startswith("end before their sequence: "))
    assert "thin.id" in line
    assert line.count(",") == found.narrow - 1
