"""What scripts leave for Prometheus, and how old it is."""

import json

from checks.engine.probes.prometheus.query import FIGURE
from checks.engine.readings.prometheus import Left, PrometheusTextfiles
from tests.monitoring.asked import Answer, Server, kept_of


def _read(server: Server, *points: tuple[dict[str, str], float]) -> PrometheusTextfiles:
    def answer(_path: str) -> Answer:
        found = [{"metric": labels, "value": [0, str(value)]} for labels, value in points]
        return 200, json.dumps({"status": "success", "data": {"result": found}}).encode()

    server.answer = answer
    found = kept_of(server, "prometheus", "prometheus_textfiles").outcomes["prometheus_textfiles"]
    assert isinstance(found, PrometheusTextfiles)
    return found


def test_files_pushes_and_files_that_are_none(server: Server) -> None:
    found = _read(
        server,
        ({FIGURE: "files", "instance": "node1:9100", "file": "/var/lib/prometheus/node-exporter/apt.prom"}, 60.0),
        ({FIGURE: "pushed", "job": "backup"}, 90000.0),
        ({FIGURE: "errors", "instance": "node2:9100"}, 1.0),
    )
    assert found.left == (Left("node1:9100", "apt.prom", 60.0), Left("pushed", "backup", 90000.0))
    assert found.unreadable == ("node2:9100",)
    assert found.due_age == 93600.0


def test_nothing_that_scripts_leave_is_a_reading(server: Server) -> None:
    assert _read(server).left == ()
