"""What fires: since when, without the time that it waited for its `for`."""

import json
import time
from typing import Any

import pytest

from checks.engine.model import State
from checks.engine.readings.alertmanager import AlertmanagerAlerts
from checks.engine.readings.prometheus_rules import PrometheusFiring
from checks.monitoring import test_alerts as of_alerts
from tests.monitoring.asked import Answer, Server, kept_of
from tests.services.saying import says, shows

NOBODY = AlertmanagerAlerts(alerts=(), watchdog="Watchdog", uptime=1e6, source="t", sampled_at=0.0)


def firing_of(server: Server, *, active_for: float, due: float, state: str = "firing") -> PrometheusFiring:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - active_for))
    alert: dict[str, Any] = {"labels": {"alertname": "A"}, "state": state, "activeAt": stamp}
    groups = [{"name": "g", "interval": 15, "rules": [{"name": "A", "duration": due, "alerts": [alert]}]}]

    def answer(_: str) -> Answer:
        data = {"groups": groups, "alerts": [alert], "result": []}
        return 200, json.dumps({"status": "success", "data": data}).encode()

    server.answer = answer
    found = kept_of(server, "prometheus", "prometheus_firing").outcomes["prometheus_firing"]
    assert isinstance(found, PrometheusFiring), found
    return found


@pytest.mark.parametrize(
    ("active_for", "due", "since", "state"),
    [
        (301, 300, 1, State.OK),  # it began to fire a second ago, and is on its way
        (330, 300, 30, State.CRITICAL),
        (5, 0, 5, State.OK),
        (30, 0, 30, State.CRITICAL),
    ],
)
def test_what_waited_for_long_may_have_begun_to_fire_just_now(
    server: Server, active_for: float, due: float, since: float, state: State
) -> None:
    found = firing_of(server, active_for=active_for, due=due)
    assert found.firing[0].since == pytest.approx(since, abs=2)
    assert says(of_alerts.test_alerts_reach_alertmanager, found, NOBODY)[0] is state


def test_what_is_pending_does_not_fire(server: Server) -> None:
    assert firing_of(server, active_for=100, due=300, state="pending").firing == ()


def dropped_of(server: Server, relabelling: str, status: int = 200) -> PrometheusFiring:
    rules = [
        {"name": name, "duration": 0, "alerts": [], "labels": {"severity": severity}}
        for name, severity in (("TargetDown", "critical"), ("DiskSpaceLow", "critical"), ("Slow", "warning"))
    ]

    def answer(path: str) -> Answer:
        if path == "/api/v1/status/config":
            data: dict[str, Any] = {"yaml": f"alerting: {{alert_relabel_configs: {relabelling}}}"}
            return status, json.dumps({"status": "success", "data": data}).encode()
        return 200, json.dumps({"status": "success", "data": {"groups": [{"rules": rules}]}}).encode()

    server.answer = answer
    found = kept_of(server, "prometheus", "prometheus_firing").outcomes["prometheus_firing"]
    assert isinstance(found, PrometheusFiring), found
    return found


BOTH = ("TargetDown", "DiskSpaceLow")


@pytest.mark.parametrize(
    ("relabelling", "dropped"),
    [
        ("[]", ()),
        ("[{source_labels: [severity], regex: critical, action: drop}]", BOTH),
        ("[{source_labels: [severity], regex: crit, action: drop}]", ()),
        ("[{source_labels: [severity], regex: warning, action: keep}]", BOTH),
        ("[{source_labels: [severity, alertname], regex: critical;Target.*, action: drop}]", ("TargetDown",)),
        ("[{source_labels: [severity], regex: none|info, action: drop}]", ()),
        ("[{regex: replica|prometheus, action: labeldrop}]", ()),
        ("[{regex: sever.*, action: labeldrop}]", BOTH),
        ("[{regex: alertname|instance, action: labelkeep}]", BOTH),
        ("[{source_labels: [severity], regex: critical, target_label: severity, replacement: info}]", BOTH),
        ("[{source_labels: [severity], regex: critical, target_label: severity, replacement: page}]", ()),
        ("[{source_labels: [severity], target_label: level, replacement: '${1}'}]", ()),
        ("[{target_label: env, replacement: production}]", ()),
        ("[{source_labels: [namespace], regex: '', action: drop}]", ()),
        ("[{source_labels: [severity], regex: '(', action: drop}]", ()),
    ],
)
def test_what_is_dropped_on_its_way_to_alertmanager(server: Server, relabelling: str, dropped: tuple[str, ...]) -> None:
    found = dropped_of(server, relabelling)
    assert found.dropped == dropped
    state, text = says(of_alerts.test_alerts_reach_alertmanager, found, NOBODY)
    assert state is (State.CRITICAL if dropped else State.OK), text
    assert all(name in text for name in dropped)


def test_a_configuration_that_is_not_shown_hides_nothing_else(server: Server) -> None:
    found = dropped_of(server, "[]", status=404)
    assert found.dropped is None
    assert shows(of_alerts.test_alerts_reach_alertmanager, found, NOBODY) != ()
