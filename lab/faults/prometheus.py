"""What goes wrong with Prometheus: its configuration, its Alertmanager, its storage and its clock."""

import time
from collections.abc import Callable
from typing import Any

from lab.faults.registry import Act
from lab.faults.watching import (
    A,
    P,
    configured,
    expect,
    fault,
    fires,
    metrics,
    no_watchdog,
    reload,
    restored,
    scraped,
    stamp,
    until,
    well,
    with_jobs,
)
from lab.proxy import Mode
from lab.relay import Relay, json_at
from lab.running import Running

_GONE = {"jobs": {}, "rules": "groups: []\n"}


def _no_samples(running: Running) -> None:
    """Return when Prometheus has stored nothing for a while."""
    found = metrics(running)

    def newest() -> float:
        return float(found.ask("/api/v1/status/tsdb")["headStats"]["maxTime"]) / 1000

    until("no sample is new", lambda: time.time() - newest() > 9)  # noqa: PLR2004 (past the check's limit)


fault(
    "prometheus-target-missing",
    "node3 is not in Prometheus' configuration",
    expect(prometheus_targets_expected="CRITICAL", metrics_infrastructure_kept="WARNING"),
    lambda running: with_jobs(
        running,
        lambda jobs: {**jobs, "node-exporter": jobs["node-exporter"][:2]},
        f'{{instance="{metrics(running).jobs["node-exporter"][2]}"}}',
    ),
    restored,
)
fault(
    "prometheus-job-missing",
    "the job redis-exporter is not in Prometheus' configuration",
    expect(prometheus_targets_expected="CRITICAL", prometheus_exporters_see="CRITICAL", alerts_can_fire="CRITICAL"),
    lambda running: with_jobs(
        running, lambda jobs: {k: v for k, v in jobs.items() if k != "redis-exporter"}, '{job="redis-exporter"}'
    ),
    restored,
)


def _stray(running: Running) -> None:
    with_jobs(running, lambda jobs: {**jobs, "stray": ("127.0.0.1:9",)})
    fires("TargetDown")(running)


fault(
    "prometheus-stray-target-down",
    "Prometheus scrapes something that nobody expects, and it is down",
    expect(prometheus_targets_up="WARNING", alerts_firing="CRITICAL"),
    _stray,
    restored,
)


def _slowly(running: Running) -> None:
    metrics(running).intervals = {"node-exporter": "5s"}
    reload(running)
    until(
        "the node exporters are scraped every 5 s",
        lambda: any(t["scrapeInterval"] == "5s" for t in metrics(running).ask("/api/v1/targets")["activeTargets"]),
    )
    scraped(running)


fault(
    "prometheus-interval-wrong",
    "the node exporters are scraped less often than is due",
    expect(prometheus_targets_fresh="WARNING"),
    _slowly,
    restored,
)


def _broken_reload(running: Running) -> None:
    found = metrics(running)
    found.config.write_text("scrape_configs: [")
    found.reload()
    until(
        "Prometheus has refused its configuration",
        lambda: not found.ask("/api/v1/status/runtimeinfo")["reloadConfigSuccess"],
    )


fault(
    "prometheus-reload-broken",
    "prometheus.yml on disk is broken; Prometheus runs with the old one",
    expect(prometheus_reloaded="CRITICAL"),
    _broken_reload,
    restored,
)


def _no_alertmanager(running: Running) -> None:
    """Return when Prometheus has had the time to look for one."""
    no_watchdog(running)
    began = stamp(metrics(running).ask("/api/v1/status/runtimeinfo")["lastConfigTime"])
    until("it has looked for an Alertmanager", lambda: time.time() - began > 11)  # noqa: PLR2004 (the check's limit)


fault(
    "prometheus-no-alertmanager",
    "Prometheus is configured without an Alertmanager",
    {
        **expect(prometheus_alertmanager_connected="CRITICAL"),
        **expect(A, alertmanager_watchdog_arrives="CRITICAL"),
    },
    configured(_no_alertmanager, alertmanager=False),
    restored,
)


def _alertmanager_gone(running: Running) -> None:
    metrics(running)
    running.proxies.set("prometheus-alertmanager", Mode.REFUSED)
    no_watchdog(running)


def _alertmanager_back(running: Running) -> None:
    running.proxies.set("prometheus-alertmanager", Mode.PASS)
    well(running)


