"""The figures that the guide wants kept: whether they are there, and what they say."""

import re
from collections.abc import Callable

from checks.engine.environment.monitoring import Prometheus
from checks.engine.model import NotJudged
from checks.engine.probes.folding import fold_path, is_raw
from checks.engine.probes.prometheus.query import Point, figures, instant, now, one
from checks.engine.probes.prometheus.scraped import address, instances_of
from checks.engine.probes.watchers import Asker
from checks.engine.readings.prometheus import (
    YOUNG,
    Due,
    Node,
    PrometheusNodes,
    PrometheusSeries,
    PrometheusTraffic,
    PrometheusWaiting,
    Slow,
)

MINIMUM_REQUESTS = 50
HISTOGRAM = "http_request_duration_seconds"
COUNTED = f"http_requests_total|{HISTOGRAM}_(count|bucket)"
ROUTES = ("endpoint", "handler", "path", "route", "uri", "url")  # the labels that programs keep the route in
OWN_PATHS = "/health.*|/metrics|/maintenance/.*|/minion/stats"

# figure -> the check that holds it to a limit, empty where the guide has none, and its metrics, of which any one will
# do: exporters of different versions and habits name one thing differently.
Figures = dict[str, tuple[str, tuple[str, ...]]]
CONNECTIONS = ("http_connections_active", "http_active_connections", "nginx_connections_active")
QUEUE = ("http_request_queue_depth", "http_requests_queued")
APPLICATION: Figures = {
    "request rate": ("", ("http_requests_total", f"{HISTOGRAM}_count")),
    "response time": ("metrics-response-time", (f"{HISTOGRAM}_bucket",)),
    "active connections": ("", CONNECTIONS),
    "request queue depth": ("metrics-queue-depth", QUEUE),
    "connection pool use": ("", ("db_pool_connections_used", "pgbouncer_pools_server_active_connections")),
}
# Not the bloat of tables and indexes: postgres_exporter has no figure of it, and the database is asked itself.
DATABASE: Figures = {
    "connections": ("postgresql-connections-used", ("pg_stat_activity_count", "pg_stat_database_numbackends")),
    "query execution time": ("", ("pg_stat_activity_max_tx_duration", "pg_stat_statements_seconds_total")),
    "replication lag": (
        "replication-lag-bytes",
        ("pg_stat_replication_pg_wal_lsn_diff", "pg_replication_lag", "pg_replication_lag_seconds"),
    ),
    "cache hit ratio": ("postgresql-cache-hit", ("pg_stat_database_blks_hit",)),
}
INFRASTRUCTURE: Figures = {
    "CPU": ("metrics-node-cpu", ("node_cpu_seconds_total",)),
    "memory": ("metrics-node-memory", ("node_memory_MemAvailable_bytes",)),
    "disk I/O": ("metrics-node-disk-io", ("node_disk_io_time_seconds_total",)),
    "network": ("", ("node_network_receive_bytes_total",)),
    "disk space": ("metrics-node-disk", ("node_filesystem_avail_bytes",)),
}


def series(asker: Asker, settings: Prometheus, uptime: float) -> PrometheusSeries | NotJudged:
    """Return which of the figures have samples now; Prometheus looks back five minutes and no further."""
    # A group is due where the environment file names such a job: the public backend, for one, has no metrics.
    groups = [
        group if _instances(settings, word) else {}
        for group, word in ((APPLICATION, "api"), (DATABASE, "postgres"), (INFRASTRUCTURE, "node"))
    ]
    if groups == [{}, {}, {}]:
        return NotJudged("the environment file names no job of the API, of PostgreSQL or of nodes")
    names = "|".join(metric for group in groups for _, metrics in group.values() for metric in metrics)
    points = instant(asker, f'count by (__name__, instance) ({{__name__=~"{names}"}})')
    # Every instance of the API and every node; of the database one exporter suffices.
    expected: list[tuple[str, ...]] = [_instances(settings, "api"), (), _instances(settings, "node")]
    application, database, infrastructure = (
        tuple(_due(subject, by, metrics, points, due) for subject, (by, metrics) in group.items())
        for group, due in zip(groups, expected, strict=True)
    )
    if uptime < YOUNG + settings.interval and any(
        not due.instances for due in (*application, *database, *infrastructure)
    ):
        return NotJudged(f"Prometheus started {uptime:.0f} s ago: its first scrapes are not in yet")
    # Not the API of label values: it still knows those of series that ended hours ago.
    now_there = instant(asker, f'count by ({",".join(ROUTES)}) ({{__name__=~"{COUNTED}"}})')
    values = {(name, point.labels[name]) for point in now_there for name in ROUTES if point.labels.get(name)}
    raw = {(name, value) for name, value in values if is_raw(value)}
    return PrometheusSeries(
        application=application,
        database=database,
        infrastructure=infrastructure,
        endpoints=len(values),
        raw_endpoints=len(raw),
        raw_labels=tuple(sorted({name for name, _ in raw})),
        source="GET /api/v1/query",
        sampled_at=now(),
    )


