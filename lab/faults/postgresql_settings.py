"""What goes wrong with settings, the archive and slots; ALTER SYSTEM breaks, ALTER SYSTEM RESET mends."""

import os
import signal
import time

from lab.faults.postgresql import MEBIBYTE_OF_WAL, await_replay, start_primary, stop_primary
from lab.faults.postgresql_standby import equal_standby, lower_standby
from lab.faults.registry import Act, Fault, register
from lab.postgresql import CANARY
from lab.running import Running

_RELOAD = "SELECT pg_reload_conf()"
_SLOT = "lab_fault"
_SWITCHES = 12
_CHECKPOINT_AGE = "SELECT extract(epoch FROM now() - checkpoint_time)::float8 FROM pg_control_checkpoint()"
_OVERDUE = 95.0  # seconds: more than three of the shortest checkpoint_timeout


def _settings(running: Running, **values: str | None) -> None:
    """Set settings of the primary, or reset those that are None, and return when a new session has them."""
    for name, value in values.items():
        change = f"RESET {name}" if value is None else f"SET {name} = '{value}'"
        running.primary.execute((f"ALTER SYSTEM {change}",))
    before = running.primary.value("SELECT pg_conf_load_time()::text")
    running.primary.execute((_RELOAD,))
    assert running.primary.process is not None  # noqa: S101 (for the type checker: it runs)
    loaded = f"SELECT pg_conf_load_time()::text <> '{before}'"
    running.primary.process.await_ready(lambda: running.primary.value(loaded) is True, within=10)


def _set(**values: str | None) -> Act:
    return lambda running: _settings(running, **values)


def _wal(running: Running, mebibytes: int) -> None:
    running.primary.execute((MEBIBYTE_OF_WAL,) * mebibytes)
    await_replay(running)


def _archive_fails(running: Running) -> None:
    _settings(running, archive_command="false")
    for _ in range(_SWITCHES):
        running.primary.execute(("SELECT pg_logical_emit_message(true, 'lab', 'x')", "SELECT pg_switch_wal()"))
    failed = (
        "SELECT coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) FROM pg_stat_archiver"
    )
    assert running.primary.process is not None  # noqa: S101 (for the type checker: it runs)
    running.primary.process.await_ready(lambda: running.primary.value(failed) is True, within=15)
    await_replay(running)


def _archive_works(running: Running) -> None:
    _settings(running, archive_command=None)
    # The archiver rests for a minute after three failures, unless a new segment wakes it.
    running.primary.execute(("SELECT pg_logical_emit_message(true, 'lab', 'x')", "SELECT pg_switch_wal()"))
    done = "SELECT count(*) = 0 FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'"
    assert running.primary.process is not None  # noqa: S101 (for the type checker: it runs)
    running.primary.process.await_ready(lambda: running.primary.value(done) is True, within=90)
    await_replay(running)


def _slot_held(running: Running) -> None:
    running.primary.execute((f"SELECT pg_create_physical_replication_slot('{_SLOT}', true)",))
    _wal(running, 64)
    _settings(running, max_wal_size="32MB", wal_keep_size="0")


def _slot_lost(running: Running) -> None:
    running.primary.execute((f"SELECT pg_create_physical_replication_slot('{_SLOT}', true)",))
    _settings(running, max_slot_wal_keep_size="2MB", wal_keep_size="0")
    _wal(running, 20)
    running.primary.execute(("CHECKPOINT", "SELECT pg_switch_wal()", "CHECKPOINT"))
    await_replay(running)


def _slot_dropped(running: Running) -> None:
    running.primary.execute((f"SELECT pg_drop_replication_slot('{_SLOT}')",))
    _settings(running, max_wal_size=None, wal_keep_size=None, max_slot_wal_keep_size=None)
    running.primary.execute(("CHECKPOINT",))


def _many_slots(running: Running) -> None:
    free = "current_setting('max_replication_slots')::int - (SELECT count(*)::int FROM pg_replication_slots) - 1"
    running.primary.execute(
        (f"SELECT pg_create_physical_replication_slot('lab_' || n) FROM generate_series(1, {free}) n",)
    )


def _few_slots(running: Running) -> None:
    drop = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name LIKE 'lab\\_%'"
    running.primary.execute((drop,))


def _restart(running: Running) -> None:
    stop_primary(running)
    start_primary(running)


