"""Slow requests: which endpoints, how many; from the log and from Prometheus' histogram."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.logs import LogsTail, untold
from checks.engine.readings.prometheus import PrometheusTraffic

MANY = 5  # a few are anybody's
SHARE = (1, 5)  # % of the requests of an hour


@pytest.mark.guide("performance.slow-requests")
@pytest.mark.profiles("nightly", "triage")
def test_slow_requests_logged(application_log: LogsTail, judged: Judge) -> None:
    """The log tells of few requests over a second."""
    slow = application_log.slow
    evidence = tuple(f"{one.count} times {one.method} {one.endpoint}, up to {one.slowest:.1f} s" for one in slow)
    number = sum(one.count for one in slow)
    if number > MANY:
        judged.warning(f"{number} requests of the last {application_log.seconds / 60:.0f} min took over 1 s", evidence)
    if application_log.unread:
        judged.unknown(untold(application_log.unread))
    if application_log.entries == 0:
        judged.not_judged(f"nothing was logged in the last {application_log.seconds:.0f} s")
    judged.ok(f"{number} requests over 1 s", evidence)


@pytest.mark.guide("performance.slow-requests")
@pytest.mark.profiles("nightly", "triage")
def test_slow_requests_measured(prometheus_traffic: PrometheusTraffic, judged: Judge) -> None:
    """Few requests of the last hour took over a second, by every instance's histogram.

    Rate and connections, for which the guide names no limit, are shown beside it.
    """
    slow = prometheus_traffic.slow
    if slow is None:
        judged.unknown("its histogram has no bucket that ends at 1 s: what takes longer is not counted")
    requests, number = prometheus_traffic.hour, sum(one.slow for one in slow)
    judged(
        number / requests * 100 if requests > 0 else 0.0,
        unit="%",
        subject="requests over 1 s in the last hour:",
        reading=prometheus_traffic,
        above=SHARE,
        evidence=(_now(prometheus_traffic), *(f"{o.slow:.0f} of {o.requests:.0f} to {o.endpoint}" for o in slow)),
    )


def _now(traffic: PrometheusTraffic) -> str:
    open_ = "not told" if traffic.connections is None else str(traffic.connections)
    return f"now: {traffic.rate:.1f} requests/s, connections: {open_} (no limit is set for either)"
