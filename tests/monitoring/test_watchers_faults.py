"""Every fault of the watchers changes exactly the checks that it says; the five rules fire and reach somebody.

What does not touch is broken together, so that this takes minutes; --full breaks each by itself.
"""

import time

import pytest

from lab.faults import FAULTS
from tests.faults.suite import leaks, run
from tests.monitoring.conftest import SERVICES, Watched

TOGETHER = (
    (
        "node-cpu-busy",
        "node-memory-full",
        "node-disk-busy",
        "node-clock-wrong",
        "endpoints-raw",
        "history-ambiguous",
        "textfile-stale",
        "metric-missing",
        "silence-over-everything",
        "alertmanager-reload-broken",
        "log-errors",
        "log-level-too-low",
        "log-entry-incomplete",
        "log-slow-requests",
        "log-secret-of-maintenance",
        "log-personal-data",
        "log-readable-by-everybody",
        "rotation-wrong",
        "index-cluster-red",
        "index-disk-full",
        "index-heap-full",
        "index-breaker-full",
        "index-without-geoip",
        "index-fields-explode",
        "index-days-missing",
        "index-read-only",
        "logstash-queue-full",
        "logstash-reload-failed",
        "logstash-stuck",
    ),
    (
        "receiver-refused",
        "prometheus-clock-wrong",
        "target-down",
        "history-of-another",
        "textfile-ahead",
        "node-inodes-full",
        "log-layout-wrong",
        "log-secret",
        "log-stopped",
        "logstash-refused",
        "rotation-overdue",
        "rotation-for-another",
        "rotation-tells-nobody",
        "index-kept-too-long",
        "log-zone-wrong",
        "index-ahead",
    ),
    (
        "prometheus-overloaded",
        "metric-dead",
        "alertmanager-route-to-nobody",
        "index-missing",
        "log-rotated",
        "rotation-restarts-writer",
    ),
    (
        "prometheus-retention-short",
        "exporter-blind",
        "rule-wrong-label",
        "silence-for-a-month",
        "index-behind",
        "index-lifecycle-refused",
        "index-personal-data",
        "log-deleted-under-writer",
        "log-missing",
        "rsyslog-stopped",
        "logstash-queue-filling",
    ),
    (
        "index-lifecycle-stuck",
        "pipeline-of-the-guide",
        "index-cluster-yellow",
        "index-master-behind",
        "logstash-no-pipeline",
        "queue-of-delayed-jobs",
        "database-connections-many",
        "node-disk-full",
    ),
    ("api-errors-everywhere", "api-slow-everywhere"),
    ("api-requests-to-nowhere", "metrics-database-gone", "node-disk-fills-soon"),
    (
        "alert-flapping",
        "prometheus-target-missing",
        "prometheus-interval-wrong",
        "prometheus-sample-limit",
        "prometheus-evaluation-slow",
        "prometheus-reload-broken",
    ),
    ("alert-pending-often", "rule-failing", "alert-not-sent", "logstash-api-hangs"),
    ("prometheus-refused", "elasticsearch-refused"),
    ("alertmanager-hangs", "elasticsearch-hangs"),
    # these take the watchdog away, for which Alertmanager is blamed only after two minutes
    ("prometheus-no-alertmanager",),
    ("prometheus-alertmanager-unreachable",),
    ("prometheus-notifications-pile-up",),
    ("prometheus-scrapes-nothing",),
    ("rules-of-the-guide",),
)
ALONE = tuple((name,) for name, fault in FAULTS.items() if fault.monitoring and (name,) not in TOGETHER)
FIVE = ("HighErrorRate", "SlowResponseTime", "DatabaseConnectionsHigh", "MinionJobQueueHigh", "DiskSpaceLow")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each group of faults a test of its own, and in the whole matrix each fault too."""
    if "names" in metafunc.fixturenames:
        asked = metafunc.config.getoption("--fault")
        groups = (*TOGETHER, *(ALONE if metafunc.config.getoption("--full") else ()))
        if asked:
            groups = tuple((name,) for name in asked if name in FAULTS and FAULTS[name].monitoring)
        ids = [
            "+".join((*group[:2], f"{len(group) - 2}-more")) if len(group) > 2 else "+".join(group) for group in groups
        ]
        metafunc.parametrize("names", groups, ids=ids)


def test_healthy_is_green(watched: Watched) -> None:
    """Nothing is broken: no finding of the watchers, and nothing marked is left anywhere."""
    findings = [key for key in watched.healthy.findings if watched.healthy.checks[key].service in SERVICES]
    assert findings == [], watched.healthy.explain(findings)
    assert leaks(watched.lab, watched.reports, watched.healthy) == []


def test_healthy_judges_everything(watched: Watched) -> None:
    """Of the watchers nothing is left unjudged but what the environment does not ask for."""
    unjudged = {
        key
        for key, check in watched.healthy.checks.items()
        if check.service in SERVICES and check.state in {"not judged", "not covered"} and not key.endswith("@worker")
    } - {"metrics-node-disk-forecast@prometheus"}  # which needs an hour
    assert unjudged == set(), watched.healthy.explain(list(unjudged))


def test_faults_change_what_they_say(watched: Watched, names: tuple[str, ...]) -> None:
    """Healthy, broken, mended."""
    watched.prove(names)
    if "rules-of-the-guide" in names:
        _is_wanting(watched.evidence("alerts-can-fire@prometheus"), watched.evidence("alerts-coherence@prometheus"))


def _is_wanting(silent: list[str], incoherent: list[str]) -> None:
    """Why the guide's own five are not enough, each by name."""
    assert any(line.startswith("HighErrorRate: ") and "http_requests_total" in line for line in silent)
    assert any(line.startswith("DatabaseConnectionsHigh: its threshold 150 is never passed") for line in silent)
    assert any(line.startswith("SlowResponseTime: judges every endpoint by itself") for line in silent)
    assert any(line.startswith("DiskSpaceLow: watches only /, not /var/lib/postgresql") for line in incoherent)
    assert any(line.startswith("DiskSpaceLow: fires above 90 %") for line in incoherent)
    assert any(line.startswith("MinionJobQueueHigh: is warning above 1000 jobs") for line in incoherent)
    assert any(line.startswith("SlowResponseTime: is warning above 2000 ms") for line in incoherent)


