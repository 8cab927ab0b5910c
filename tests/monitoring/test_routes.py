"""Alertmanager's routes, followed as Alertmanager follows them; silences, as broad as they are."""

import datetime
import json

import pytest
import yaml

from checks.engine import alert_routes
from checks.engine.model import State
from checks.engine.probes.alertmanager import _author, _is_broad
from checks.engine.probes.alertmanager_routes import Config
from checks.engine.readings.alertmanager import AlertmanagerServer, AlertmanagerSilences
from checks.monitoring import test_alertmanager as of_alertmanager
from tests.monitoring.asked import Answer, Server, kept_of
from tests.services.saying import says, shows

CONFIG = Config.of(
    yaml.safe_load(
        """
route:
  receiver: team
  routes:
    - match: {severity: critical}
      receiver: on-call
      continue: true
    - match_re: {severity: crit.*|page}
      routes:
        - matchers: [ 'alertname="Watchdog"' ]
          receiver: watchdog
    - matchers: [ severity = warning, alertname !~ "Disk.*" ]
      receiver: chat
receivers:
  - name: team
    email_configs: [{to: a}]
  - name: on-call
    webhook_configs: [{url: a}, {url: b}]
  - name: chat
"""
    )
)


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({"severity": "critical", "alertname": "X"}, ("on-call", "team")),
        ({"severity": "critical", "alertname": "Watchdog"}, ("on-call", "watchdog")),
        ({"severity": "warning", "alertname": "X"}, ("chat",)),
        ({"severity": "warning", "alertname": "DiskSpaceLow"}, ("team",)),
        ({}, ("team",)),
    ],
)
def test_routes_lead_where_alertmanager_would(labels: dict[str, str], receivers: tuple[str, ...]) -> None:
    assert CONFIG.receivers_of(labels) == receivers


ROUTE = """
route:
  receiver: team
  routes:
    {first}
    - matchers: [ alertname = "Watchdog" ]
      receiver: {watchdog}
    - matchers: [ severity = "critical" ]
      receiver: on-call
      {critical}
{inhibit}
receivers:
  - name: team
    email_configs: [{{to: a}}]
  - name: on-call
    webhook_configs: [{{url: a}}]
  - name: maria.silva@exemplo.invalid
  - name: watchdog
    webhook_configs: [{{url: a}}]
  - name: nobody
"""
STATUS = {"cluster": {"status": "ready"}, "versionInfo": {"version": "1"}, "uptime": "2026-01-01T00:00:00Z"}


def routed(server: Server, **changes: str) -> AlertmanagerServer:
    given = {"first": "", "watchdog": "watchdog", "critical": "", "inhibit": "", **changes}

    def answer(path: str) -> Answer:
        if path == "/api/v2/status":
            return 200, json.dumps({**STATUS, "config": {"original": ROUTE.format(**given)}}).encode()
        return 200, b"alertmanager_config_last_reload_successful 1\n"

    server.answer = answer
    found = kept_of(server, "alertmanager", "alertmanager_server", watched=True).outcomes["alertmanager_server"]
    assert isinstance(found, AlertmanagerServer), found
    return found


_BY_WATCHDOG = (
    "inhibit_rules: [{{source_matchers: [alertname=Watchdog], target_matchers: [severity=~{}], equal: [{}]}}]"
)


@pytest.mark.parametrize(
    ("changes", "state", "text"),
    [
        ({}, State.OK, "2 severities and 6 alerts have a receiver"),
        (
            {"inhibit": _BY_WATCHDOG.format("critical|warning", "")},
            State.CRITICAL,
            "critical alerts are hidden by Watchdog, which always fires: see inhibit_rules",
        ),
        (
            {"inhibit": "inhibit_rules: [{source_match: {severity: none}, target_match_re: {severity: warn.*}}]"},
            State.CRITICAL,
            "warning alerts are hidden by Watchdog, which always fires: see inhibit_rules",
        ),
        ({"inhibit": _BY_WATCHDOG.format("critical", "instance")}, State.OK, "have a receiver"),
        ({"inhibit": _BY_WATCHDOG.format("critical", "severity")}, State.OK, "have a receiver"),
        (
            {"inhibit": "inhibit_rules: [{source_matchers: [severity=critical], target_matchers: [severity=warning]}]"},
            State.OK,
            "have a receiver",
        ),
        ({"inhibit": "inhibit_rules: [{}]"}, State.OK, "have a receiver"),
        (
            {"critical": "mute_time_intervals: [always]"},
            State.WARNING,
            "critical alerts tell nobody at some times: see the time intervals of their route",
        ),
        ({"critical": "active_time_intervals: [day]"}, State.WARNING, "critical alerts tell nobody at some times"),
        ({"critical": "mute_time_intervals: [night]\n      continue: true"}, State.WARNING, "tell nobody at some"),
        ({"critical": "group_wait: 12h"}, State.WARNING, "critical alerts wait 12.0 h before anybody is told"),
        ({"critical": "group_wait: 5m"}, State.OK, "have a receiver"),
        (
            {"first": "- {matchers: ['alertname=~\"Target.*|HighErrorRate\"'], receiver: nobody}"},
            State.CRITICAL,
            "critical alerts HighErrorRate go to nobody, which tells nobody",
        ),
        (
            {"first": "- {matchers: [alertname=DatabaseConnectionsHigh], receiver: nobody}"},
            State.WARNING,
            "warning alerts DatabaseConnectionsHigh go to nobody, which tells nobody",
        ),
        ({"first": "- {matchers: [alertname=InfoInhibitor], receiver: nobody}"}, State.OK, "have a receiver"),
        (
            {"watchdog": "nobody"},
            State.WARNING,
            "Watchdog goes to nobody, which tells nobody: nobody learns that alerting itself is dead",
        ),
        (
            {"first": "- {matchers: [severity=critical], receiver: maria.silva@exemplo.invalid}"},
            State.CRITICAL,
            "critical alerts go to maria.silva, which tells nobody",
        ),
    ],
)
def test_whom_every_alert_that_is_due_comes_to(
    server: Server, changes: dict[str, str], state: State, text: str
) -> None:
    found = says(of_alertmanager.test_alertmanager_routes, routed(server, **changes))
    assert found[0] is state, found
    assert text in found[1]