def _no_checkpoints(running: Running) -> None:
    """Let the checkpointer hang, with WAL that a checkpoint should cover, and return when one is long overdue."""
    pid = running.primary.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    assert isinstance(pid, int)  # noqa: S101 (for the type checker: it runs)
    os.kill(pid, signal.SIGSTOP)
    running.kept["checkpointer"] = pid
    _settings(running, checkpoint_timeout="30s")
    _wal(running, 17)
    age = running.primary.value(_CHECKPOINT_AGE)
    assert isinstance(age, float)  # noqa: S101 (for the type checker: it is one)
    time.sleep(max(0.0, _OVERDUE - age))


def _checkpoints(running: Running) -> None:
    os.kill(running.kept.pop("checkpointer"), signal.SIGCONT)
    _settings(running, checkpoint_timeout=None)
    running.primary.execute(("CHECKPOINT",))
    await_replay(running)


def _nothing(running: Running) -> None:
    """Leave it: it has happened."""


def _wrong(running: Running) -> None:
    # The lab's own commits are told first not to wait, or all of them would: only those of a role do that makes none.
    running.primary.execute((f"ALTER ROLE {CANARY} SET synchronous_commit = on",))
    _settings(running, synchronous_commit="local")
    _settings(
        running,
        synchronous_standby_names="nobody",
        full_page_writes="off",
        autovacuum="off",
        max_slot_wal_keep_size="-1",
    )


def _right(running: Running) -> None:
    _settings(
        running,
        synchronous_standby_names=None,
        synchronous_commit=None,
        full_page_writes=None,
        autovacuum=None,
        max_slot_wal_keep_size=None,
    )
    running.primary.execute((f"ALTER ROLE {CANARY} RESET synchronous_commit",))


_CHANGED = {"postgresql-settings-changed@primary": "WARNING"}


def _register(name: str, what: str, expect: dict[str, str], break_: Act, mend: Act, *, slow: bool = False) -> None:
    register(Fault(name, what, ("postgresql",), expect, break_, mend, lingers=True, slow=slow))


_register(
    "postgresql-settings-wrong",
    "pages are written by halves, autovacuum is off, slots have no limit, commits wait for a standby that is not there",
    {
        "postgresql-settings-dangerous@primary": "CRITICAL",
        "postgresql-autovacuum@primary": "CRITICAL",
        "replication-slot-limit@primary": "WARNING",
        "replication-synchronous@primary": "CRITICAL",
        **_CHANGED,
    },
    _wrong,
    _right,
)
_register(
    "postgresql-setting-pending",
    "a setting waits for a restart",
    {"postgresql-settings-pending@primary": "WARNING"},
    _set(max_connections="120"),
    _set(max_connections=None),
)
_register(
    "wal-archiving-fails",
    "archive_command fails",
    {"wal-archiving@primary": "WARNING", "wal-archive-queue@primary": "WARNING", **_CHANGED},
    _archive_fails,
    _archive_works,
)
_register(
    "replication-slot-held",
    "nobody reads a slot, and the WAL that it holds is more than max_wal_size",
    {
        "replication-slots@primary": "WARNING",
        "replication-slot-retained@primary": "WARNING",
        "postgresql-wal-size@primary": "CRITICAL",
        **_CHANGED,
    },
    _slot_held,
    _slot_dropped,
)
_register(
    "replication-slot-lost",
    "the WAL that a slot needs is gone",
    {"replication-slots@primary": "CRITICAL", **_CHANGED},
    _slot_lost,
    _slot_dropped,
)
_register(
    "postgresql-slots-used",
    "there is no slot left for a standby that is built anew",
    {"postgresql-slots-used@primary": "WARNING"},
    _many_slots,
    _few_slots,
)
_register(
    "postgresql-primary-restarted",
    "the primary was restarted",
    {"postgresql-restarted@primary": "WARNING"},
    _restart,
    _nothing,
)
_register(
    "replication-settings-lower",
    "the standby has lower limits than the primary, and has stopped replaying",
    {
        "replication-settings@replica1": "CRITICAL",
        "replication-receiver-streaming@replica1": "CRITICAL",
        "postgresql-restarted@primary": "WARNING",
        **_CHANGED,
    },
    lower_standby,
    equal_standby,
)
_register(
    "postgresql-checkpoints-requested",
    "checkpoints come because they are asked for, not by the clock",
    {"postgresql-checkpoints-timed@primary": "WARNING"},
    lambda running: running.primary.execute(("CHECKPOINT",) * 16),
    _nothing,
)
_register(
    "postgresql-checkpoints-overdue",
    "the checkpointer hangs, and a crash would take long to recover from",
    {"postgresql-checkpoint-age@primary": "CRITICAL", **_CHANGED},
    _no_checkpoints,
    _checkpoints,
    slow=True,
)
