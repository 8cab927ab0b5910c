"""What is read of each instance of the API."""

import math

from checks.engine.model import Count, NotJudged, PerSecond, ProbeError, Ratio, Reading, Reason, Seconds
from checks.engine.readings import derived, reading
from checks.engine.records import dataclass


@reading("api_connection", service="api")
@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConnection(Reading):
    """Whether the instance answers HTTP at all; `problem` is our word for why not."""

    reachable: bool
    problem: str = ""
    seconds: Seconds = 0.0


@reading("api_health", service="api", requires=("api.health",))
@dataclass(frozen=True, slots=True, kw_only=True)
class ApiHealth(Reading):
    """GET of the health path: what it claims. `components` are (name, 'ok' | 'error' | 'missing'), never its text."""

    http_status: int
    status: str
    clock_offset: Seconds | None
    version: str | None
    components: tuple[tuple[str, str], ...]
    verbose: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProbePath:
    """One listed path asked once: `missing` are the JSON keys that the environment expects and that are not there."""

    path: str
    expected_status: int
    http_status: int
    missing: tuple[str, ...]
    seconds: float


@reading("api_probes", service="api", requires=("api.probes",))
@dataclass(frozen=True, slots=True, kw_only=True)
class ApiProbes(Reading):
    """The environment's own probe paths, each asked once."""

    paths: tuple[ProbePath, ...]


@reading("api_own_latency", service="api", noisy=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOwnLatency(Reading):
    """The slowest of a few requests of our own to the probe paths: what smoke has in place of a percentile."""

    slowest: Seconds
    requests: Count


@reading("api_detailed", service="api", requires=("api.detailed",))
@dataclass(frozen=True, slots=True, kw_only=True)
class ApiDetailed(Reading):
    """GET of the detailed health path, without credentials and with them.

    `figures` are (group.name, number); `missing` names what the guide demands and is absent or no number.
    """

    status_without_credentials: int
    http_status: int
    figures: tuple[tuple[str, float], ...]
    missing: tuple[str, ...]


@reading("api_minion_stats", service="api", requires=("api.minion_stats",))
@dataclass(frozen=True, slots=True, kw_only=True)
class ApiMinionStats(Reading):
    """GET of the queue's statistics: `inactive` as the instance counts it, None where the answer has no such number."""

    http_status: int
    inactive: float | None


@reading("api_guard", service="api", requires=("api.guarded",))
@dataclass(frozen=True, slots=True, kw_only=True)
class ApiGuard(Reading):
    """The statuses of the guarded maintenance path without a secret and with a wrong one."""

    without: int
    wrong: int


@reading("api_admin", service="api", requires=("api.admin",))
@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAdmin(Reading):
    """The status of Minion's own page for somebody who gives no password."""

    status: int


@reading("api_certificate", service="api")
@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCertificate(Reading):
    """The certificate as the instance serves it; `problem` says why a client refuses it, "" where none does."""

    problem: str
    expires_in: Seconds | None


@reading("api_versions", service="api", needs=("api_health",), requires=("api.health",))
@dataclass(frozen=True, slots=True, kw_only=True)
class ApiVersions(Reading):
    """This instance's version, and those that the others name."""

    own: str | None
    others: tuple[str, ...]


@reading("api_histogram", service="api", requires=("api.metrics",))
@dataclass(frozen=True, slots=True, kw_only=True)
class ApiHistogram(Reading):
    """The request counters of /metrics since the process started, without the health, metrics and maintenance paths.

    `buckets` are (upper bound in seconds, cumulative count) with math.inf last; `started` is the process's start time.
    """

    buckets: tuple[tuple[float, float], ...]
    requests: float
    errors: float
    started: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTraffic(Reading):
    """Percentile, error share and rate of the requests between two scrapes."""

    p95: Seconds
    error_ratio: Ratio
    rate: PerSecond
    requests: Count


MINIMUM_REQUESTS = 50
LEAST_BOUND = 1.0  # seconds: a histogram that ends below the guide's critical limit cannot tell when it is passed


@derived("api_traffic", base="api_histogram", apart=(30, 3600), type=ApiTraffic)
def api_traffic(earlier: ApiHistogram, later: ApiHistogram) -> ApiTraffic | NotJudged:
    """Compute p95 by linear interpolation within a bucket, as PromQL's histogram_quantile does."""
    if later.requests < earlier.requests or later.started != earlier.started:
        return NotJudged("the API restarted between the two samples")
    requests = later.requests - earlier.requests
    if requests < MINIMUM_REQUESTS:
        return NotJudged(f"too few requests: {requests:.0f} between the two samples, {MINIMUM_REQUESTS} are needed")
    before = dict(earlier.buckets)
    grown = tuple((bound, count - before.get(bound, 0.0)) for bound, count in later.buckets)
    if math.isnan(requests):
        raise ProbeError(Reason.PROTOCOL, "its request counters are no numbers", "Mend the metrics of the API.")
    largest = max((bound for bound, _ in grown if not math.isinf(bound)), default=0.0)
    p95 = quantile(0.95, grown)
    if p95 >= largest and largest < LEAST_BOUND:
        why = f"more than 5 % of the requests are slower than the largest bucket, {largest:g} s"
        raise ProbeError(Reason.NO_DATA, why, f"Give the histogram buckets past {LEAST_BOUND:g} s.")
    return ApiTraffic(
        p95=p95,
        error_ratio=(later.errors - earlier.errors) / requests,
        rate=requests / (later.sampled_at - earlier.sampled_at),
        requests=int(requests),
        source=later.source,
        sampled_at=later.sampled_at,
    )


def quantile(q: float, buckets: tuple[tuple[float, float], ...]) -> float:
    """Return the q-quantile in seconds of cumulative `buckets`; above the largest finite bound, that bound."""
    rank = q * buckets[-1][1]
    lower, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            if bound == float("inf"):
                return lower
            return lower + (bound - lower) * ((rank - below) / (count - below) if count > below else 0.0)
        lower, below = bound, count
    return lower