def test_a_rule_no_worse_off_than_its_severity_is_not_named_beside_it(server: Server) -> None:
    found = alert_routes.wrong(routed(server, inhibit=_BY_WATCHDOG.format("critical|warning", ""), watchdog="nobody"))
    assert [state for state, _ in found] == [State.CRITICAL, State.CRITICAL, State.WARNING]
    assert [text.partition(" ")[0] for _, text in found] == ["critical", "warning", "Watchdog"]
    assert not any("HighErrorRate" in text or "DatabaseConnectionsHigh" in text for _, text in found)


def test_a_receiver_is_shown_without_the_domain_of_an_address(server: Server) -> None:
    team = "- {matchers: [severity=critical], receiver: maria.silva@exemplo.invalid, continue: true}"
    evidence = shows(of_alertmanager.test_alertmanager_routes, routed(server, first=team))
    assert evidence == ("critical: maria.silva, on-call", "warning: team")
    assert "exemplo" not in repr(routed(server, first=team))


def test_a_receiver_without_integrations_tells_nobody() -> None:
    assert CONFIG.integrations == {"team": 1, "on-call": 2, "chat": 0}


@pytest.mark.parametrize(
    ("name", "value", "regex", "equal", "broad"),
    [
        ("alertname", ".*", True, True, True),
        ("severity", "critical", False, True, True),
        ("severity", "critical|warning", True, True, True),
        ("severity", "warning", False, True, False),
        ("severity", "warning", False, False, True),
        ("alertname", "DiskSpaceLow", False, True, False),
        ("instance", ".+", True, True, True),
        ("alertname", "(", True, True, False),
    ],
)
def test_a_silence_is_broad_when_being_critical_is_enough(
    name: str,
    value: str,
    regex: bool,
    equal: bool,
    broad: bool,
) -> None:
    assert _is_broad([{"name": name, "value": value, "isRegex": regex, "isEqual": equal}]) is broad


@pytest.mark.parametrize(
    ("given", "shown"),
    [("ana", "ana"), ("ana.souza@exemplo.invalid", "ana.souza"), ("+55 11 97713-0000", "somebody"), ("", "somebody")],
)
def test_who_made_a_silence_is_shown_without_the_domain(given: str, shown: str) -> None:
    assert _author(given) == shown


def silence(name: str, value: str, *, state: str = "active", **more: object) -> dict[str, object]:
    now = datetime.datetime.now(datetime.UTC)  # when the tests are collected, which may be long before they run
    begins = now + datetime.timedelta(hours=5 if state == "pending" else -5)
    return {
        "id": f"{name}-{value}",
        "status": {"state": state},
        "matchers": [{"name": name, "value": value, "isRegex": True, "isEqual": True}],
        "startsAt": begins.isoformat(),
        "endsAt": (begins + datetime.timedelta(days=6)).isoformat(),
        "createdBy": "ana",
        **more,
    }


def held(name: str, **status: object) -> dict[str, object]:
    labels = {"alertname": name, "severity": "none" if name == "Watchdog" else "critical"}
    return {"labels": labels, "fingerprint": name, "status": {"silencedBy": [], "inhibitedBy": [], **status}}


_FOUR = "HighErrorRate|SlowResponseTime|MinionJobQueueHigh|DiskSpaceLow"


@pytest.mark.parametrize(
    ("silences", "alerts", "state", "text"),
    [
        ([silence("alertname", _FOUR)], [], State.CRITICAL, "a silence would hide every critical alert"),
        (
            [silence("alertname", "H.*|S.*"), silence("alertname", "MinionJobQueueHigh|DiskSpaceLow")],
            [],
            State.CRITICAL,
            "a silence would hide every critical alert",
        ),
        ([silence("alertname", "H.*|S.*")], [], State.OK, "1 silences, none hides a critical alert"),
        ([silence("severity", "critical", state="expired")], [], State.OK, "0 silences, none hides a critical alert"),
        (
            [silence("severity", "critical", state="pending")],
            [],
            State.WARNING,
            "a silence that is yet to begin would hide every critical alert",
        ),
        ([silence("alertname", "DiskSpaceLow", state="pending")], [], State.OK, "none hides a critical alert"),
        (
            [],
            [held("Watchdog"), held("TargetDown", inhibitedBy=["Watchdog"])],
            State.CRITICAL,
            "Watchdog hides what fires now: TargetDown. See inhibit_rules",
        ),
        ([], [held("Watchdog"), held("TargetDown", inhibitedBy=["HostDown"])], State.OK, "none hides"),
    ],
)
def test_what_hides_critical_alerts_now_or_soon(
    server: Server, silences: list[dict[str, object]], alerts: list[dict[str, object]], state: State, text: str
) -> None:
    answers = {"/api/v2/silences": silences, "/api/v2/alerts": alerts}
    server.answer = lambda path: (200, json.dumps(answers.get(path, {})).encode())
    kept = kept_of(server, "alertmanager", "alertmanager_silences", watched=True)
    found = kept.outcomes["alertmanager_silences"]
    assert isinstance(found, AlertmanagerSilences), found
    told = says(of_alertmanager.test_alertmanager_silences, found)
    assert told[0] is state, told
    assert text in told[1]
