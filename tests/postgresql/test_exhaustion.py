"""Connections that are used up: whose they are while there are some, and what can still be told when there are none."""

import pytest

from checks.engine.model import State
from checks.engine.readings.postgresql import PostgresqlConnection, PostgresqlConnections
from checks.health import test_postgresql as health
from lab.postgresql import DATABASE
from tests.postgresql.conftest import PLAIN, Pair, Read
from tests.services.saying import Said, Saying

CONNECTION, CONNECTIONS = "postgresql_connection", "postgresql_connections"


def test_who_holds_the_connections_is_named(pair: Pair, read: Read) -> None:
    with pair.primary.connect(PLAIN), pair.primary.connect(PLAIN):
        found = read((CONNECTIONS,)).outcomes[CONNECTIONS]
    assert isinstance(found, PostgresqlConnections)
    assert f"2 of {PLAIN} (lab, idle)" in found.culprits


def test_the_limit_of_our_own_database_is_told_from_that_of_the_server(pair: Pair, read: Read) -> None:
    pair.primary.execute((f"ALTER DATABASE {DATABASE} CONNECTION LIMIT 0",))
    try:
        found = read((CONNECTION,)).outcomes[CONNECTION]
    finally:
        pair.primary.execute((f"ALTER DATABASE {DATABASE} CONNECTION LIMIT -1",))
    assert isinstance(found, PostgresqlConnection)
    assert not found.reachable
    assert found.problem == "connections exhausted: the limit of this database is reached (53300)"


class Remembering(Saying):
    """A judge with an earlier run."""

    def last(self, name: str, within: float = 0.0) -> PostgresqlConnections:  # type: ignore[override]  # noqa: ARG002
        """Return what was read an hour ago."""
        assert name == CONNECTIONS
        return PostgresqlConnections(
            used=91, usable=97, used_ratio=0.94, active=1, idle=90, idle_in_transaction=0, source="s", sampled_at=0.0
        )


def test_of_a_server_without_connections_the_last_run_tells() -> None:
    found = PostgresqlConnection(
        reachable=False, problem="connections exhausted (53300)", sqlstate="53300", source="login", sampled_at=3600.0
    )
    with pytest.raises(Said) as said:
        health.test_postgresql_connection(found, Remembering())  # type: ignore[arg-type]
    assert said.value.state is State.CRITICAL
    assert said.value.text == "connections exhausted (53300); 60 min ago 91 of 97 were used"
