"""What goes wrong with Prometheus: its configuration, its targets, its Alertmanager."""

import re
import time

from lab.faults.configured import configured, edited, own_figure, reload, restored, with_jobs
from lab.faults.watching import A, expect, fault, fires, metrics, no_watchdog, scraped, stamp, until, well
from lab.prometheus import BATCH, QUEUE
from lab.proxy import Mode
from lab.running import Running

_FLOOD = "EverySeries"
_EVERY_SERIES = f"""
  - name: flood
    rules:
      - alert: {_FLOOD}
        expr: 'label_replace({{job="redis-exporter",alertname=""}}, "metric", "$1", "__name__", "(.+)") >= 0'
        labels:
          severity: info
"""
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
    expect(prometheus_targets_expected="CRITICAL", prometheus_exporters_see="CRITICAL", alerts_can_fire="WARNING"),
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
    metrics(running).intervals["node-exporter"] = "5s"
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


def _seldom(running: Running) -> None:
    """Let no group name an interval of its own, so that all of them have the global one."""
    metrics(running).evaluation = "4s"
    reload(running, rules=edited(lambda text: re.sub(r"^    interval: .*\n", "", text, flags=re.MULTILINE)))
    scraped(running)


fault(
    "prometheus-evaluation-slow",
    "rules are evaluated less often than is due",
    expect(prometheus_evaluation_interval="WARNING"),
    _seldom,
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
        **expect(prometheus_alertmanager_connected="CRITICAL", prometheus_notifications_lost="CRITICAL"),
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


def _flooded(running: Running) -> None:
    """Let a rule fire for every series of an exporter, and Alertmanager never answer; return when that has told."""
    found = metrics(running)
    reload(running, rules=edited(lambda text: text + _EVERY_SERIES))
    fires(_FLOOD)(running)
    running.proxies.set("prometheus-alertmanager", Mode.HANG)
    began = time.time()
    no_watchdog(running)
    full = QUEUE - BATCH
    until("its queue is full", lambda: own_figure(found, "prometheus_notifications_queue_length") >= full)
    # past the age from which on an alert is overdue, and the seconds of losses that the reload excuses
    until("all of it is overdue", lambda: time.time() - began > 35)  # noqa: PLR2004 (see above)


def _drained(running: Running) -> None:
    running.proxies.set("prometheus-alertmanager", Mode.PASS)
    restored(running)
    metrics(running).forget(f'{{alertname="{_FLOOD}"}}')


fault(
    "prometheus-notifications-pile-up",
    "a rule fires for every series of the redis exporter, and Alertmanager accepts and never answers",
    {
        **expect(
            prometheus_notifications_waiting="CRITICAL",
            prometheus_notifications_lost="CRITICAL",
            alerts_firing="WARNING",
            alerts_reach_alertmanager="CRITICAL",
        ),
        **expect(A, alertmanager_watchdog_arrives="CRITICAL"),
    },
    _flooded,
    _drained,
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
        alerts_can_fire="WARNING",
        alerts_firing="CRITICAL",
    ),
    _over_limit,
    restored,
)