def traffic(asker: Asker, _settings: Prometheus, _uptime: float) -> PrometheusTraffic | NotJudged:
    """Return the application's figures of five minutes; without enough requests there is nothing to judge."""
    of = f'{{endpoint!~"{OWN_PATHS}"}}'
    rate = f"rate({HISTOGRAM}_count{of}[5m])"
    buckets = f"sum by (le) (rate({HISTOGRAM}_bucket{of}[5m]))"
    counts = f'{HISTOGRAM}_count{{endpoint!~"{OWN_PATHS}"'
    found = figures(
        asker,
        {
            "requests": f"sum(increase({HISTOGRAM}_count{of}[5m]))",
            "rate": f"sum({rate})",
            "p50": f"histogram_quantile(0.5, {buckets})",
            "p95": f"histogram_quantile(0.95, {buckets})",
            "p99": f"histogram_quantile(0.99, {buckets})",
            "client": f'sum(rate({counts},status=~"4.."}}[5m])) / sum({rate})',
            "server": f'sum(rate({counts},status=~"5.."}}[5m])) / sum({rate})',
            "labelled": f'count({counts},status=~"[1-5].."}})',
            "second": f'count({HISTOGRAM}_bucket{{le=~"1|1.0"}})',
            "connections": "sum({__name__=~" + f'"{"|".join(CONNECTIONS)}"' + "})",
            "slow": f"sum by (endpoint) (increase({HISTOGRAM}_count{of}[1h])) - sum by (endpoint)"
            f' (increase({HISTOGRAM}_bucket{{endpoint!~"{OWN_PATHS}",le=~"1|1.0"}}[1h]))',
            "all": f"sum by (endpoint) (increase({HISTOGRAM}_count{of}[1h]))",
        },
    )
    requests = one(found["requests"]) or 0.0
    if requests < MINIMUM_REQUESTS:
        return NotJudged(f"too few requests: {requests:.0f} in the last five minutes, {MINIMUM_REQUESTS} are needed")
    return PrometheusTraffic(
        requests=int(requests),
        rate=one(found["rate"]) or 0.0,
        p50=one(found["p50"]),
        p95=one(found["p95"]),
        p99=one(found["p99"]),
        # A status that never occurred has no series: that is a share of 0, since requests there were with others.
        client_error_ratio=(one(found["client"]) or 0.0) if found["labelled"] else None,
        server_error_ratio=(one(found["server"]) or 0.0) if found["labelled"] else None,
        connections=_count(found["connections"]),
        slow=_slow(found["slow"], found["all"]) if found["second"] else None,
        hour=sum(point.value for point in found["all"]),
        source="GET /api/v1/query",
        sampled_at=now(),
    )


def waiting(asker: Asker, settings: Prometheus, uptime: float) -> PrometheusWaiting | NotJudged:
    """Return how many requests wait, however few were answered: where all wait, hardly any is."""
    requests = _count(instant(asker, "sum({__name__=~" + f'"{"|".join(QUEUE)}"' + "})"))
    if requests is None and not _instances(settings, "api"):
        return NotJudged("the environment file names no job of the API")
    if requests is None and uptime < YOUNG + settings.interval:
        return NotJudged(f"Prometheus started {uptime:.0f} s ago: its first scrapes are not in yet")
    return PrometheusWaiting(requests=requests, source="GET /api/v1/query", sampled_at=now())


