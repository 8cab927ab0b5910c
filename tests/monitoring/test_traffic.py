"""Shares of requests: a status that never occurred is none, a label or a bucket that does not exist is not."""

import json

import pytest

from checks.engine.environment import Environment
from checks.engine.model import NotJudged, State, Target
from checks.engine.probes import prometheus
from checks.engine.readings.prometheus import PrometheusTraffic, PrometheusWaiting
from checks.performance import test_slow_requests as of_slow
from tests.monitoring.asked import Kept, Server, kept_of
from tests.services.saying import says, shows

FOUND = {"requests": 100.0, "rate": 2.0, "labelled": 3.0, "second": 3.0}


def traffic_of(asked: Server, without: str = "", **more: float) -> PrometheusTraffic:
    figures = {name: value for name, value in {**FOUND, **more}.items() if name != without}
    vector = [
        {"metric": {"figure": name}, "value": [0, str(value)]} for name, value in figures.items() if name != "queue"
    ]
    data = {"startTime": "2026-01-01T00:00:00Z", "result": vector}
    asked.answer = lambda _: (200, json.dumps({"status": "success", "data": data}).encode())
    found = kept_of(asked, "prometheus", "prometheus_traffic").outcomes["prometheus_traffic"]
    assert isinstance(found, PrometheusTraffic), found
    return found


def test_a_status_that_never_occurred_is_a_share_of_nothing(server: Server) -> None:
    found = traffic_of(server)
    assert (found.client_error_ratio, found.server_error_ratio) == (0.0, 0.0)


def test_one_that_occurred_is_a_share(server: Server) -> None:
    found = traffic_of(server, client=0.25, server=0.5)
    assert (found.client_error_ratio, found.server_error_ratio) == (0.25, 0.5)


def test_without_the_label_no_share_is_known(server: Server) -> None:
    found = traffic_of(server, without="labelled")
    assert (found.client_error_ratio, found.server_error_ratio) == (None, None)


@pytest.mark.parametrize(("without", "state"), [("", State.OK), ("second", State.UNKNOWN)])
def test_without_a_bucket_of_a_second_nobody_knows_what_is_slow(server: Server, without: str, state: State) -> None:
    assert says(of_slow.test_slow_requests_measured, traffic_of(server, without, all=100.0))[0] is state


@pytest.mark.parametrize(("without", "connections"), [("", "7"), ("connections", "not told")])
def test_what_has_no_limit_is_shown_beside_what_has(server: Server, without: str, connections: str) -> None:
    found = traffic_of(server, without, all=100.0, connections=7.0)
    shown = f"now: 2.0 requests/s, connections: {connections} (no limit is set for either)"
    assert shows(of_slow.test_slow_requests_measured, found) == (shown,)


def waiting_of(server: Server, figures: dict[str, float], job: str, started: str = "2026-01-01T00:00:00Z") -> object:
    """Return what is read where the union of figures answers these, and any other query the queue's own."""
    queue = [{"metric": {}, "value": [0, str(figures["queue"])]}] if "queue" in figures else []
    union = [
        {"metric": {"figure": name}, "value": [0, str(value)]} for name, value in figures.items() if name != "queue"
    ]

    def answer(path: str) -> tuple[int, bytes]:
        data = {"startTime": started, "result": union if "label_replace" in path else queue}
        return 200, json.dumps({"status": "success", "data": data}).encode()

    server.answer = answer
    names = ("prometheus_connection", "prometheus_waiting", "prometheus_traffic")
    jobs = {"url": server.url, "jobs": [{"name": job, "targets": ["b:1"]}]}
    kept = Kept(
        Environment.model_validate({"name": "t", "prometheus": jobs}), Target("prometheus", "prometheus"), names
    )
    prometheus.read(kept)
    assert isinstance(kept.outcomes["prometheus_traffic"], NotJudged)
    return kept.outcomes["prometheus_waiting"]


def test_requests_that_wait_count_where_hardly_any_is_answered(server: Server) -> None:
    found = waiting_of(server, {"requests": 25.0, "queue": 180.0}, "penhas-api")
    assert isinstance(found, PrometheusWaiting)
    assert found.requests == 180


def test_where_no_instance_tells_what_waits_that_is_not_nothing(server: Server) -> None:
    found = waiting_of(server, {"requests": 25.0}, "penhas-api")
    assert isinstance(found, PrometheusWaiting)
    assert found.requests is None


@pytest.mark.parametrize(("job", "started"), [("node", "2026-01-01T00:00:00Z"), ("penhas-api", "2999-01-01T00:00:00Z")])
def test_without_an_api_or_a_first_scrape_nothing_is_due(server: Server, job: str, started: str) -> None:
    assert isinstance(waiting_of(server, {"requests": 25.0}, job, started), NotJudged)
