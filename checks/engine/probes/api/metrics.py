"""The request counters in Prometheus' text format (exposition formats 0.0.4), and no more of it than that."""

import math
import re
from collections import defaultdict

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.api.client import Answer
from checks.engine.readings.api import ApiHistogram

BUCKET = "http_request_duration_seconds_bucket"
COUNT = "http_request_duration_seconds_count"
TOTAL = "http_requests_total"
START = "process_start_time_seconds"

_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"')
_PATHS = ("endpoint", "path", "route", "handler")
_STATUSES = ("status", "code", "status_code")

Labels = dict[str, str]


def histogram(answer: Answer, left_out: tuple[str, ...]) -> ApiHistogram:
    """Return the request counters, without the paths in `left_out` and everything under /maintenance/.

    Raises ProbeError where there is no histogram: a metric that does not exist is not a metric of 0.
    """
    buckets: defaultdict[float, float] = defaultdict(float)
    total, total_errors, counted, counted_errors = 0.0, 0.0, 0.0, 0.0
    has_total = False
    started: float | None = None
    for name, labels, value in _samples(answer):
        if name == START:
            started = value
        elif _is_left_out(labels, left_out):
            has_total = has_total or name == TOTAL
        elif name == BUCKET:
            buckets[_bound(labels)] += value
        elif name == COUNT:
            counted += value
            counted_errors += value if _failed(labels) else 0.0
        else:
            has_total = True
            total += value
            total_errors += value if _failed(labels) else 0.0
    if math.inf not in buckets:
        raise ProbeError(
            Reason.NO_DATA,
            f"GET {answer.path} has no http_request_duration_seconds of any path but its own and the health paths",
            "Export the histogram, or send some requests.",
        )
    return ApiHistogram(
        buckets=tuple(sorted(buckets.items())),
        # The guide's middleware keeps only the histogram: its own count is then the number of requests.
        requests=total if has_total else counted,
        errors=total_errors if has_total else counted_errors,
        started=started,
        source=f"GET {answer.path}",
        sampled_at=answer.ended,
    )


def _samples(answer: Answer) -> list[tuple[str, Labels, float]]:
    if answer.status != 200:  # noqa: PLR2004 (OK)
        raise ProbeError(Reason.NO_DATA, f"GET {answer.path} answers {answer.status}", "Let this host scrape it.")
    wanted = {BUCKET, COUNT, TOTAL, START}
    samples = []
    seen = False
    for line in answer.body.decode("utf-8", "replace").splitlines():
        match = _LINE.fullmatch(line.strip()) if line != "" and line[0] != "#" else None
        seen = seen or match is not None
        if match is not None and match.group(1) in wanted:
            try:
                value = float(match.group(3))
            except ValueError:
                raise ProbeError(Reason.PROTOCOL, f"GET {answer.path} has a value that is no number") from None
            samples.append((match.group(1), dict(_LABEL.findall(match.group(2) or "")), value))
    if not seen:
        raise ProbeError(Reason.PROTOCOL, f"GET {answer.path} answers something that is not Prometheus' text format")
    return samples


def _is_left_out(labels: Labels, left_out: tuple[str, ...]) -> bool:
    path = next((labels[name] for name in _PATHS if name in labels), "")
    return path in left_out or path.startswith("/maintenance/")


def _failed(labels: Labels) -> bool:
    return next((labels[name] for name in _STATUSES if name in labels), "").startswith("5")


def _bound(labels: Labels) -> float:
    try:
        return float(labels.get("le", ""))
    except ValueError:
        raise ProbeError(Reason.PROTOCOL, "a bucket of http_request_duration_seconds has no bound") from None
