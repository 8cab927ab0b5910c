"""What goes wrong with what Prometheus scrapes: exporters and metrics; the nodes are in nodes.py."""

import os
import time

from lab import exporters
from lab.faults.configured import reload, restored
from lab.faults.registry import Act
from lab.faults.watching import (
    expect,
    fault,
    fires,
    metrics,
    proxied,
    scraped,
    unproxied,
    watchers,
    well,
)
from lab.proxy import Mode
from lab.running import Running


def _end(name: str, *after: Act) -> Act:
    def act(running: Running) -> None:
        process = watchers(running).exporters[name].process
        if process is not None:
            process.stop()
        for one in after:
            one(running)

    return act


def begin(name: str) -> Act:
    """Return an act that starts an exporter, and waits until all is well."""

    def act(running: Running) -> None:
        exporter = watchers(running).exporters[name]
        exporter.start(running.launcher)
        exporter.await_ready()
        well(running)

    return act


fault(
    "target-down",
    "the redis exporter is not running",
    expect(
        prometheus_targets_up="CRITICAL",
        prometheus_exporters_see="CRITICAL",
        alerts_can_fire="WARNING",
        alerts_firing="CRITICAL",
    ),
    _end("redis-exporter", fires("TargetDown")),
    begin("redis-exporter"),
)
fault(
    "exporter-blind",
    "the redis exporter is up and does not reach Redis",
    expect(prometheus_exporters_see="CRITICAL", alerts_firing="CRITICAL"),
    proxied("exporter-redis", fires("ExporterBlind")),
    unproxied("exporter-redis"),
)
fault(
    "metrics-database-gone",
    "the postgres exporter does not reach PostgreSQL, tries for longer than a scrape may take, and its series end",
    expect(
        prometheus_targets_up="CRITICAL",
        prometheus_exporters_see="CRITICAL",
        metrics_database_kept="CRITICAL",
        alerts_can_fire="CRITICAL",
        alerts_firing="CRITICAL",
    ),
    proxied("exporter-postgresql", fires("TargetDown")),
    unproxied("exporter-postgresql"),
)


def _blind(running: Running) -> None:
    """Scrape the exporter seldom enough that it may end its tries, which take a second and more."""
    metrics(running).intervals["postgres-exporter"] = "4s"
    reload(running)
    proxied("exporter-postgresql", fires("ExporterBlind"))(running)


def _sees(running: Running) -> None:
    running.proxies.set("exporter-postgresql", Mode.PASS)
    restored(running)


fault(
    "exporter-postgresql-blind",
    "the postgres exporter, scraped every 4 s, is up and does not reach PostgreSQL",
    expect(
        prometheus_targets_fresh="WARNING",
        prometheus_exporters_see="CRITICAL",
        metrics_database_kept="CRITICAL",
        alerts_can_fire="CRITICAL",
        alerts_firing="CRITICAL",
    ),
    _blind,
    _sees,
)


def _drop_metrics(*names: str, apis: tuple[str, ...] = ("api1", "api2", "api3")) -> Act:
    def act(running: Running) -> None:
        metrics(running)
        for api in apis:
            running.apis[api].misbehave(drop_metrics=list(names) or None)
        scraped(running)

    return act


fault(
    "metric-dead",
    "nothing exports minion_jobs_inactive any more",
    expect(alerts_can_fire="CRITICAL"),
    _drop_metrics("minion_jobs_inactive"),
    _drop_metrics(),
)
fault(
    "metric-missing-somewhere",
    "one instance of three does not export its connections",
    expect(metrics_application_kept="WARNING"),
    _drop_metrics("http_connections_active", apis=("api3",)),
    _drop_metrics(),
)
fault(
    "metric-missing",
    "no instance exports its queue of requests",
    expect(metrics_application_kept="CRITICAL", metrics_queue_depth="UNKNOWN"),
    _drop_metrics("http_request_queue_depth"),
    _drop_metrics(),
)


def _textfile(name: str, text: str | None) -> Act:
    def act(running: Running) -> None:
        metrics(running)
        exporters.textfile(running.machine, name, text)
        scraped(running)

    return act


fault(
    "requests-queue",
    "180 requests wait for a worker",
    expect(metrics_queue_depth="CRITICAL"),
    _textfile("queue", "http_request_queue_depth 60\n"),
    _textfile("queue", None),
)


def _script_ran(days: float) -> Act:
    def act(running: Running) -> None:
        metrics(running)
        file, moment = exporters.textfiles(running.machine) / f"{exporters.NIGHTLY}.prom", time.time() - days * 86400
        os.utime(file, (moment, moment))
        scraped(running)

    return act


fault(
    "textfile-stale",
    "the script that leaves the nodes a text file has not run for three days",
    expect(metrics_textfiles_fresh="WARNING"),
    _script_ran(3),
    _script_ran(0),
)
fault(
    "textfile-ahead",
    "what a script left is stamped a day ahead",
    expect(metrics_textfiles_fresh="WARNING"),
    _script_ran(-1),
    _script_ran(0),
)
fault(
    "endpoints-raw",
    "a label holds paths with ids in them",
    expect(metrics_endpoints_folded="WARNING"),
    _textfile(
        "endpoints",
        'http_request_duration_seconds_count{endpoint="/clientes/77131",method="GET",status="200"} 1\n'
        'http_requests_total{path="clientes/77132",method="GET",status="200"} 1\n',
    ),
    _textfile("endpoints", None),
)
