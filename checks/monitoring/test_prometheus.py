"""Who watches the watchers: Prometheus is well, scrapes all that it must, and can tell Alertmanager."""

from typing import NoReturn

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.prometheus import (
    LOOKS,
    YOUNG,
    PrometheusConnection,
    PrometheusExporters,
    PrometheusServer,
    PrometheusTargets,
)
from checks.engine.readings.prometheus_rules import PrometheusEvaluation
from checks.engine.readings.prometheus_work import PrometheusWork

SEVERAL = 3  # scrapes that may be missed before the data counts as stale
AHEAD = 60.0
FURTHEST = 600.0  # what is scraped is refused when it is from further ahead: then the clock itself was
CLOCKS = "Compare the clocks of Prometheus and its targets"


@pytest.mark.guide("prometheus.config")
@pytest.mark.profiles("nightly", "triage")
def test_prometheus_connection(prometheus_connection: PrometheusConnection, judged: Judge) -> None:
    """Prometheus answers and is ready."""
    if not prometheus_connection.reachable:
        judged.critical(prometheus_connection.problem)
    judged.ok(f"answers in {prometheus_connection.seconds * 1000:.0f} ms")


@pytest.mark.guide("prometheus.config")
@pytest.mark.profiles("nightly", "triage")
def test_prometheus_reloaded(prometheus_server: PrometheusServer, judged: Judge) -> None:
    """The configuration that lies on its disk is the one that Prometheus runs with."""
    if not prometheus_server.reloaded:
        judged.critical("its last reload failed: it runs with an old configuration. promtool check config says why")
    judged.ok(f"version {prometheus_server.version}, configuration loaded")


@pytest.mark.guide("prometheus.config")
@pytest.mark.profiles("nightly")
def test_prometheus_retention(prometheus_server: PrometheusServer, judged: Judge) -> None:
    """Samples are kept for as many days as the environment file asks for."""
    found, days = prometheus_server, prometheus_server.due_retention / 86400
    kept = None if found.retention is None else found.retention / 86400
    if kept is not None and kept < days:
        judged.warning(f"keeps samples for {kept:g} d, {days:g} d are due: set --storage.tsdb.retention.time")
    how = "for ever" if kept is None else f"for {kept:g} d"
    if not found.retention_is_by_size:
        judged.ok(f"keeps samples {how}")
        return
    if found.oldest_age is None or found.oldest_age < found.due_retention:
        _judge_size(found, days, judged)
    judged.ok(f"keeps samples {how}, as its size limit allows: the oldest is {found.oldest_age / 86400:.1f} d old")


def _judge_size(found: PrometheusServer, days: float, judged: Judge) -> NoReturn:
    """Say what a size limit leaves where no sample is as old as is due yet."""
    if found.oldest_age is None:
        judged.not_judged("keeps samples by size, and does not tell how old the oldest is")
    oldest = f"the oldest is {found.oldest_age / 86400:.1f} d old"
    if found.cut_by_size:
        judged.warning(f"its size limit leaves too few samples: {oldest}, {days:g} d are due. Raise it")
    judged.not_judged(f"keeps samples by size: {oldest}, whether {days:g} d of them fit is not known yet")


@pytest.mark.guide("prometheus.config")
@pytest.mark.profiles("nightly", "triage")
def test_prometheus_storage(
    prometheus_work: PrometheusWork, prometheus_server: PrometheusServer, judged: Judge
) -> None:
    """Its storage is whole: no corruption, no compaction that failed, no scrape over its sample limit.

    How large it is has no limit of its own, and is shown: metrics-node-disk judges the disk that it lies on.
    """
    if prometheus_server.corruptions > 0 or prometheus_work.storage_faults > 0:
        judged.critical("its storage is damaged: see its log, and free its disk")
    if prometheus_work.over_limit > 0:
        judged.warning(f"{prometheus_work.over_limit} scrapes were thrown away for their sample_limit: raise it")
    size = prometheus_server.stored
    evidence = () if size is None else (f"its blocks hold {size / 2**20:.0f} MiB",)
    judged.ok(f"{prometheus_server.series} series, no damage", evidence)


