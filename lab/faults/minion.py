"""What goes wrong with the job queue."""

from lab.faults.registry import Act, Fault, register
from lab.running import Running

_NOTE = "lab_fault"


def _enqueue(jobs: int, delay: str) -> Act:
    """Return an act that keeps the worker from working and adds jobs."""

    def act(running: Running) -> None:
        if running.worker is not None:
            running.worker.pause()
        insert = (
            "INSERT INTO minion_jobs (args, created, delayed, notes, priority, task)"
            f" SELECT '[]', now(), now() + interval '{delay}', '{{\"{_NOTE}\": 1}}', 0, 'send_sms'"
            f" FROM generate_series(1, {jobs})"
        )
        running.primary.execute((insert,))

    return act


def _clear(running: Running) -> None:
    running.primary.execute((f"DELETE FROM minion_jobs WHERE notes ? '{_NOTE}'",))
    if running.worker is not None:
        running.worker.resume()


for _state, _jobs in (("warning", 600), ("critical", 1500)):
    register(
        Fault(
            f"job-queue-{_state}",
            f"{_jobs} jobs wait for a worker",
            ("minion",),
            {"capacity-job-queue@queue": _state.upper()},
            _enqueue(_jobs, "0 s"),
            _clear,
        )
    )
register(
    Fault(
        "job-queue-delayed",
        "5000 jobs wait for tomorrow: no finding, whatever `inactive` counts",
        ("minion",),
        {},
        _enqueue(5000, "1 day"),
        _clear,
    )
)
