"""Which statements are seen: those of whoever the application logs in as, from the first millisecond on."""

import pytest

from checks.engine.readings.postgresql_statements import (
    PostgresqlSlowStatements,
    PostgresqlStatements,
    slow_statements,
)
from tests.postgresql.conftest import PLAIN, SUPERUSER, Pair, Read

NAME = "postgresql_statements"


@pytest.mark.parametrize("role", [PLAIN, SUPERUSER])
def test_a_slow_statement_of_any_role_is_judged(pair: Pair, read: Read, role: str) -> None:
    before = read((NAME,)).outcomes[NAME]
    with pair.primary.connect(role) as application:
        for _ in range(10):
            application.execute("SELECT pg_sleep(0.06), 'the application'")
    now = read((NAME,)).outcomes[NAME]
    assert isinstance(before, PostgresqlStatements)
    assert isinstance(now, PostgresqlStatements)
    found = slow_statements(before, now)
    assert isinstance(found, PostgresqlSlowStatements)
    assert 0.06 <= found.slowest < 1
    assert found.culprits[0].endswith(" 10 calls")
    assert ("of a superuser" in found.culprits[0]) is (role == SUPERUSER)
