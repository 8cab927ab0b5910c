"""What is read of Prometheus: itself, what it scrapes, and what it knows.

Its rules are in prometheus_rules.py, its own work in prometheus_work.py.
"""

from checks.engine.model import Bytes, Count, PerSecond, Ratio, Reading, Seconds
from checks.engine.readings import reading
from checks.engine.records import dataclass

YOUNG = (
    30.0  # it discovers targets and Alertmanagers within some six seconds, and scrapes once an interval from then on
)

LOOKS = 10.0  # it looks for Alertmanagers anew, for five seconds at most, whenever its configuration was read


@reading("prometheus_connection", service="prometheus")
@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusConnection(Reading):
    """Whether the server answers and is ready; `problem` is our word for why not."""

    reachable: bool
    problem: str = ""
    seconds: Seconds = 0.0


@reading("prometheus_server", service="prometheus")
@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusServer(Reading):
    """What the server says of itself; `due_retention` is what the environment file asks for.

    `configured` is how long ago its configuration was read, `newest_age` the age of the newest sample that it holds,
    None where it holds none. `stored` is the size of its blocks on the disk. `oldest_age` is the age of the oldest
    sample, None where that is not told; `cut_by_size` says that since its start samples went for their size.
    """

    version: str
    uptime: Seconds
    reloaded: bool
    configured: Seconds
    corruptions: Count
    series: Count
    stored: Bytes | None
    newest_age: Seconds | None
    due_interval: Seconds
    clock_offset: Seconds
    retention: Seconds | None
    retention_is_by_size: bool
    oldest_age: Seconds | None
    cut_by_size: bool
    due_retention: Seconds
    alertmanagers: Count


@dataclass(frozen=True, slots=True)
class Scraped:
    """One target that Prometheus scrapes; `age` is that of its last scrape, `problem` our word for why it is down.

    `took` are the seconds of its last scrape, which may take `timeout`; None where that is not told.
    """

    job: str
    instance: str
    expected: bool
    up: bool
    age: float | None
    interval: float
    problem: str = ""
    took: float | None = None
    timeout: float | None = None


@reading("prometheus_targets", service="prometheus")
@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusTargets(Reading):
    """The live targets against the environment file's: `missing` are (job, instance) that Prometheus does not have."""

    targets: tuple[Scraped, ...]
    missing: tuple[tuple[str, str], ...]
    due_interval: Seconds


@dataclass(frozen=True, slots=True)
class Exporter:
    """An exporter's own word for what it watches (pg_up, redis_up, …): `up` is None where it does not say it at all."""

    job: str
    instance: str
    metric: str
    up: bool | None


@reading("prometheus_exporters", service="prometheus")
@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusExporters(Reading):
    """What each exporter says of the server behind it."""

    exporters: tuple[Exporter, ...]


@dataclass(frozen=True, slots=True)
class Left:
    """What a script left: `where` is a node, or "pushed", `name` a file's or the pushing job's, `age` in seconds."""

    where: str
    name: str
    age: float


@reading("prometheus_textfiles", service="prometheus")
@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusTextfiles(Reading):
    """What scripts left for Prometheus to scrape, in text files of node exporters or at a Pushgateway.

    `unreadable` are the nodes with a text file that is none: nothing of it is kept.
    """

    left: tuple[Left, ...]
    unreadable: tuple[str, ...]
    due_age: Seconds


@dataclass(frozen=True, slots=True)
class Due:
    """A figure that the guide wants kept: its metrics, of which one suffices, and where it has samples now.

    `judged_by` is the check that holds its value to a limit, empty where there is none.
    """

    subject: str
    judged_by: str
    metrics: tuple[str, ...]
    instances: tuple[str, ...]
    missing: tuple[str, ...]


@reading("prometheus_series", service="prometheus")
@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusSeries(Reading):
    """Whether the guide's figures have samples of the last five minutes.

    `endpoints` are the values of labels that say to what a request was; `raw_endpoints` of them, in the labels
    `raw_labels`, hold ids.
    """

    application: tuple[Due, ...]
    database: tuple[Due, ...]
    infrastructure: tuple[Due, ...]
    endpoints: Count
    raw_endpoints: Count
    raw_labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Slow:
    """How many requests to an endpoint (ids folded) took longer than a second, of how many, in the last hour."""

    endpoint: str
    slow: float
    requests: float


@reading("prometheus_traffic", service="prometheus")
@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusTraffic(Reading):
    """The application's figures of the last five minutes over all instances, without the operators' own paths.

    `slow` and `hour`, the number of requests, are of the last hour. The ratios are None where no request has a status,
    and `slow` where no bucket ends at a second.
    """

    requests: Count
    rate: PerSecond
    p50: Seconds | None
    p95: Seconds | None
    p99: Seconds | None
    client_error_ratio: Ratio | None
    server_error_ratio: Ratio | None
    connections: Count | None
    slow: tuple[Slow, ...] | None
    hour: float


@reading("prometheus_waiting", service="prometheus")
@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusWaiting(Reading):
    """The requests that wait for a worker now, over all instances; None where none exports it."""

    requests: Count | None


@dataclass(frozen=True, slots=True)
class Node:
    """One host as its node exporter shows it; a share that cannot be computed yet is None.

    `full_in` are the seconds until a disk that fills as in the last six hours is full, None where none fills; `history`
    is how many of these hours, in seconds, Prometheus has seen.
    """

    instance: str
    cpu_ratio: float | None
    memory_ratio: float | None
    disk_ratio: float | None
    inodes_ratio: float | None
    busiest_disk_ratio: float | None
    network: float | None
    clock_offset: float | None
    full_in: float | None
    history: float | None


@reading("prometheus_nodes", service="prometheus")
@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusNodes(Reading):
    """Every host with a node exporter; the shares are of the last five minutes."""

    nodes: tuple[Node, ...]
    busiest_cpu: Ratio | None
    fullest_memory: Ratio | None
    fullest_disk: Ratio | None
    fullest_inodes: Ratio | None
    busiest_disk: Ratio | None
