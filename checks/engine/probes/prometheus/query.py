"""Asking Prometheus' query API; a query is many figures at once, told apart by a label."""

import math
import re
import time
from datetime import datetime
from typing import Any

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.folding import place
from checks.engine.probes.watchers import Asker
from checks.engine.records import dataclass

FIGURE = "figure"


@dataclass(frozen=True, slots=True)
class Point:
    """One element of an instant vector."""

    labels: dict[str, str]
    value: float


def data(asker: Asker, path: str, query: dict[str, str] | None = None) -> Any:
    """Return `data` of an answer of the HTTP API."""
    answer = asker.json(path, query)
    if answer["status"] != "success":
        raise ProbeError(Reason.NO_DATA, f"GET {path} does not succeed", "See Prometheus' log.")
    return answer["data"]


def instant(asker: Asker, promql: str) -> list[Point]:
    """Return the instant vector of a query, without values that are no numbers; an instance as it may be shown."""
    found = data(asker, "/api/v1/query", {"query": promql, "timeout": "5s"})
    points = [Point(_shown(one["metric"]), float(one["value"][1])) for one in found["result"]]
    return [point for point in points if math.isfinite(point.value)]


def _shown(labels: dict[str, str]) -> dict[str, str]:
    return {name: place(value) if name == "instance" else value for name, value in labels.items()}


def figures(asker: Asker, asked: dict[str, str]) -> dict[str, list[Point]]:
    """Return several instant vectors by name, asked for in one query; an empty one has no points.

    Each expression must give no two elements with the same labels.
    """
    union = " or ".join(f'label_replace({promql}, "{FIGURE}", "{name}", "", "")' for name, promql in asked.items())
    by_name: dict[str, list[Point]] = {name: [] for name in asked}
    for point in instant(asker, union):
        by_name[point.labels.pop(FIGURE)].append(point)
    return by_name


def one(points: list[Point]) -> float | None:
    """Return the value of a vector of one element, None where it is empty."""
    return points[0].value if points else None


def seconds_since(stamp: str, now: float) -> float | None:
    """Return the age of an RFC 3339 stamp with any number of decimals; None for Go's zero time."""
    if stamp.startswith("0001-"):
        return None
    return now - unix(stamp)


def unix(stamp: str) -> float:
    """Return the Unix time of an RFC 3339 stamp; raises ValueError where it is none."""
    whole, _, rest = stamp.partition(".")
    if rest == "":
        return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    zone = rest[len(digits) :].replace("Z", "+00:00")
    return datetime.fromisoformat(whole + zone).timestamp() + float(f"0.{digits or '0'}")


def duration(text: str) -> float | None:
    """Return the seconds of a duration as Prometheus writes it (1m30s, 500ms); None where it is none."""
    sizes = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
    if re.fullmatch(r"(\d{1,9}(ms|[smhdwy]))+", text) is None:
        return None
    return sum(int(number) * sizes[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdwy])", text))


def now() -> float:
    """Return the time of a reading."""
    return time.time()