def test_the_five_reached_somebody(watched: Watched) -> None:
    """Each of the corrected rules was made to fire above, and its alert was delivered: by webhook or by mail."""
    left_out = {name for group in TOGETHER for name in group} - watched.tried
    if left_out:
        pytest.skip(f"{len(left_out)} faults were not asked for: not everything was made to fire in this run")
    fired = {(one["alert"], one["how"]) for one in watched.delivered if one["status"] == "firing"}
    assert {alert for alert, _ in fired} >= {*FIVE, "Watchdog", "TargetDown", "ExporterBlind"}
    assert ("DatabaseConnectionsHigh", "mail") in fired
    assert ("HighErrorRate", "webhook") in fired
    assert any(one["status"] == "resolved" for one in watched.delivered)


def test_every_check_has_a_fault(watched: Watched) -> None:
    """No check of the watchers without a fault that turns it."""
    turned = {key.partition("@")[0] for group in TOGETHER for name in group for key in FAULTS[name].expect}
    checks = {key.partition("@")[0] for key, check in watched.healthy.checks.items() if check.service in SERVICES}
    assert checks - turned == set()


def test_the_canary_is_found_and_missed(watched: Watched) -> None:
    """With --allow-writes a line of ours is found in the index; where the index takes nothing, it is not."""
    nodeid = "checks/logs/test_log_index.py::test_logs_canary[api]"
    found = run(watched.lab, watched.reports, [nodeid], ["--allow-writes"])
    assert found.checks["logs-canary@api"].state == "OK", found.explain(["logs-canary@api"])
    with watched.lab.broken("index-takes-nothing"):
        lost = run(watched.lab, watched.reports, [nodeid], ["--allow-writes"])
    assert lost.checks["logs-canary@api"].state == "CRITICAL"
    assert "logs-canary@api" not in watched.healthy.checks


def test_errors_new_since_a_deploy_are_seen(watched: Watched) -> None:
    """With --deployed-at a kind of error that the log had not before it is found, and forgotten when it is gone."""
    key = "logs-errors-new@api"
    nodeid = "checks/logs/test_application_log.py::test_logs_errors_new[api]"
    deployed = f"--deployed-at={time.time():.0f}"
    time.sleep(1.1)  # a line tells the second in which it was written

    def state() -> str:
        outcome = run(watched.lab, watched.reports, [nodeid], [deployed])
        assert leaks(watched.lab, watched.reports, outcome) == []
        return outcome.checks[key].state

    healthy = state()
    with watched.lab.broken("log-errors"):
        broken = state()
    assert (healthy, broken, state()) == ("OK", "WARNING", "OK")
    assert key not in watched.healthy.checks


def test_mended_is_as_before(watched: Watched) -> None:
    """After all of them were broken and mended the watchers are as well as at first."""
    again = watched.run(SERVICES)
    assert again.findings == {}, again.explain(list(again.findings))
