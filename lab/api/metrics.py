"""GET /metrics: Prometheus's text format, version 0.0.4, of the request counters, the queue and the business."""

import os
import resource
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from lab.api.counters import BUCKETS, Counters

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_GAUGES = {
    "inactive_jobs": ("minion_jobs_inactive", "Jobs waiting, delayed ones included"),
    "delayed_jobs": ("minion_jobs_delayed", "Jobs that may not run yet"),
    "active_jobs": ("minion_jobs_active", "Jobs being performed"),
    "failed_jobs": ("minion_jobs_failed", "Jobs that failed"),
    "finished_jobs": ("minion_jobs_finished", "Jobs finished and kept"),
    "workers": ("minion_workers", "Workers registered"),
}
_BUSINESS = {
    "active_users": ("penhas_active_users", "gauge", "Users active within a day"),
    "audio_uploads": ("penhas_audio_uploads_total", "counter", "Audio uploads to guardians"),
    "searches": ("penhas_support_center_searches_total", "counter", "Searches for support centres"),
    "alerts": ("penhas_guardian_alerts_total", "counter", "Alerts sent to guardians"),
}


def requests(counters: Counters) -> Iterator[str]:
    """Yield the request counter and the histogram, by method, endpoint and status."""
    series = counters.series()
    yield from _head("http_requests_total", "counter", "Requests answered")
    for (method, endpoint, status), one in series:
        yield f'http_requests_total{{method="{method}",endpoint="{endpoint}",status="{status}"}} {one.requests}'
    name = "http_request_duration_seconds"
    yield from _head(name, "histogram", "Seconds from a request's arrival to its answer")
    for (method, endpoint, status), one in series:
        labels, total = f'method="{method}",endpoint="{endpoint}",status="{status}"', 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), one.buckets, strict=True):
            total += count
            yield f'{name}_bucket{{{labels},le="{bound}"}} {total}'
        yield f"{name}_sum{{{labels}}} {one.seconds:.6f}"
        yield f"{name}_count{{{labels}}} {total}"


def process(counters: Counters, version: str, load: tuple[int, int], pool: tuple[int, int]) -> Iterator[str]:
    """Yield what the process knows; `load` and `pool` are (connections, requests waiting) and (used, at most)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    usage = resource.getrusage(resource.RUSAGE_SELF)
    yield from _one("http_connections_active", "gauge", "Client connections open", load[0])
    yield from _one("http_requests_active", "gauge", "Requests being answered", counters.active)
    yield from _one("http_request_queue_depth", "gauge", "Requests waiting for a thread", load[1])
    yield from _one("db_pool_connections_used", "gauge", "Sessions of the pool in use", pool[0])
    yield from _one("db_pool_connections_max", "gauge", "Sessions of the pool at most", pool[1])
    yield from _one("process_start_time_seconds", "gauge", "When the process started", f"{counters.started:.3f}")
    yield from _one("process_resident_memory_bytes", "gauge", "Resident memory", pages * os.sysconf("SC_PAGE_SIZE"))
    yield from _one("process_cpu_seconds_total", "counter", "CPU time", f"{usage.ru_utime + usage.ru_stime:.3f}")
    yield from _one("process_open_fds", "gauge", "Open descriptors", len(os.listdir("/proc/self/fd")))  # noqa: PTH208
    yield from _head("penhas_build_info", "gauge", "Which version runs")
    yield f'penhas_build_info{{version="{version}"}} 1'
    yield from _one("penhas_scrape_time_seconds", "gauge", "When this was written", f"{time.time():.3f}")


def database(jobs: Mapping[str, object], business: Mapping[str, int]) -> Iterator[str]:
    """Yield the queue's and the business's series."""
    for field, (name, text) in _GAUGES.items():
        yield from _one(name, "gauge", text, jobs[field])
    for field, (name, kind, text) in _BUSINESS.items():
        yield from _one(name, kind, text, business[field])


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}."
    yield f"# TYPE {name} {kind}"


def _one(name: str, kind: str, text: str, value: object) -> Iterator[str]:
    yield from _head(name, kind, text)
    yield f"{name} {value}"
