"""What Prometheus scrapes, against what the environment file says that it must."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from checks.engine.environment.monitoring import Job, Prometheus
from checks.engine.model import NotJudged
from checks.engine.probes.folding import place
from checks.engine.probes.prometheus.query import Point, data, duration, figures, instant, now, seconds_since
from checks.engine.probes.watchers import Asker
from checks.engine.readings.prometheus import (
    YOUNG,
    Exporter,
    Left,
    PrometheusExporters,
    PrometheusTargets,
    PrometheusTextfiles,
    Scraped,
)

OWN_WORDS = ("pg_up", "redis_up", "elasticsearch_up", "elasticsearch_cluster_health_up", "minio_up", "nginx_up")

_PROBLEMS = (
    (r"connection refused", "connection refused"),
    (r"context deadline exceeded|i/o timeout", "no answer in time"),
    (r"no such host|server misbehaving", "its name does not resolve"),
    (r"connection reset|EOF", "the connection was cut"),
    (r"no route|unreachable", "no route to it"),
    (r"certificate|x509|tls", "its TLS certificate is not accepted"),
    (r"sample limit", "more samples than its limit"),
    (r"expected|invalid|unsupported|parse", "answers something that is not Prometheus' text format"),
)


def targets(asker: Asker, settings: Prometheus, uptime: float) -> PrometheusTargets | NotJudged:
    """Return every live target, and the expected ones that are not there."""
    found = data(asker, "/api/v1/targets", {"state": "active"})["activeTargets"]
    at = now()
    due = {(job.name, address(target)) for job in settings.jobs for target in job.targets}
    live = [_scraped(one, due, settings.interval, at) for one in found]
    if uptime < YOUNG + settings.interval and (not live or any(one.age is None for one in live)):
        return NotJudged(f"Prometheus started {uptime:.0f} s ago: its first scrapes are not in yet")
    there = {(str(one["labels"]["job"]), name) for one in found for name in _names(one)}
    return PrometheusTargets(
        targets=tuple(sorted(live, key=lambda one: (one.job, one.instance))),
        missing=tuple(sorted(due - there)),
        due_interval=settings.interval,
        source="GET /api/v1/targets",
        sampled_at=at,
    )


def exporters(asker: Asker, settings: Prometheus, uptime: float) -> PrometheusExporters | NotJudged:
    """Return what each exporter says of the server behind it; those whose word is due and missing too.

    pg_exporter_last_scrape_error is not asked: tried on postgres_exporter 0.11 it is 1 where pg_up is 0, and stays 0
    when a collector fails. What a collector does not deliver any more, metrics-database-kept tells.
    """
    named = [job.exporter for job in settings.jobs if job.exporter is not None]
    points = instant(asker, f'{{__name__=~"{"|".join(dict.fromkeys((*OWN_WORDS, *named)))}"}}')
    said = [
        Exporter(p.labels.get("job", ""), p.labels.get("instance", ""), p.labels["__name__"], p.value != 0)
        for p in points
    ]
    mute = [one for job in settings.jobs if job.exporter is not None for one in _mute(job, job.exporter, said)]
    if mute and uptime < YOUNG + settings.interval:
        return NotJudged(f"Prometheus started {uptime:.0f} s ago: its first scrapes are not in yet")
    if not said and not mute:
        return NotJudged("no exporter says whether its server is up: name `exporter` at its job (pg_up, redis_up)")
    return PrometheusExporters(exporters=(*said, *mute), source="its series *_up", sampled_at=now())


def _mute(job: Job, metric: str, said: list[Exporter]) -> list[Exporter]:
    """Return the targets of a job that do not say the word of their exporter; how many, where labels were rewritten."""
    heard = {address(one.instance) for one in said if one.job == job.name and one.metric == metric}
    silent = [target for target in job.targets if address(target) not in heard]
    lacking = len(job.targets) - len(heard)
    if lacking <= 0:
        return []
    names = silent if len(silent) == lacking else [f"{lacking} of {len(job.targets)} targets"]
    return [Exporter(job.name, name, metric, None) for name in names]


def textfiles(asker: Asker, settings: Prometheus) -> PrometheusTextfiles:
    """Return how old is what scripts leave for Prometheus to scrape."""
    found = figures(
        asker,
        {
            "files": "time() - max by (instance, file) (node_textfile_mtime_seconds)",
            "pushed": "time() - max by (job) (push_time_seconds)",
            "errors": "max by (instance) (node_textfile_scrape_error) > 0",
        },
    )
    files = [Left(p.labels["instance"], PurePosixPath(p.labels["file"]).name, p.value) for p in found["files"]]
    pushed = [Left("pushed", p.labels.get("job", ""), p.value) for p in found["pushed"]]
    return PrometheusTextfiles(
        left=tuple(sorted((*files, *pushed), key=lambda one: (one.where, one.name))),
        unreadable=tuple(sorted(point.labels["instance"] for point in found["errors"])),
        due_age=settings.textfile_age,
        source="GET /api/v1/query",
        sampled_at=now(),
    )


def instances_of(points: list[Point], metrics: tuple[str, ...]) -> tuple[str, ...]:
    """Return the instances that have samples of any of the metrics."""
    return tuple(sorted({p.labels.get("instance", "") for p in points if p.labels.get("__name__") in metrics}))


def _scraped(one: Mapping[str, Any], due: set[tuple[str, str]], interval: float, at: float) -> Scraped:
    labels = one["labels"]
    job, instance = str(labels["job"]), str(labels["instance"])
    up = one["health"] == "up"
    return Scraped(
        job=job,
        instance=place(instance),
        expected=any((job, name) in due for name in _names(one)),
        up=up,
        age=seconds_since(one["lastScrape"], at),
        interval=duration(one.get("scrapeInterval", "")) or interval,
        problem="" if up else _problem(str(one.get("lastError", ""))),
        took=float(one["lastScrapeDuration"]) if "lastScrapeDuration" in one else None,
        timeout=duration(one.get("scrapeTimeout", "")),
    )


def _problem(text: str) -> str:
    status = re.search(r"HTTP status (\d{3})", text)
    if status is not None:
        return f"answers {status.group(1)}"
    return next((word for pattern, word in _PROBLEMS if re.search(pattern, text, re.IGNORECASE)), "not scraped")


def _names(one: Mapping[str, Any]) -> tuple[str, str]:
    """Return what a target may be called: its label, which may have been rewritten, and where it is scraped."""
    return address(str(one["labels"]["instance"])), address(urlsplit(one["scrapeUrl"]).netloc.rpartition("@")[2])


def address(target: str) -> str:
    """Return a target as it is compared with another: without the scheme, in lower case."""
    return target.removeprefix("http://").removeprefix("https://").lower()
