"""Replication, always seen from both sides: each side alone can look well while the other is not."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.postgresql import PostgresqlReceiver, PostgresqlServer, PostgresqlStandbys
from checks.engine.readings.postgresql_replication import PostgresqlStandbySettings
from checks.engine.readings.postgresql_wal import PostgresqlArchiver, PostgresqlSlots

CATCH_UP = 300.0  # seconds
ARCHIVE_PATIENCE = 300.0  # seconds that a segment may wait while archiving fails
ARCHIVE_HANGS = 900.0  # seconds that one may wait while it does not
SLOT_PATIENCE = 600.0  # seconds for which the reader of a slot may be away


@pytest.mark.guide("metrics.database")
@pytest.mark.profiles("nightly", "triage")
def test_replication_standby_streaming(postgresql_standbys: PostgresqlStandbys, judged: Judge) -> None:
    """The primary sees as many standbys stream as there are replicas; pg_receivewal, which replays nothing, is none."""
    replaying = (s for s in postgresql_standbys.standbys if s.state == "startup" or s.replay_bytes is not None)
    standbys, expected = tuple(replaying), max(1, postgresql_standbys.expected)
    states = tuple(f"{standby.name}: {standby.state}" for standby in standbys)
    if standbys == ():
        judged.critical("no standby is connected: nothing takes over when this server is lost")
    streaming = sum(standby.state == "streaming" for standby in standbys)
    coming = [s for s in standbys if s.state == "catchup" and (s.attached or 0) <= CATCH_UP]
    if streaming == 0 and coming == []:
        judged.critical("no standby is streaming", states)
    if streaming + len(coming) < expected:
        judged.critical(f"{streaming} of {expected} standbys stream", states)
    if streaming < expected:
        judged.warning(
            f"{coming[0].name} catches up since {coming[0].attached or 0:.0f} s, and is not there yet", states
        )
    slow = [s for s in standbys if s.state == "catchup" and (s.attached or 0) > CATCH_UP]
    if slow != []:
        judged.warning(f"{slow[0].name} has been catching up for {(slow[0].attached or 0) / 60:.0f} min", states)
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


@pytest.mark.guide("metrics.database")
@pytest.mark.profiles("nightly", "triage")
def test_replication_timeline(
    postgresql_receiver: PostgresqlReceiver, primary_server: PostgresqlServer, judged: Judge
) -> None:
    """The replica receives the timeline that the primary writes, not that of a server left behind by a failover."""
    if postgresql_receiver.timeline is None:
        judged.not_judged("no WAL receiver runs")
    if postgresql_receiver.timeline != primary_server.timeline:
        judged.critical(
            f"receives timeline {postgresql_receiver.timeline}, the primary writes {primary_server.timeline}: "
            "a failover was only half done, and it follows the old server"
        )
    judged.ok(f"receives the primary's timeline {primary_server.timeline}")


@pytest.mark.guide("metrics.database")
@pytest.mark.profiles("nightly", "triage")
def test_replication_synchronous(postgresql_standbys: PostgresqlStandbys, judged: Judge) -> None:
    """Where commits wait for standbys, as many are there as they wait for."""
    due = postgresql_standbys.synchronous if postgresql_standbys.waited_for else 0
    there = sum(standby.sync_state in {"sync", "quorum"} for standby in postgresql_standbys.standbys)
    if there < due:
        judged.critical(f"every write hangs: commits wait for {due} synchronous standbys, {there} of them there")
    judged.ok(f"commits wait for {due} synchronous standbys, {there} there" if due else "commits wait for no standby")


@pytest.mark.guide("metrics.database")
@pytest.mark.profiles("nightly", "triage")
def test_replication_settings(
    replica_settings: PostgresqlStandbySettings, primary_settings: PostgresqlStandbySettings, judged: Judge
) -> None:
    """The replica's limits are at least the primary's, without which replay pauses and a restart fails."""
    lower = [
        f"{name} {getattr(replica_settings, name)}, the primary has {getattr(primary_settings, name)}"
        for name in (
            "max_connections",
            "max_worker_processes",
            "max_wal_senders",
            "max_prepared_transactions",
            "max_locks_per_transaction",
        )
        if getattr(replica_settings, name) < getattr(primary_settings, name)
    ]
    if lower != []:
        judged.critical(f"lower than the primary: {lower[0]}. Raise it and restart the replica", tuple(lower))
    judged.ok("no limit is lower than the primary's")


@pytest.mark.guide("metrics.database")
@pytest.mark.profiles("nightly", "triage")
def test_replication_slots(postgresql_slots: PostgresqlSlots, judged: Judge) -> None:
    """Every slot has its WAL and its reader."""
    found, evidence = postgresql_slots, postgresql_slots.culprits
    if found.lost != ():
        judged.critical(f"{', '.join(found.lost)}: the WAL it needs is gone. Drop it and rebuild its standby", evidence)
    if found.unreserved != ():
        judged.warning(f"{', '.join(found.unreserved)}: the next checkpoint may remove WAL that it needs", evidence)
    if found.inactive != ():
        text = f"{', '.join(found.inactive)}: nobody reads it, and WAL piles up. Bring its reader back, or drop it"
        if found.inactive_age is not None and found.inactive_age > SLOT_PATIENCE:
            judged.critical(f"{text} (for {found.inactive_age / 60:.0f} min)", evidence)
        judged.warning(text, evidence)
    judged.ok(f"{found.slots} slots, all of them read", evidence)


@pytest.mark.guide("metrics.database")
@pytest.mark.profiles("nightly", "triage")
def test_replication_slot_limit(postgresql_slots: PostgresqlSlots, judged: Judge) -> None:
    """A slot that nobody reads cannot fill the primary's disk."""
    if postgresql_slots.slots > 0 and not postgresql_slots.limited:
        judged.warning(
            "max_slot_wal_keep_size is -1: a slot that nobody reads fills the disk. Set it below what is free"
        )
    judged.ok("slots hold no more than max_slot_wal_keep_size" if postgresql_slots.limited else "there is no slot")


@pytest.mark.guide("metrics.database")
@pytest.mark.profiles("nightly", "triage")
def test_wal_archiving(postgresql_archiver: PostgresqlArchiver, judged: Judge) -> None:
    """WAL is archived; a failure that has healed is none."""
    found = postgresql_archiver
    if not found.enabled:
        judged.not_judged("archive_mode is off: there is no way back to a moment between two backups")
    if found.failing and found.waiting > ARCHIVE_PATIENCE:
        judged.critical(f"archiving fails, and a segment has waited for {found.waiting / 60:.0f} min")
    if found.failing:
        judged.warning("archiving fails: run archive_command by hand as the server's user and read what it says")
    if found.waiting > ARCHIVE_HANGS:
        judged.critical(f"archiving hangs: a segment has waited for {found.waiting / 60:.0f} min without a failure")
    judged.ok("archives what is written")
