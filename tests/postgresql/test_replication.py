"""Replication: how long nobody reads a slot, how long a stream is silent, and a standby on its way back."""

import os
import time
from collections.abc import Iterator

import pytest

from checks.engine.model import State
from checks.engine.readings.postgresql import PostgresqlStandbys, Standby
from checks.engine.readings.postgresql_replication import PostgresqlReceived, PostgresqlSent
from checks.engine.readings.postgresql_wal import PostgresqlSlots
from checks.monitoring import test_replication as replication
from lab.postgresql import CHECKS
from tests.postgresql.conftest import PRIMARY, REPLICA, Pair, Read
from tests.services.saying import says

SLOTS, SLOT, ARCHIVER = "postgresql_slots", "abandoned", "postgresql_archiver"


@pytest.fixture
def abandoned(pair: Pair) -> Iterator[Pair]:
    """A slot that nobody reads."""
    pair.primary.execute((f"SELECT pg_create_physical_replication_slot('{SLOT}', true)", "CHECKPOINT"))
    yield pair
    pair.primary.execute((f"SELECT pg_drop_replication_slot('{SLOT}')",))


def test_a_slot_without_a_reader_has_an_age_and_past_its_patience_it_is_critical(abandoned: Pair, read: Read) -> None:
    young = read((SLOTS,)).outcomes[SLOTS]
    assert isinstance(young, PostgresqlSlots)
    assert says(replication.test_replication_slots, young)[0] is State.WARNING
    assert (young.inactive_age is None) is (abandoned.major < 15)
    assert young.inactive_age is None or 0 <= young.inactive_age < 30
    if abandoned.major in {15, 16}:  # from 17 on the server itself says since when
        state = abandoned.primary.folder / "pg_replslot" / SLOT / "state"
        then = time.time() - replication.SLOT_PATIENCE - 60
        os.utime(state, (then, then))
        found, text = says(replication.test_replication_slots, read((SLOTS,)).outcomes[SLOTS])
        assert found is State.CRITICAL
        assert "(for 11 min)" in text


def test_a_segment_that_waits_for_no_command_at_all_is_a_failure(pair: Pair, read: Read) -> None:
    for command, state in (("", State.WARNING), ("true", State.OK)):
        pair.primary.execute((f"ALTER SYSTEM SET archive_command = '{command}'", "SELECT pg_reload_conf()"))
        pair.primary.execute(("SELECT pg_logical_emit_message(false, 'p', 'x')", "SELECT pg_switch_wal()"))
        until = time.monotonic() + 5
        while says(replication.test_wal_archiving, read((ARCHIVER,)).outcomes[ARCHIVER])[0] is not state:
            assert time.monotonic() < until, command
            time.sleep(0.05)
    pair.primary.execute(("ALTER SYSTEM RESET archive_command", "SELECT pg_reload_conf()"))


@pytest.mark.parametrize(("timeout", "seconds"), [("1min", 60), ("10min", 600), ("0", 0)])
def test_silence_is_a_share_of_the_servers_own_timeout(pair: Pair, read: Read, timeout: str, seconds: int) -> None:
    for cluster in (pair.primary, pair.replica):
        for name in ("wal_sender_timeout", "wal_receiver_timeout"):
            cluster.execute((f"ALTER SYSTEM SET {name} = '{timeout}'",))
        cluster.execute(("SELECT pg_reload_conf()",))
    time.sleep(0.2)
    sent = read(("postgresql_sent",), CHECKS, PRIMARY).outcomes["postgresql_sent"]
    received = read(("postgresql_received",), CHECKS, REPLICA).outcomes["postgresql_received"]
    assert isinstance(sent, PostgresqlSent)
    assert isinstance(received, PostgresqlReceived)
    if seconds == 0:
        assert (sent.reply_ratio, received.message_ratio) == (0, 0)
    else:
        assert sent.reply_ratio * seconds == pytest.approx(sent.reply_age, abs=0.01)
        assert received.message_ratio * seconds == pytest.approx(received.message_age, abs=0.01)
    for cluster in (pair.primary, pair.replica):
        cluster.execute(("ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()"))


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
