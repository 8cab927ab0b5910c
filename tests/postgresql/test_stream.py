"""How long a stream is silent, as a share of what the server's own settings allow."""

import time

import pytest

from checks.engine.readings.postgresql_replication import PostgresqlReceived, PostgresqlSent
from lab.postgresql import CHECKS
from tests.postgresql.conftest import PRIMARY, REPLICA, Pair, Read


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
