"""Timeouts of roles: 0 is off, however it is written."""

import pytest

from checks.engine.readings.postgresql_settings import PostgresqlTimeouts
from tests.postgresql.conftest import PLAIN, Pair, Read

NAME = "postgresql_timeouts"


@pytest.mark.parametrize(
    ("value", "off"), [("0", True), ("0min", True), ("0 min", True), (" 0 ", True), ("10 min", False), ("5000", False)]
)
def test_a_timeout_of_nothing_is_none_with_a_unit_too(pair: Pair, read: Read, value: str, *, off: bool) -> None:
    pair.primary.execute((f"ALTER ROLE {PLAIN} SET idle_in_transaction_session_timeout = '{value}'",))
    try:
        found = read((NAME,)).outcomes[NAME]
    finally:
        pair.primary.execute((f"ALTER ROLE {PLAIN} RESET idle_in_transaction_session_timeout",))
    assert isinstance(found, PostgresqlTimeouts)
    assert (PLAIN in found.culprits) is off
