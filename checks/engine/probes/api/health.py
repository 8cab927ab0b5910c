"""What the health paths say, brought to a few words and numbers: the texts in them may hold hosts, users and errors."""

import json
import math
import re
from datetime import UTC, datetime
from typing import Any

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.api.client import Answer
from checks.engine.readings.api import ApiDetailed, ApiHealth

COMPONENTS = ("database", "redis", "s3")
FIGURES = (
    "database.connections",
    "database.slow_queries",
    "database.replication_lag",
    "redis.memory_used",
    "redis.connected_clients",
    "redis.ops_per_sec",
    "minion.active_workers",
    "minion.job_queue_size",
    "minion.failed_jobs",
    "api.requests_per_minute",
    "api.average_response_time",
    "api.error_rate",
)
_SERVER_ERROR = 500
_LARGEST = 10**300  # a whole number past this is no float
_COMPONENT = re.compile(r"[a-z]{2,15}(_[a-z]{2,15})?")  # a name, and no token
_WORD = re.compile(r"[A-Za-z0-9_-]{1,40}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}")
_SAYS_ENOUGH = re.compile(r"(ok|error|error: [a-z0-9_-]{1,20})", re.IGNORECASE)


def health(answer: Answer) -> ApiHealth:
    """Return what the health path claims; raises ProbeError where it is no JSON object."""
    # a server's own error page instead of JSON is an answer too: that of an API that is down behind its proxy
    table = {} if answer.status >= _SERVER_ERROR and not _is_object(answer) else json_object(answer)
    checks = table.get("checks")
    found: dict[str, Any] = checks if isinstance(checks, dict) else {}
    names = [*COMPONENTS, *(name for name in sorted(found) if name not in COMPONENTS and _COMPONENT.fullmatch(name))]
    return ApiHealth(
        http_status=answer.status,
        status=_word(table.get("status")),
        clock_offset=_offset(table.get("timestamp"), (answer.began + answer.ended) / 2),
        version=_version(table.get("version")),
        components=tuple((name, _claim(found, name)) for name in names),
        verbose=tuple(name for name in names if _is_verbose(found.get(name))),
        source=f"GET {answer.path}",
        sampled_at=answer.ended,
    )


def detailed(without: int, answer: Answer) -> ApiDetailed:
    """Return the figures of the detailed health path, and which of the guide's are absent or no numbers."""
    figures: dict[str, float] = {}
    if answer.status == 200:  # noqa: PLR2004 (OK)
        for group, members in json_object(answer).items():
            if isinstance(members, dict):
                named = {f"{group}.{name}": value for name, value in members.items()}
                figures.update({name: value for name, value in named.items() if name in FIGURES and _is_number(value)})
    return ApiDetailed(
        status_without_credentials=without,
        http_status=answer.status,
        figures=tuple(sorted((name, float(value)) for name, value in figures.items())),
        missing=tuple(name for name in FIGURES if name not in figures),
        source=f"GET {answer.path}",
        sampled_at=answer.ended,
    )


def json_object(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of an answer; raises ProbeError where it is none."""
    try:
        table = json.loads(answer.body)
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict):
        raise ProbeError(
            Reason.PROTOCOL,
            f"GET {answer.path} answers {answer.status} without a JSON object",
            "See what stands before the API: a proxy's own page, or another program on its port.",
        )
    return table


def _is_object(answer: Answer) -> bool:
    try:
        return isinstance(json.loads(answer.body), dict)
    except (ValueError, RecursionError):
        return False


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < _LARGEST if isinstance(value, int) else math.isfinite(value)


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else "missing" if value is None else "other"


def _version(value: object) -> str | None:
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    return text if _VERSION.fullmatch(text) else None


def _claim(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    if value is None:
        return "missing"
    return "ok" if value == "ok" else "error"


def _is_verbose(value: object) -> bool:
    return value is not None and not (isinstance(value, str) and _SAYS_ENOUGH.fullmatch(value.strip()))


def _offset(value: object, now: float) -> float | None:
    if isinstance(value, str):
        value = _time(value)
    if not isinstance(value, int | float) or not _is_number(value):
        return None
    offset = float(value) - now
    # A stamp of whole seconds stands for the second that follows it.
    return offset if float(value) % 1 != 0 or offset > 0 else min(0.0, offset + 1)


def _time(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text.strip())
        # Without a zone it is UTC, as Perl's DateTime writes it, and never the zone of this machine.
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp()
    except (ValueError, OverflowError):
        pass
    try:
        return float(text)
    except ValueError:
        return None
