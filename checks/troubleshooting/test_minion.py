"""What keeps jobs from being done: no worker, workers that take nothing, failures, jobs that nobody ends."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.minion import (
    MinionActive,
    MinionBacklog,
    MinionCanary,
    MinionFailures,
    MinionWorkers,
)

AFTER_RESTART = 300.0  # Minion's heartbeat: until then a worker cannot have written itself into an empty table
LONG = 3600.0
WAITS = (60, 300)
MISSING_AFTER = 1800.0
FEW = 5  # failures an hour of which a share says nothing, unless it is most of what ended
MOST = 3  # failures, and more than half of what ended, that are told all the same


@pytest.mark.convergent
@pytest.mark.guide("troubleshooting.minion", "emergency.mode")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_minion_workers_live(minion_workers: MinionWorkers, judged: Judge) -> None:
    """At least one worker gave a sign within Minion's heartbeat, and none went away without a word."""
    if minion_workers.live + minion_workers.gone == 0 and minion_workers.uptime < AFTER_RESTART:
        judged.not_judged("the database restarted within 5 min: its workers are not back in their table yet")
    if minion_workers.live == 0 or minion_workers.heartbeat is None:
        judged.critical("no worker: nothing is indexed, sent or deleted. Start penhas-minion")
    if minion_workers.gone > 0:
        away = f"{minion_workers.gone} of {minion_workers.live + minion_workers.gone} workers"
        judged.warning(f"{away} have given no sign for half an hour: killed, out of memory, or their host is gone?")
    judged(
        minion_workers.heartbeat,
        unit="s",
        subject="the oldest sign of a worker is",
        reading=minion_workers,
        above=(600, MISSING_AFTER),
        evidence=(f"{minion_workers.live} workers for {minion_workers.capacity} jobs, {minion_workers.active} active",),
    )


@pytest.mark.only_with("deployed_at")
@pytest.mark.guide("troubleshooting.minion")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_minion_workers_current(minion_workers: MinionWorkers, deployed_at: float, judged: Judge) -> None:
    """Every worker started after the deploy: none runs the code of before."""
    if minion_workers.oldest_started is None:
        judged.unknown("there is no worker whose start could be compared with the deploy")
    before = (deployed_at - minion_workers.oldest_started) / 60
    if before > 0:
        judged.critical(f"a worker started {before:.0f} min before the deploy: it still runs the old code. Restart it")
    judged.ok("every worker started after the deploy")


@pytest.mark.guide("troubleshooting.minion")
@pytest.mark.profiles("nightly", "triage")
def test_minion_queue_moves(minion_backlog: MinionBacklog, judged: Judge) -> None:
    """No job that could be taken waits for long; where workers are free and it does, none of them knows its task."""
    why = "the oldest job that a worker could take waits"
    if minion_backlog.free > 0 and minion_backlog.oldest > WAITS[1]:
        why = "no worker takes it although one is free (it may not know the task: is APP_NAME set?): a job waits"
    judged(
        minion_backlog.oldest,
        unit="s",
        subject=why,
        reading=minion_backlog,
        above=WAITS,
        evidence=minion_backlog.culprits,
    )


@pytest.mark.guide("troubleshooting.minion")
@pytest.mark.profiles("nightly", "triage")
def test_minion_failures(minion_failures: MinionFailures, judged: Judge) -> None:
    """Few of the jobs that ended within the hour failed."""
    failed, ended = minion_failures.failed, minion_failures.failed + minion_failures.finished
    if failed <= FEW:
        if failed >= MOST and 2 * failed > ended:
            judged.warning(f"{failed} of the only {ended} jobs within the hour failed", minion_failures.culprits)
        judged.ok(f"{failed} of {ended} jobs failed within the hour", minion_failures.culprits)
        return
    judged(
        100 * failed / ended,
        unit="%",
        subject=f"of {ended} jobs within the hour failed",
        reading=minion_failures,
        above=(5, 20),
        evidence=minion_failures.culprits,
    )


@pytest.mark.guide("troubleshooting.minion")
@pytest.mark.profiles("nightly", "triage")
def test_minion_abandoned(minion_failures: MinionFailures, judged: Judge) -> None:
    """No worker went away from a job, and no job was given up as stuck in the queue, within the hour."""
    if minion_failures.abandoned > 0:
        judged.warning(
            f"workers went away from {minion_failures.abandoned} jobs: killed, out of memory?", minion_failures.culprits
        )
    if minion_failures.stuck > 0:
        judged.warning(
            f"{minion_failures.stuck} jobs were given up: no worker took them for two days", minion_failures.culprits
        )
    judged.ok("no job was abandoned within the hour")


@pytest.mark.guide("troubleshooting.minion")
@pytest.mark.profiles("nightly", "triage")
def test_minion_orphans(minion_active: MinionActive, judged: Judge) -> None:
    """Every active job has its worker."""
    if minion_active.orphans > 0 and minion_active.orphaned > MISSING_AFTER:
        judged.critical(
            f"{minion_active.orphans} jobs are active without a worker, one for {minion_active.orphaned / 60:.0f} min: "
            "nobody works on them, and nobody else may"
        )
    judged.ok("every active job has its worker")


@pytest.mark.guide("troubleshooting.minion")
@pytest.mark.profiles("nightly", "triage")
def test_minion_jobs_long(minion_active: MinionActive, judged: Judge) -> None:
    """No job runs for longer than its task may."""
    limits = dict(minion_active.limits)
    long = [(task, seconds) for task, seconds in minion_active.longest if seconds > limits.get(task, LONG)]
    if long:
        evidence = tuple(f"{task}: for {seconds / 60:.0f} min" for task, seconds in long)
        judged.warning(f"{len(long)} tasks have a job that runs for longer than it may", evidence)
    judged.ok("no job runs for longer than its task may")


@pytest.mark.only_with("allow_writes")
@pytest.mark.guide("troubleshooting.minion")
@pytest.mark.profiles("smoke", "triage")
def test_minion_canary(minion_canary: MinionCanary, judged: Judge) -> None:
    """A job that is enqueued is done soon."""
    what = f"a job of ours (task {minion_canary.task}, queue {minion_canary.queue})"
    left = ("it could not be removed: a worker has it in hand",) if minion_canary.left else ()
    if minion_canary.state == "failed":
        judged.critical(f"{what} failed: do the workers have the task?", left)
    if minion_canary.state == "active":
        judged.warning(f"{what} was begun and not done within {minion_canary.waited:.0f} s", left)
    if minion_canary.state != "finished":
        judged.critical(f"no worker took {what} within {minion_canary.waited:.0f} s", left)
    judged.ok(f"{what} was done within {minion_canary.waited:.1f} s")
