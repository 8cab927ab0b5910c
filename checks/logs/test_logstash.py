"""Logstash's own state: it answers, its queues have room, it runs what lies on its disk, and puts out what it takes."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.logstash import LogstashApi, LogstashFlow, LogstashPipelines

YOUNG = 120.0  # seconds within which it loads its pipelines
ENOUGH = 20  # events from which on it says something that none of them was put out
ABOVE = (70, 90)  # % of a queue: once it is full Logstash takes nothing more, and whoever sends to it waits


@pytest.mark.guide("logs.aggregation")
@pytest.mark.profiles("nightly", "triage")
def test_logs_logstash_answers(logstash_api: LogstashApi, judged: Judge) -> None:
    """Logstash's own API answers."""
    if not logstash_api.reachable:
        judged.critical(f"Logstash's API: {logstash_api.problem}")
    judged.ok(f"Logstash's API answers in {logstash_api.seconds * 1000:.0f} ms")


@pytest.mark.guide("logs.aggregation")
@pytest.mark.profiles("nightly", "triage")
def test_logs_logstash_queue(logstash_pipelines: LogstashPipelines, judged: Judge) -> None:
    """Every persistent queue of Logstash has room."""
    _runs(logstash_pipelines, judged)
    kept = [one for one in logstash_pipelines.pipelines if one.persistent]
    if not kept:
        judged.not_judged("no pipeline of Logstash has a persistent queue: what waits in memory dies with it")
    mute = [one.name for one in kept if one.used_ratio is None]
    if mute:
        judged.unknown(f"the persistent queue of {', '.join(mute)} does not say how large it is, or may be")
    shares = {one.name: (one.used_ratio or 0.0) * 100 for one in kept}
    worst = max(shares, key=lambda name: shares[name])
    evidence = tuple(f"{one.name}: {shares[one.name]:.0f} %, {one.waiting} events wait" for one in kept)
    subject = f"Logstash's pipeline {worst}: queue used"
    judged(shares[worst], unit="%", subject=subject, reading=logstash_pipelines, above=ABOVE, evidence=evidence)


@pytest.mark.guide("logs.aggregation")
@pytest.mark.profiles("nightly", "triage")
def test_logs_logstash_reloaded(logstash_pipelines: LogstashPipelines, judged: Judge) -> None:
    """The configuration that lies on its disk is the one that every pipeline of Logstash runs with."""
    _runs(logstash_pipelines, judged)
    failed = [one.name for one in logstash_pipelines.pipelines if one.reload_failed]
    if failed:
        judged.critical(f"Logstash could not reload {', '.join(failed)}: logstash --config.test_and_exit says why")
    count = len(logstash_pipelines.pipelines)
    judged.ok(f"Logstash {logstash_pipelines.version}: no reload of its {count} pipelines failed")


@pytest.mark.guide("logs.aggregation")
@pytest.mark.profiles("nightly", "triage")
def test_logs_logstash_flows(logstash_flow: LogstashFlow, judged: Judge) -> None:
    """What Logstash's pipelines take they put out."""
    stuck = tuple(f"{name}: {taken} events taken" for name, taken in logstash_flow.stuck if taken >= ENOUGH)
    if stuck:
        judged.critical(f"Logstash put out nothing of what it took in {logstash_flow.seconds:.0f} s", stuck)
    if logstash_flow.taken < ENOUGH:
        judged.not_judged(
            f"too few events in {logstash_flow.seconds:.0f} s: {logstash_flow.taken}, {ENOUGH} are needed"
        )
    judged.ok(
        f"Logstash took {logstash_flow.taken} events in {logstash_flow.seconds:.0f} s, {logstash_flow.put_out} out"
    )


def _runs(found: LogstashPipelines, judged: Judge) -> None:
    if found.pipelines == () and found.uptime < YOUNG:
        judged.not_judged(f"Logstash started {found.uptime:.0f} s ago: its pipelines are not loaded yet")
    if found.pipelines == ():
        judged.critical("Logstash runs no pipeline: it takes nothing")