_NODE_FIGURES = ("cpu", "memory", "disk", "inodes", "io", "network", "clock", "full_in", "history")


def nodes(asker: Asker, settings: Prometheus, uptime: float) -> PrometheusNodes | NotJudged:
    """Return each host's shares of five minutes, from its node exporter."""
    real = 'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660"'
    found = figures(
        asker,
        {
            "cpu": '1 - sum by (instance) (rate(node_cpu_seconds_total{mode=~"idle|iowait"}[5m]))'
            " / sum by (instance) (rate(node_cpu_seconds_total[5m]))",
            "memory": "1 - sum by (instance) (node_memory_MemAvailable_bytes)"
            " / sum by (instance) (node_memory_MemTotal_bytes)",
            "disk": "max by (instance) (1 - node_filesystem_avail_bytes{" + real + "} / (node_filesystem_avail_bytes"
            " + node_filesystem_size_bytes - node_filesystem_free_bytes))",
            "inodes": "max by (instance) (1 - node_filesystem_files_free{" + real + "}"
            " / (node_filesystem_files{" + real + "} > 0))",
            "io": "max by (instance) (rate(node_disk_io_time_seconds_total[5m]))",
            "network": 'sum by (instance) (rate(node_network_receive_bytes_total{device!="lo"}[5m])'
            ' + rate(node_network_transmit_bytes_total{device!="lo"}[5m]))',
            "full_in": "min by (instance) (node_filesystem_avail_bytes{" + real + "}"
            " / -(deriv(node_filesystem_avail_bytes{" + real + "}[6h]) < 0))",
            "history": "max by (instance) (time()"
            " - min_over_time(timestamp(node_filesystem_avail_bytes{" + real + "})[6h:1m]))",
            "clock": "max by (instance) (node_time_seconds - timestamp(node_time_seconds))",
        },
    )
    instances = sorted({point.labels.get("instance", "") for points in found.values() for point in points})
    if instances == [] and uptime < YOUNG + settings.interval:
        return NotJudged(f"Prometheus started {uptime:.0f} s ago: its first scrapes are not in yet")
    by = {name: {p.labels.get("instance", ""): p.value for p in points} for name, points in found.items()}
    listed = tuple(
        Node(
            instance,
            *(by[name].get(instance) for name in _NODE_FIGURES),
        )
        for instance in instances
    )
    return PrometheusNodes(
        nodes=listed,
        busiest_cpu=_worst(listed, lambda node: node.cpu_ratio),
        fullest_memory=_worst(listed, lambda node: node.memory_ratio),
        fullest_disk=_worst(listed, lambda node: node.disk_ratio),
        fullest_inodes=_worst(listed, lambda node: node.inodes_ratio),
        busiest_disk=_worst(listed, lambda node: node.busiest_disk_ratio),
        source="GET /api/v1/query",
        sampled_at=now(),
    )


def _instances(settings: Prometheus, word: str) -> tuple[str, ...]:
    return tuple(target for job in settings.jobs if re.search(word, job.name) for target in job.targets)


def _due(subject: str, by: str, metrics: tuple[str, ...], points: list[Point], due: tuple[str, ...]) -> Due:
    there = instances_of(points, metrics)
    known = {address(instance) for instance in there}
    return Due(subject, by, metrics, there, tuple(target for target in due if address(target) not in known))


def _slow(slow: list[Point], requests: list[Point]) -> tuple[Slow, ...]:
    folded: dict[str, list[float]] = {}
    for points, place in ((slow, 0), (requests, 1)):
        for point in points:
            folded.setdefault(fold_path(point.labels.get("endpoint", "")), [0.0, 0.0])[place] += point.value
    found = [Slow(endpoint, round(n, 1), round(of, 1)) for endpoint, (n, of) in folded.items() if n >= 1]
    return tuple(sorted(found, key=lambda one: (-one.slow, one.endpoint))[:20])


def _count(points: list[Point]) -> int | None:
    value = one(points)
    return None if value is None else int(value)


def _worst(listed: tuple[Node, ...], share: Callable[[Node], float | None]) -> float | None:
    values = [value for node in listed if (value := share(node)) is not None]
    return max(values) if values else None
