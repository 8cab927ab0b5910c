"""How often Prometheus evaluates its rules, out of the configuration that it shows."""

import json

import pytest

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.prometheus.query import duration
from checks.engine.readings.prometheus_rules import PrometheusEvaluation
from tests.monitoring.asked import Answer, Kept, Server, kept_of

SECRET = "SEGREDO-7714"
GLOBAL = """\
global:
  scrape_interval: 15s
  scrape_timeout: 10s
  evaluation_interval: 1m30s
  external_labels:
    site: a
remote_write:
- url: https://SEGREDO-7714@example.invalid
  evaluation_interval: 1s
"""


def _asked(server: Server, text: str) -> Kept:
    def answer(path: str) -> Answer:
        groups = [{"name": "b", "interval": 60, "rules": []}, {"name": "a", "interval": 30, "rules": []}]
        table = {"yaml": text} if "config" in path else {"groups": groups}
        return 200, json.dumps({"status": "success", "data": table}).encode()

    server.answer = answer
    return kept_of(server, "prometheus", "prometheus_evaluation")


def test_the_global_interval_and_each_groups_are_read_and_nothing_else(server: Server) -> None:
    found = _asked(server, GLOBAL).outcomes["prometheus_evaluation"]
    assert isinstance(found, PrometheusEvaluation)
    assert (found.interval, found.groups) == (90.0, (("a", 30.0), ("b", 60.0)))
    assert (found.due, found.due_groups) == (15.0, 30.0)
    assert SECRET not in repr(found)


@pytest.mark.parametrize("text", ["", "global:\n  scrape_interval: 1s\nx:\n  evaluation_interval: 1s\n"])
def test_a_configuration_that_says_none_is_unknown(server: Server, text: str) -> None:
    error = _asked(server, text).outcomes["prometheus_evaluation"]
    assert isinstance(error, ProbeError)
    assert error.reason is Reason.PROTOCOL


@pytest.mark.parametrize(
    ("text", "seconds"), [("15s", 15), ("1m30s", 90), ("500ms", 0.5), ("2d", 172800), ("", None), ("1.5s", None)]
)
def test_durations(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds
