"""Replication, always seen from both sides: each side alone can look well while the other is not."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.postgresql import PostgresqlReceiver, PostgresqlStandbys


@pytest.mark.guide("metrics.database")
@pytest.mark.profiles("nightly", "triage")
def test_replication_standby_streaming(postgresql_standbys: PostgresqlStandbys, judged: Judge) -> None:
    """The primary sees a standby that streams."""
    states = tuple(f"{standby.name}: {standby.state}" for standby in postgresql_standbys.standbys)
    if postgresql_standbys.standbys == ():
        judged.critical("no standby is connected: nothing takes over when this server is lost")
    if not any(standby.state == "streaming" for standby in postgresql_standbys.standbys):
        judged.critical("no standby is streaming", states)
    judged.ok(f"{len(states)} standby connected", states)


@pytest.mark.guide("metrics.database")
@pytest.mark.profiles("nightly", "triage")
def test_replication_receiver_streaming(postgresql_receiver: PostgresqlReceiver, judged: Judge) -> None:
    """The replica receives from the primary and replays what it receives."""
    if postgresql_receiver.status is None:
        judged.critical("no WAL receiver runs: the replica falls behind with every write")
    if postgresql_receiver.status != "streaming":
        judged.critical("the WAL receiver does not stream")
    if postgresql_receiver.replay_paused:
        judged.critical("replay is paused: SELECT pg_wal_replay_resume() on the replica resumes it")
    judged.ok("receives and replays")
