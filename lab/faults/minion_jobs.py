"""What goes wrong with single jobs and with the worker: each fault adds rows that say so, and takes them away again."""

from lab import minion
from lab.faults.registry import Act, Fault, register
from lab.running import Running

_NOTE = "lab_fault"
_COLUMNS = "args, priority, delayed, notes, task"
_VALUES = f"'[]', 0, now(), '{{\"{_NOTE}\": 1}}', 'send_sms'"


def _jobs(state: str, more: str = "", values: str = "", count: int = 1, values_of: str = _VALUES) -> str:
    columns = f"{_COLUMNS}, state{', ' + more if more else ''}"
    selected = f"{values_of}, '{state}'{', ' + values if values else ''}"
    return f"INSERT INTO minion_jobs ({columns}) SELECT {selected} FROM generate_series(1, {count})"


def _do(*statements: str) -> Act:
    return lambda running: running.primary.execute(statements)


_CLEAR = f"DELETE FROM minion_jobs WHERE notes ? '{_NOTE}'"
_LATER = "'[]', 0, now() + interval '1 day', '{\"lab_fault\": 1}', 'delete_user'"


def _freeze_worker(running: Running) -> None:
    if running.worker is not None:
        running.worker.pause()
    running.primary.execute(("UPDATE minion_workers SET notified = now() - interval '1 hour'",))


def _thaw_worker(running: Running) -> None:
    running.primary.execute(("UPDATE minion_workers SET notified = now()",))
    if running.worker is not None:
        running.worker.resume()


for _name, _what, _expect, _break in (
    (
        "minion-failures",
        "a dozen jobs failed within the hour",
        {"minion-failures@queue": "CRITICAL"},
        _do(_jobs("failed", "finished, result", "now(), '\"HTTP 500\"'", 12)),
    ),
    (
        "minion-worker-went-away",
        "a worker was killed at its work",
        {"minion-abandoned@queue": "WARNING"},
        _do(_jobs("failed", "finished, result", "now(), '\"Worker went away\"'")),
    ),
    (
        "minion-job-stuck",
        "Minion gave up a job that no worker took for two days",
        {"minion-abandoned@queue": "WARNING"},
        _do(_jobs("failed", "finished, result", "now(), '\"Job appears stuck in queue\"'")),
    ),
    (
        "minion-orphan",
        "a job is active without a worker for an hour",
        {"minion-orphans@queue": "CRITICAL"},
        _do(_jobs("active", "started, worker", "now() - interval '1 hour', 999999")),
    ),
    (
        "minion-job-long",
        "a job runs for two hours",
        {"minion-jobs-long@queue": "WARNING"},
        _do(_jobs("active", "started, worker", "now() - interval '2 hours', (SELECT max(id) FROM minion_workers)")),
    ),
    (
        "minion-task-unknown",
        "no worker knows a task that was asked for ten minutes ago",
        {"minion-queue-moves@queue": "CRITICAL"},
        _do(_jobs("inactive", "created", "now() - interval '10 min'", values_of=_VALUES.replace("send_sms", "nobody"))
            .replace("now(), '{", "now() - interval '10 min', '{")),
    ),
    (
        "minion-workers-busy",
        "every worker has its hands full, and a job waits",
        {"minion-workers-busy@queue": "WARNING"},
        _do(
            _jobs("active", "started, worker", "now(), (SELECT max(id) FROM minion_workers)", 8),
            _jobs("inactive", values_of=_VALUES.replace("send_sms", "nobody")),
        ),
    ),
    (
        "minion-last-attempt",
        "a job waits for its last attempt",
        {"minion-retries@queue": "WARNING"},
        _do(_jobs("inactive", "attempts, retries", "5, 4", values_of=_LATER)),
    ),
    (
        "minion-parent-failed",
        "a job waits for one that failed yesterday",
        {"minion-dependents@queue": "WARNING"},
        _do(
            _jobs("failed", "finished", "now() - interval '1 day'"),
            _jobs("inactive", "parents", f"ARRAY(SELECT id FROM minion_jobs WHERE notes ? '{_NOTE}')",
                  values_of=_LATER),
        ),
    ),
    (
        "minion-not-purged",
        "a job that finished forty days ago is still there: nobody cleans up",
        {"minion-retention@queue": "WARNING", "cron-effects-traced@cron": "CRITICAL"},
        _do(_jobs("finished", "finished", "now() - interval '40 days'")),
    ),
):  # fmt: skip
    register(Fault(_name, _what, ("minion", "cron"), _expect, _break, _do(_CLEAR)))
register(
    Fault(
        "job-table-million",
        "a million jobs that finished are kept",
        ("minion",),
        {"minion-jobs-kept@queue": "WARNING"},
        _do(_jobs("finished", "finished", "now() - interval '2 hours'", 1_000_001), "ANALYZE minion_jobs"),
        _do(_CLEAR, "VACUUM FULL minion_jobs", "ANALYZE minion_jobs"),
        slow=True,
    )
)
register(
    Fault(
        "minion-lock-long",
        "a lock of Minion's holds for a month",
        ("minion",),
        {"minion-locks@queue": "WARNING"},
        _do("INSERT INTO minion_locks (name, expires) VALUES ('lab', now() + interval '30 days')"),
        _do("DELETE FROM minion_locks WHERE name = 'lab'"),
    )
)
register(
    Fault(
        "minion-no-worker",
        "the only worker has given no sign for an hour",
        ("minion",),
        {"minion-workers-live@queue": "CRITICAL"},
        _freeze_worker,
        _thaw_worker,
    )
)
register(
    Fault(
        "minion-worker-killed",
        "one of two workers was killed, and gave no sign for an hour",
        ("minion",),
        {"minion-workers-live@queue": "WARNING"},
        _do(
            "INSERT INTO minion_workers (host, pid, started, notified)"
            " VALUES ('lab', 999999, now() - interval '1 day', now() - interval '1 hour')"
        ),
        _do("DELETE FROM minion_workers WHERE host = 'lab' AND pid = 999999"),
    )
)


def _restart_worker(running: Running) -> None:
    if running.worker is not None:
        running.worker.process.stop()
        running.primary.execute(("DELETE FROM minion_workers",))  # where it had to be killed, it did not sign off
        running.worker = minion.start(running.launcher, running.minion_dsn)
        running.worker.process.await_ready(lambda: running.primary.value("SELECT count(*) FROM minion_workers") != 0)


register(
    Fault(
        "minion-worker-restarted",
        "the worker was restarted: no finding, and with --deployed-at it no longer runs the code of before",
        ("minion",),
        {},
        _restart_worker,
        lambda _: None,
    )
)


def _emergency(running: Running) -> None:
    _freeze_worker(running)
    running.cache.command("SET", "penhas:read_only_mode", 1)


def _all_clear(running: Running) -> None:
    running.cache.command("DEL", "penhas:read_only_mode")
    _thaw_worker(running)


register(
    Fault(
        "emergency-everything",
        "emergency mode is on: the application is read-only and its workers are stopped",
        ("redis", "minion"),
        {
            "emergency-mode@cache": "CRITICAL",
            "emergency-mode-workers@cache": "WARNING",
            "minion-workers-live@queue": "CRITICAL",
        },
        _emergency,
        _all_clear,
    )
)