@pytest.mark.guide("prometheus.config")
@pytest.mark.profiles("nightly", "triage")
def test_prometheus_clock(prometheus_server: PrometheusServer, judged: Judge) -> None:
    """Its clock agrees with ours, so that rates, windows and the end of alerts are what they seem."""
    offset = abs(prometheus_server.clock_offset)
    judged(offset, unit="s", subject="clock differs from ours by", reading=prometheus_server, above=(2, 30))


@pytest.mark.guide("prometheus.config")
@pytest.mark.profiles("nightly", "triage")
def test_prometheus_ingests(prometheus_server: PrometheusServer, judged: Judge) -> None:
    """New samples arrive."""
    age, young = prometheus_server.newest_age, prometheus_server.uptime < YOUNG
    if young and age is None:
        judged.not_judged(f"Prometheus started {prometheus_server.uptime:.0f} s ago: its first scrapes are not in yet")
    if age is None or age > SEVERAL * prometheus_server.due_interval + 5:
        judged.critical("stores no new samples: every alert sleeps, and every graph ends here")
    ahead = -age - max(0.0, prometheus_server.clock_offset)  # what its clock is ahead is prometheus-clock's to say
    if ahead > FURTHEST:
        judged.critical(
            f"the newest sample is from {ahead:.0f} s ahead: until then nothing new may be stored. {CLOCKS}"
        )
    if ahead > AHEAD:
        judged.warning(f"the newest sample is from {ahead:.0f} s ahead: whether new ones arrive is not seen. {CLOCKS}")
    judged.ok(f"the newest sample is {max(0.0, age):.0f} s old")


@pytest.mark.guide("prometheus.config")
@pytest.mark.profiles("nightly", "triage")
def test_prometheus_targets_expected(prometheus_targets: PrometheusTargets, judged: Judge) -> None:
    """Every target that the environment file names is scraped under its job; what else is scraped is shown."""
    found, missing = prometheus_targets.targets, prometheus_targets.missing
    if missing:
        jobs = {target.job for target in found}
        empty = sorted({job for job, _ in missing if job not in jobs})
        more = f"; nothing is scraped for {', '.join(empty)}" if empty else ""
        judged.critical(f"{len(missing)} targets are not scraped at all{more}", tuple(f"{j} {i}" for j, i in missing))
    others = tuple(f"{t.job} {t.instance}: not in the environment file" for t in found if not t.expected)
    more = f", and {len(others)} more" if others else ""
    judged.ok(f"scrapes all {sum(target.expected for target in found)} expected targets{more}", others)


@pytest.mark.guide("prometheus.config")
@pytest.mark.profiles("nightly", "triage")
def test_prometheus_targets_up(prometheus_targets: PrometheusTargets, judged: Judge) -> None:
    """Every target answers its scrapes."""
    down = [target for target in prometheus_targets.targets if not target.up and target.age is not None]
    evidence = tuple(f"{target.job} {target.instance}: {target.problem}" for target in down)
    if any(target.expected for target in down):
        judged.critical(f"{len(down)} of {len(prometheus_targets.targets)} targets are down", evidence)
    if down:
        judged.warning(f"{len(down)} targets are down that the environment file does not know", evidence)
    _scraped_once(prometheus_targets, judged)
    judged.ok(f"{len(prometheus_targets.targets)} targets are up")


