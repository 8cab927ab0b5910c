"""A standby that has just come back is on its way, and no outage."""

import pytest

from checks.engine.model import State
from checks.engine.readings.postgresql import PostgresqlStandbys, Standby
from checks.monitoring import test_replication as replication
from tests.services.saying import says


@pytest.mark.parametrize(
    ("standbys", "expected", "state"),
    [
        ((("a", "catchup", 1.0),), 1, State.WARNING),
        ((("a", "catchup", 1.0),), 0, State.WARNING),
        ((("a", "catchup", 301.0),), 1, State.CRITICAL),
        ((("a", "streaming", 900.0), ("b", "catchup", 1.0)), 2, State.WARNING),
        ((("a", "streaming", 900.0), ("b", "catchup", 1.0)), 3, State.CRITICAL),
        ((("a", "streaming", 900.0), ("b", "catchup", 301.0)), 2, State.CRITICAL),
        ((("a", "streaming", 900.0), ("b", "streaming", 1.0)), 2, State.OK),
    ],
)
def test_young_catch_up_is_a_warning(standbys: tuple[tuple[str, str, float], ...], expected: int, state: State) -> None:
    found = tuple(Standby(name, word, 0, 0.0, 0.0, attached) for name, word, attached in standbys)
    reading = PostgresqlStandbys(standbys=found, current_lsn=1, expected=expected, source="s", sampled_at=0.0)
    assert says(replication.test_replication_standby_streaming, reading)[0] is state
