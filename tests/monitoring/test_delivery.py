"""What Alertmanager delivered between two samples, reloads and restarts in between included."""

import pytest

from checks.engine.model import NotJudged
from checks.engine.readings.alertmanager import AlertmanagerCounters, AlertmanagerDelivery, alertmanager_delivery


def counters(failed: float, *, reloaded: float = 1.0, started: float = 0.0) -> AlertmanagerCounters:
    return AlertmanagerCounters(
        started=started,
        reloaded=reloaded,
        notifications=(("email", 10.0, 0.0), ("webhook", 100.0 + 3 * failed, failed)),
        source="GET /metrics",
        sampled_at=50.0,
    )


@pytest.mark.parametrize(
    ("failed", "reloaded", "counted"),
    [(0, 1.0, 0), (1, 1.0, 1), (1, 9.0, 0), (3, 9.0, 2)],
)
def test_a_reload_excuses_one_failure(failed: float, reloaded: float, counted: int) -> None:
    found = alertmanager_delivery(counters(0), counters(failed, reloaded=reloaded))
    assert isinstance(found, AlertmanagerDelivery)
    assert (found.failed, found.failing) == (counted, ("webhook",) if counted else ())
    assert found.failed_ratio == (counted / (3 * failed) if counted else 0.0)


def test_a_restart_begins_anew() -> None:
    assert isinstance(alertmanager_delivery(counters(0), counters(1, started=5.0)), NotJudged)


def test_one_way_that_fails_does_not_hide_behind_another_that_is_used_more() -> None:
    earlier, later = (
        AlertmanagerCounters(
            started=0.0,
            reloaded=1.0,
            notifications=(("email", mails, mails), ("webhook", hooks, 0.0)),
            source="GET /metrics",
            sampled_at=hooks,
        )
        for mails, hooks in ((0.0, 0.0), (3.0, 997.0))
    )
    found = alertmanager_delivery(earlier, later)
    assert isinstance(found, AlertmanagerDelivery)
    assert (found.failed_ratio, found.failing) == (1.0, ("email",))
