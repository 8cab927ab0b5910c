"""What Prometheus tells of itself: how long it keeps samples, and how new the newest is."""

import json
import time
from typing import Any

import pytest

from checks.engine.model import State
from checks.engine.readings.prometheus import PrometheusServer
from checks.monitoring import test_prometheus as of_prometheus
from tests.monitoring.asked import Answer, Server, kept_of
from tests.services.saying import says

DAY = 86400.0


def told(
    server: Server,
    *,
    retention: str = "15d",
    oldest: float | None = None,
    cut: int = 0,
    newest: float = 1,
    ahead: float = 0,
) -> PrometheusServer:
    """Return the reading of one whose samples are so many seconds old, and whose clock is so many ahead."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 3600))
    info = {
        "startTime": stamp,
        "storageRetention": retention,
        "reloadConfigSuccess": True,
        "lastConfigTime": stamp,
        "corruptionCount": 0,
    }
    answers: dict[str, Any] = {
        "/api/v1/status/runtimeinfo": info,
        "/api/v1/status/buildinfo": {"version": "2.42.0"},
        "/api/v1/status/tsdb": {"headStats": {"numSeries": 1, "maxTime": (now - newest) * 1000}},
        "/api/v1/alertmanagers": {"activeAlertmanagers": []},
        "/api/v1/query": {"resultType": "scalar", "result": [now, str(now + ahead)]},
    }
    lowest = 9.223372036854776e15 if oldest is None else now - oldest
    metrics = f"prometheus_tsdb_lowest_timestamp_seconds {lowest}\nprometheus_tsdb_size_retentions_total {cut}\n"

    def answer(path: str) -> Answer:
        if path == "/metrics":
            return 200, metrics.encode()
        data = answers.get(path.partition("?")[0], {})
        return 200, json.dumps({"status": "success", "data": data}).encode()

    server.answer = answer
    found = kept_of(server, "prometheus", "prometheus_server").outcomes["prometheus_server"]
    assert isinstance(found, PrometheusServer), found
    return found


@pytest.mark.parametrize(
    ("retention", "oldest", "cut", "state", "text"),
    [
        ("15d", 60, 0, State.OK, "keeps samples for 15 d"),
        ("2d", 60, 0, State.WARNING, "keeps samples for 2 d, 15 d are due"),
        ("2d or 1GB", 60, 0, State.WARNING, "keeps samples for 2 d, 15 d are due"),
        ("1MB", None, 0, State.NOT_JUDGED, "does not tell how old the oldest is"),
        ("1MB", 3600, 0, State.NOT_JUDGED, "the oldest is 0.0 d old, whether 15 d of them fit is not known yet"),
        ("15d or 1MB", 3 * DAY, 0, State.NOT_JUDGED, "the oldest is 3.0 d old"),
        ("15d or 1MB", 3 * DAY, 2, State.WARNING, "its size limit leaves too few samples: the oldest is 3.0 d old"),
        ("500GiB", 16 * DAY, 2, State.OK, "keeps samples for ever, as its size limit allows: the oldest is 16.0 d old"),
        ("15d or 500GiB", 15.5 * DAY, 0, State.OK, "keeps samples for 15 d, as its size limit allows"),
    ],
)
def test_a_size_limit_is_judged_by_the_oldest_sample(
    server: Server, retention: str, oldest: float | None, cut: int, *, state: State, text: str
) -> None:
    found = says(of_prometheus.test_prometheus_retention, told(server, retention=retention, oldest=oldest, cut=cut))
    assert found[0] is state, found
    assert text in found[1]


@pytest.mark.parametrize(
    ("newest", "ahead", "state", "text"),
    [
        (49, 0, State.OK, "the newest sample is 49 s old"),
        (51, 0, State.CRITICAL, "stores no new samples"),
        (0, 0, State.OK, "the newest sample is 0 s old"),
        (-59, 0, State.OK, "the newest sample is 0 s old"),
        (-62, 0, State.WARNING, "the newest sample is from 62 s ahead"),
        (-599, 0, State.WARNING, "whether new ones arrive is not seen"),
        (-7200, 0, State.CRITICAL, "the newest sample is from 7200 s ahead"),
        (-90, 90, State.OK, "the newest sample is 0 s old"),
        (0, -90, State.OK, "the newest sample is 0 s old"),
    ],
)
def test_a_newest_sample_that_is_yet_to_come_shows_nothing(
    server: Server, newest: float, ahead: float, *, state: State, text: str
) -> None:
    found = says(of_prometheus.test_prometheus_ingests, told(server, newest=newest, ahead=ahead))
    assert found[0] is state, found
    assert text in found[1]
