"""What scripts leave for Prometheus, and how old it is."""

import json

import pytest

from checks.engine.model import State
from checks.engine.probes.prometheus.query import FIGURE
from checks.engine.readings.prometheus import Left, PrometheusTextfiles
from checks.monitoring import test_metrics as of_metrics
from tests.monitoring.asked import Answer, Server, kept_of
from tests.services.saying import says


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


@pytest.mark.parametrize(
    ("age", "state"),
    [(0.0, State.OK), (-60.0, State.OK), (-61.0, State.WARNING), (93600.0, State.OK), (93601.0, State.WARNING)],
)
def test_what_is_of_the_future_is_not_fresh(server: Server, age: float, state: State) -> None:
    found = _read(server, ({FIGURE: "files", "instance": "node1:9100", "file": "/x/apt.prom"}, age))
    assert says(of_metrics.test_metrics_textfiles_fresh, found)[0] is state


def test_nothing_that_scripts_leave_is_a_reading(server: Server) -> None:
    assert _read(server).left == ()
