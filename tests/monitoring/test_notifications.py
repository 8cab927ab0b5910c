"""What Prometheus lost of its notifications between two samples, reloads and restarts in between included."""

from dataclasses import replace

import pytest

from checks.engine.model import NotJudged
from checks.engine.readings.prometheus_work import PrometheusCounters, PrometheusWork, prometheus_work

DAY = 86400.0


def counters(
    at: float, *, sent: float = 0, dropped: float = 0, reloaded: float = 0, started: float = -DAY, bad: float = 0
) -> PrometheusCounters:
    return PrometheusCounters(
        started=started,
        samples=at,
        reloaded=reloaded,
        sent=sent,
        failed=0,
        dropped=dropped,
        rule_failures=bad,
        missed_evaluations=bad,
        compactions_failed=0,
        corruptions=0,
        over_limit=0,
        source="GET /metrics",
        sampled_at=at,
    )


@pytest.mark.parametrize(
    ("apart", "reloaded", "lost"),
    [(DAY, 0, 500), (DAY, 50000, 436), (5, 4, 0), (60, 4, 0), (120, 4, 250)],
    ids=["no-reload", "one-in-a-day", "just-now", "half-of-the-time", "a-quarter"],
)
def test_a_reload_excuses_thirty_seconds_or_a_batch_and_no_more(apart: float, reloaded: float, lost: int) -> None:
    found = prometheus_work(counters(0), counters(apart, sent=500, dropped=500, reloaded=reloaded))
    assert isinstance(found, PrometheusWork)
    assert found.lost == lost


def test_one_after_which_no_alertmanager_is_known_excuses_nothing() -> None:
    later = replace(counters(20, sent=5, dropped=15, reloaded=4), alertmanagers=0)
    found = prometheus_work(counters(0), later)
    assert isinstance(found, PrometheusWork)
    assert (found.lost, found.lost_ratio) == (15, 1.0)


@pytest.mark.parametrize(("before", "after", "failed"), [(0, 3, 3), (7, 7, 0), (7, 2, 0)])
def test_a_group_of_rules_that_is_gone_takes_its_counts_with_it(before: float, after: float, failed: int) -> None:
    found = prometheus_work(counters(0, bad=before), counters(60, bad=after))
    assert isinstance(found, PrometheusWork)
    assert (found.rule_failures, found.missed_evaluations) == (failed, failed)


def test_a_restart_begins_anew() -> None:
    assert isinstance(prometheus_work(counters(0), counters(60, started=30)), NotJudged)
