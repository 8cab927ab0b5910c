"""Reads Prometheus: readiness first, then each reading with as few queries as it takes."""

import functools
import re
import time
from collections.abc import Callable, Mapping

from checks.engine.environment.monitoring import Prometheus
from checks.engine.probes import Context
from checks.engine.probes.prometheus import courses, figures, rules, scraped
from checks.engine.probes.prometheus.query import data, duration, now, unix
from checks.engine.probes.watchers import Asker, Outcome, due, largest, total, visit
from checks.engine.readings.prometheus import YOUNG, PrometheusConnection, PrometheusServer
from checks.engine.readings.prometheus_work import PrometheusCounters, PrometheusQueue


def read(context: Context) -> None:
    """Settle every name of `context.names`."""
    settings = context.environment.prometheus
    alertmanager = context.environment.alertmanager
    watchdogs = ("Watchdog",) if alertmanager is None else (alertmanager.watchdog,)

    def readings(asker: Asker) -> Mapping[str, Callable[[], Outcome]]:
        assert settings is not None  # noqa: S101 (visit has seen to it)
        return _readings(asker, settings, watchdogs)

    visit(context, settings, "/-/ready", _connection, readings)


def _readings(asker: Asker, settings: Prometheus, watchdogs: tuple[str, ...]) -> Mapping[str, Callable[[], Outcome]]:
    started = functools.cache(lambda: unix(data(asker, "/api/v1/status/runtimeinfo")["startTime"]))

    def aged(read_it: Callable[[Asker, Prometheus, float], Outcome]) -> Callable[[], Outcome]:
        return lambda: read_it(asker, settings, now() - started())

    return {
        "prometheus_server": lambda: _server(asker, settings),
        "prometheus_counters": lambda: _counters(asker, started()),
        "prometheus_queue": lambda: _queue(asker),
        "prometheus_targets": aged(scraped.targets),
        "prometheus_exporters": aged(scraped.exporters),
        "prometheus_textfiles": lambda: scraped.textfiles(asker, settings),
        "prometheus_series": aged(figures.series),
        "prometheus_traffic": aged(figures.traffic),
        "prometheus_waiting": aged(figures.waiting),
        "prometheus_nodes": aged(figures.nodes),
        "prometheus_courses": aged(courses.courses),
        "prometheus_evaluation": lambda: rules.evaluation(asker, settings),
        "prometheus_rules": aged(rules.rules),
        "prometheus_firing": lambda: rules.firing(asker, watchdogs),
        "prometheus_fired": lambda: rules.fired(asker, settings, watchdogs),
    }


def _connection(problem: str, seconds: float) -> PrometheusConnection:
    return PrometheusConnection(
        reachable=problem == "", problem=problem, seconds=seconds, source="GET /-/ready", sampled_at=now()
    )


def _server(asker: Asker, settings: Prometheus) -> PrometheusServer:
    info = data(asker, "/api/v1/status/runtimeinfo")
    built = data(asker, "/api/v1/status/buildinfo")
    head = data(asker, "/api/v1/status/tsdb")["headStats"]
    metrics = asker.metrics()
    stored = metrics.get("prometheus_tsdb_storage_blocks_bytes")
    oldest = max((one.value for one in metrics.get("prometheus_tsdb_lowest_timestamp_seconds", ())), default=0.0)
    managers = data(asker, "/api/v1/alertmanagers")["activeAlertmanagers"]
    began = time.time()
    theirs = float(data(asker, "/api/v1/query", {"query": "time()"})["result"][1])
    ended = time.time()
    seconds, by_size = _retention(info.get("storageRetention", ""))
    return PrometheusServer(
        version=str(built["version"])[:40],
        uptime=began - unix(info["startTime"]),
        reloaded=bool(info["reloadConfigSuccess"]),
        configured=ended - unix(info["lastConfigTime"]),
        corruptions=int(info["corruptionCount"]),
        series=int(head["numSeries"]),
        stored=None if stored is None else int(stored[0].value),
        # without a sample the time is the least, or the greatest, that there is
        newest_age=ended - head["maxTime"] / 1000 if 0 < head["maxTime"] < 1e14 else None,  # noqa: PLR2004 (year 5138)
        due_interval=settings.interval,
        clock_offset=theirs - (began + ended) / 2,
        retention=seconds,
        retention_is_by_size=by_size,
        oldest_age=ended - oldest if 0 < oldest <= ended else None,  # without a sample it is the greatest time there is
        cut_by_size=total(metrics, "prometheus_tsdb_size_retentions_total") > 0,
        due_retention=settings.retention_days * 86400,
        alertmanagers=len(managers),
        source="GET /api/v1/status/runtimeinfo",
        sampled_at=ended,
    )


def _counters(asker: Asker, started: float) -> PrometheusCounters:
    found = asker.metrics()
    # one that has only just started exports this counter with its first sample: until then it is 0
    count = total if now() - started < YOUNG else due
    known = "prometheus_notifications_alertmanagers_discovered"
    return PrometheusCounters(
        started=started,
        alertmanagers=largest(found, known) if known in found else 1.0,
        samples=count(found, "prometheus_tsdb_head_samples_appended_total"),
        reloaded=total(found, "prometheus_config_last_reload_success_timestamp_seconds"),
        sent=total(found, "prometheus_notifications_sent_total"),
        failed=total(found, "prometheus_notifications_errors_total"),
        dropped=total(found, "prometheus_notifications_dropped_total"),
        rule_failures=total(found, "prometheus_rule_evaluation_failures_total"),
        missed_evaluations=total(found, "prometheus_rule_group_iterations_missed_total"),
        compactions_failed=total(found, "prometheus_tsdb_compactions_failed_total"),
        corruptions=total(found, "prometheus_tsdb_wal_corruptions_total"),
        over_limit=total(found, "prometheus_target_scrapes_exceeded_sample_limit_total"),
        source="GET /metrics",
        sampled_at=now(),
    )


def _queue(asker: Asker) -> PrometheusQueue:
    found = asker.metrics()
    waiting = largest(found, "prometheus_notifications_queue_length")
    capacity = largest(found, "prometheus_notifications_queue_capacity")
    return PrometheusQueue(
        waiting=int(waiting),
        capacity=int(capacity),
        used_ratio=waiting / capacity if capacity > 0 else 1.0,
        source="GET /metrics",
        sampled_at=now(),
    )


def _retention(text: str) -> tuple[float | None, bool]:
    """Return how long samples are kept in seconds, None where no time is said, and whether a size limits them too."""
    by_time = next((seconds for part in text.split(" or ") if (seconds := duration(part)) is not None), None)
    return by_time, re.search(r"\d+(\.\d+)?([KMGTPE]i?)?B", text) is not None
