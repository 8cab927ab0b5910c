"""Tests of the counters and of their text: cumulative buckets, labels, the minute that is looked back on."""

import pytest

from lab.api import metrics
from lab.api.counters import BUCKETS, Counters


def counted(*requests: tuple[int, float]) -> Counters:
    counters = Counters()
    for status, seconds in requests:
        counters.begin()
        counters.end("GET", "/pontos-de-apoio/:id", status, seconds)
    return counters


def test_buckets_are_cumulative_and_a_bound_is_inclusive() -> None:
    lines = list(metrics.requests(counted((200, 0.5), (200, 0.500001), (200, 60.0))))
    labels = 'method="GET",endpoint="/pontos-de-apoio/:id",status="200"'
    assert f'http_request_duration_seconds_bucket{{{labels},le="0.25"}} 0' in lines
    assert f'http_request_duration_seconds_bucket{{{labels},le="0.5"}} 1' in lines
    assert f'http_request_duration_seconds_bucket{{{labels},le="0.75"}} 2' in lines
    assert f'http_request_duration_seconds_bucket{{{labels},le="+Inf"}} 3' in lines
    assert f"http_request_duration_seconds_count{{{labels}}} 3" in lines
    assert f"http_requests_total{{{labels}}} 3" in lines


def test_a_percentile_above_two_seconds_can_be_seen() -> None:
    assert sum(bound > 2 for bound in BUCKETS) >= 2


def test_nothing_counted_is_no_series_but_the_types_are_there() -> None:
    lines = list(metrics.requests(Counters()))
    assert "# TYPE http_requests_total counter" in lines
    assert not [line for line in lines if not line.startswith("#")]


def test_statuses_are_series_of_their_own() -> None:
    lines = list(metrics.requests(counted((200, 0.1), (500, 0.1))))
    assert len([line for line in lines if line.startswith("http_requests_total{")]) == 2


def test_the_last_minute() -> None:
    assert counted().recent().requests == 0
    recent = counted((200, 0.1), (500, 0.3)).recent()
    assert (recent.requests, recent.error_ratio) == (2, 0.5)
    assert recent.mean_seconds == pytest.approx(0.2)


def test_requests_being_answered_are_counted_until_they_are() -> None:
    counters = Counters()
    counters.begin()
    assert counters.active == 1
    counters.end("GET", "/", 200, 0.0)
    assert counters.active == 0
