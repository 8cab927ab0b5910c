"""How long nobody reads a slot, as each version tells it, and what is made of that."""

import os
import time
from collections.abc import Iterator

import pytest

from checks.engine.model import State
from checks.engine.readings.postgresql_wal import PostgresqlSlots
from checks.monitoring import test_replication as replication
from tests.postgresql.conftest import Pair, Read
from tests.services.saying import says

NAME, SLOT = "postgresql_slots", "abandoned"


@pytest.fixture
def abandoned(pair: Pair) -> Iterator[Pair]:
    """A slot that nobody reads."""
    pair.primary.execute((f"SELECT pg_create_physical_replication_slot('{SLOT}', true)", "CHECKPOINT"))
    yield pair
    pair.primary.execute((f"SELECT pg_drop_replication_slot('{SLOT}')",))


def test_a_slot_without_a_reader_has_an_age_and_past_its_patience_it_is_critical(abandoned: Pair, read: Read) -> None:
    young = read((NAME,)).outcomes[NAME]
    assert isinstance(young, PostgresqlSlots)
    assert young.inactive_age is not None
    assert 0 <= young.inactive_age < 30
    assert says(replication.test_replication_slots, young)[0] is State.WARNING
    if abandoned.kind == "debian":  # from 17 on the server itself says since when
        state = abandoned.primary.folder / "pg_replslot" / SLOT / "state"
        then = time.time() - replication.SLOT_PATIENCE - 60
        os.utime(state, (then, then))
        found, text = says(replication.test_replication_slots, read((NAME,)).outcomes[NAME])
        assert found is State.CRITICAL
        assert "(for 11 min)" in text
