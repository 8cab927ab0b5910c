"""Alertmanager's routes, followed as Alertmanager follows them; silences, as broad as they are."""

import pytest
import yaml

from checks.engine.probes.alertmanager import _author, _is_broad
from checks.engine.probes.alertmanager_routes import Config

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