fault(
    "prometheus-alertmanager-unreachable",
    "Prometheus does not reach its Alertmanager",
    {
        **expect(prometheus_notifications_lost="CRITICAL"),
        **expect(A, alertmanager_watchdog_arrives="CRITICAL"),
    },
    _alertmanager_gone,
    _alertmanager_back,
)
fault(
    "prometheus-scrapes-nothing",
    "Prometheus has an empty configuration: no job, no rule",
    {
        **expect(
            prometheus_ingests="CRITICAL",
            prometheus_targets_expected="CRITICAL",
            alerts_rules_loaded="CRITICAL",
            alerts_rules_healthy="CRITICAL",
            alerts_no_data="WARNING",
        ),
        **expect(A, alertmanager_watchdog_arrives="CRITICAL"),
    },
    configured(no_watchdog, _no_samples, **_GONE),
    restored,
)


def _over_limit(running: Running) -> None:
    metrics(running).limits = {"redis-exporter": 5}
    reload(running)
    fires("TargetDown")(running)


fault(
    "prometheus-sample-limit",
    "the redis exporter has more samples than its sample_limit",
    expect(
        prometheus_targets_up="CRITICAL",
        prometheus_storage="WARNING",
        prometheus_exporters_see="CRITICAL",
        alerts_can_fire="CRITICAL",
        alerts_firing="CRITICAL",
    ),
    _over_limit,
    restored,
)


def _lied(**paths: Callable[[Any], None]) -> Act:
    def act(running: Running) -> None:
        found = metrics(running)
        ((path, change),) = ((name.replace("__", "/"), one) for name, one in paths.items())
        running.kept["relay"] = Relay(found.port, json_at(path, change))
        running.proxies.redirect("prometheus", running.kept["relay"].port)

    return act


def _truth(running: Running) -> None:
    running.proxies.redirect("prometheus", metrics(running).port)
    running.kept.pop("relay").stop()


def _set(**values: Any) -> Callable[[Any], None]:
    return lambda table: table["data"].update(values)


def _hurry(table: Any) -> None:
    if table["data"]["resultType"] == "scalar":
        table["data"]["result"][1] = str(float(table["data"]["result"][1]) + 90)


fault(
    "prometheus-clock-wrong",
    "Prometheus' clock is 90 s ahead",
    expect(prometheus_clock="CRITICAL"),
    _lied(__api__v1__query=_hurry),
    _truth,
    P,
)
fault(
    "prometheus-retention-short",
    "Prometheus keeps two days",
    expect(prometheus_retention="WARNING"),
    _lied(__api__v1__status__runtimeinfo=_set(storageRetention="2d")),
    _truth,
    P,
)
fault(
    "prometheus-storage-damaged",
    "Prometheus found its storage damaged",
    expect(prometheus_storage="CRITICAL"),
    _lied(__api__v1__status__runtimeinfo=_set(corruptionCount=1)),
    _truth,
    P,
)


def _overloaded(running: Running) -> None:
    found = metrics(running)
    name = b"prometheus_rule_group_iterations_missed_total"
    began = time.time()

    def more(path: str, body: bytes) -> bytes:
        missed = b'\n%s{rule_group="lab"} %d\n' % (name, 10 * (time.time() - began))
        return body + missed if path.startswith("/metrics") else body

    running.kept["relay"] = Relay(found.port, more)
    running.proxies.redirect("prometheus", running.kept["relay"].port)


fault(
    "prometheus-overloaded",
    "Prometheus is too slow to evaluate its rules",
    expect(prometheus_evaluations_missed="WARNING"),
    _overloaded,
    _truth,
    P,
)


def _fills(table: Any) -> None:
    """Let every disk have been filling for two hours: within the lab's life none does."""
    points = table["data"]["result"] if table["data"]["resultType"] == "vector" else []
    for point in [point for point in points if point["metric"].get("figure") == "history"]:
        point["value"][1] = "7200"
        moment, metric = point["value"][0], {**point["metric"], "figure": "full_in"}
        points[:] = [one for one in points if one["metric"] != metric]
        points.append({"metric": metric, "value": [moment, "40000"]})


fault(
    "node-disk-fills-soon",
    "at the pace of the last hours the nodes' disks are full in eleven hours",
    expect(metrics_node_disk_forecast="CRITICAL"),
    _lied(__api__v1__query=_fills),
    _truth,
    P,
)