@pytest.mark.guide("prometheus.config")
@pytest.mark.profiles("nightly", "triage")
def test_prometheus_targets_fresh(prometheus_targets: PrometheusTargets, judged: Judge) -> None:
    """Every target was scraped lately, and is scraped as often as it must be.

    What takes longer than its timeout is down, and prometheus-targets-up says so; how near to it any is, is shown.
    """
    due = prometheus_targets.due_interval
    stale = [t for t in prometheus_targets.targets if t.age is not None and t.age > SEVERAL * t.interval + 5]
    if stale:
        judged.critical("targets are not scraped any more", tuple(f"{t.job} {t.instance}" for t in stale))
    other = sorted({f"{t.job}: every {t.interval:g} s" for t in prometheus_targets.targets if t.interval != due})
    if other:
        judged.warning(f"{len(other)} jobs are not scraped every {due:g} s", tuple(other))
    _scraped_once(prometheus_targets, judged)
    judged.ok(f"every target is scraped every {due:g} s", _slowest(prometheus_targets))


def _slowest(found: PrometheusTargets) -> tuple[str, ...]:
    near = [(t.took / t.timeout, t) for t in found.targets if t.took is not None and t.timeout]
    if not near:
        return ()
    slowest = max(near, key=lambda one: one[0])[1]
    return (f"nearest to its timeout: {slowest.job} {slowest.instance}, {slowest.took:.2f} of {slowest.timeout:g} s",)


def _scraped_once(found: PrometheusTargets, judged: Judge) -> None:
    # one that was found a moment ago is scraped for the first time within its interval
    new = tuple(f"{target.job} {target.instance}" for target in found.targets if target.age is None)
    if new:
        judged.not_judged(f"{len(new)} targets are new and were not scraped yet", new)


@pytest.mark.guide("prometheus.config")
@pytest.mark.profiles("nightly")
def test_prometheus_evaluation_interval(prometheus_evaluation: PrometheusEvaluation, judged: Judge) -> None:
    """Rules are evaluated as often as they must be: no alert can come earlier than that."""
    found = prometheus_evaluation
    slow = tuple(f"{name}: every {every:g} s" for name, every in found.groups if every > found.due_groups)
    wrong = [f"evaluation_interval is {found.interval:g} s instead of {found.due:g} s"] * (found.interval != found.due)
    if slow:
        wrong.append(f"{len(slow)} groups of rules are evaluated less often than every {found.due_groups:g} s")
    if wrong:
        judged.warning("; ".join(wrong), slow)
    judged.ok(f"every {found.interval:g} s, and its {len(found.groups)} groups as often as is due")


@pytest.mark.guide("prometheus.config", "metrics.database")
@pytest.mark.profiles("nightly", "triage")
def test_prometheus_exporters_see(prometheus_exporters: PrometheusExporters, judged: Judge) -> None:
    """Every exporter reaches the server behind it: an exporter can be up over a server that is down."""
    blind = [f"{e.job} {e.instance}: {e.metric} is 0" for e in prometheus_exporters.exporters if e.up is False]
    if blind:
        judged.critical(f"{len(blind)} exporters do not reach their server", tuple(blind))
    mute = [f"{e.job} {e.instance}: no {e.metric}" for e in prometheus_exporters.exporters if e.up is None]
    if mute:
        judged.critical(f"{len(mute)} exporters do not say whether they reach their server", tuple(mute))
    judged.ok(f"{len(prometheus_exporters.exporters)} exporters reach their servers")


@pytest.mark.guide("alerts.firing")
@pytest.mark.profiles("nightly", "triage")
def test_prometheus_alertmanager_connected(prometheus_server: PrometheusServer, judged: Judge) -> None:
    """Prometheus knows an Alertmanager to send alerts to."""
    since = prometheus_server.configured
    if prometheus_server.alertmanagers == 0 and (since < LOOKS or prometheus_server.uptime < YOUNG):
        judged.not_judged(f"read its configuration {since:.0f} s ago: it looks for its Alertmanager yet")
    if prometheus_server.alertmanagers == 0:
        judged.critical("knows no Alertmanager: whatever fires, nobody is told")
    judged.ok(f"sends to {prometheus_server.alertmanagers} Alertmanager")
