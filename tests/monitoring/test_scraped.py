"""What Prometheus scrapes, against what it must: labels that were rewritten, new targets, exporters that are mute."""

import json
import time
from typing import Any

import pytest

from checks.engine.environment import Environment
from checks.engine.model import State, Target
from checks.engine.probes import prometheus
from checks.engine.readings.prometheus import PrometheusExporters, PrometheusSeries, PrometheusTargets
from checks.monitoring import test_metrics as of_metrics
from checks.monitoring import test_prometheus as of_prometheus
from tests.monitoring.asked import Answer, Kept, Server
from tests.services.saying import says, shows

OLD = "2026-01-01T00:00:00Z"
NEVER = "0001-01-01T00:00:00Z"


def target(job: str, instance: str, *, url: str = "", health: str = "up", last: str = "") -> dict[str, Any]:
    return {
        "labels": {"job": job, "instance": instance},
        "scrapeUrl": url or f"http://{instance}/metrics",
        "health": health,
        "lastScrape": last or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "lastError": "",
        "scrapeInterval": "15s",
    }


def found_of(server: Server, name: str, jobs: list[dict[str, Any]], data: dict[str, Any]) -> Any:
    def answer(_: str) -> Answer:
        return 200, json.dumps({"status": "success", "data": {"startTime": OLD, **data}}).encode()

    server.answer = answer
    environment = Environment.model_validate({"name": "t", "prometheus": {"url": server.url, "jobs": jobs}})
    kept = Kept(environment, Target("prometheus", "prometheus"), ("prometheus_connection", name))
    prometheus.read(kept)
    return kept.outcomes[name]


@pytest.mark.parametrize("due", ["10.0.0.1:9100", "http://10.0.0.1:9100", "node1"])
def test_a_target_is_known_by_its_address_and_by_the_label_that_replaced_it(server: Server, due: str) -> None:
    targets = [target("node", "node1", url="http://10.0.0.1:9100/metrics")]
    found = found_of(server, "prometheus_targets", [{"name": "node", "targets": [due]}], {"activeTargets": targets})
    assert isinstance(found, PrometheusTargets), found
    assert found.missing == ()
    assert [one.expected for one in found.targets] == [True]


def test_one_that_is_not_there_is_missing(server: Server) -> None:
    jobs = [{"name": "node", "targets": ["node1:9100", "node2:9100"]}]
    targets = [target("node", "node1:9100"), target("other", "node2:9100")]
    found = found_of(server, "prometheus_targets", jobs, {"activeTargets": targets})
    assert isinstance(found, PrometheusTargets), found
    assert found.missing == (("node", "node2:9100"),)


def test_one_that_nobody_expects_is_shown(server: Server) -> None:
    jobs = [{"name": "node", "targets": ["node1:9100"]}]
    targets = [target("node", "node1:9100"), target("stray", "10.0.0.9:80")]
    found = found_of(server, "prometheus_targets", jobs, {"activeTargets": targets})
    state, text = says(of_prometheus.test_prometheus_targets_expected, found)
    assert (state, text) == (State.OK, "scrapes all 1 expected targets, and 1 more")
    shown = shows(of_prometheus.test_prometheus_targets_expected, found)
    assert shown == ("stray 10.0.0.9:80: not in the environment file",)


def test_the_scrape_that_is_nearest_to_its_timeout_is_shown(server: Server) -> None:
    jobs = [{"name": "node", "targets": ["node1:9100", "node2:9100"]}]
    targets = [
        target("node", "node1:9100") | {"lastScrapeDuration": 3.0, "scrapeTimeout": "10s"},
        target("node", "node2:9100") | {"lastScrapeDuration": 2.0, "scrapeTimeout": "4s"},
    ]
    found = found_of(server, "prometheus_targets", jobs, {"activeTargets": targets})
    shown = shows(of_prometheus.test_prometheus_targets_fresh, found)
    assert shown == ("nearest to its timeout: node node2:9100, 2.00 of 4 s",)
    untold = found_of(server, "prometheus_targets", jobs, {"activeTargets": [target("node", "node1:9100")]})
    assert shows(of_prometheus.test_prometheus_targets_fresh, untold) == ()


@pytest.mark.parametrize("due", ["api1:3000", "http://api1:3000", "API1:3000"])
def test_a_figure_is_kept_of_a_target_however_it_is_written(server: Server, due: str) -> None:
    metric = {"__name__": "http_requests_total", "instance": "api1:3000"}
    jobs = [{"name": "penhas-api", "targets": [due]}]
    found = found_of(server, "prometheus_series", jobs, {"result": [{"metric": metric, "value": [0, "1"]}]})
    assert isinstance(found, PrometheusSeries), found
    assert found.application[0].missing == ()


@pytest.mark.parametrize(
    ("labels", "state"),
    [
        ([], State.NOT_JUDGED),
        ([{}], State.NOT_JUDGED),
        ([{"endpoint": "/clientes/:id"}, {"path": "/health"}], State.OK),
        ([{"endpoint": "/clientes/77131"}], State.WARNING),
        ([{"endpoint": "/ok", "uri": "/clientes/77131"}], State.WARNING),
        ([{"handler": "clientes/77131"}], State.WARNING),
    ],
    ids=str,
)
def test_a_raw_path_in_any_label_of_a_request_is_told(
    server: Server, labels: list[dict[str, str]], state: State
) -> None:
    jobs = [{"name": "penhas-api", "targets": ["api1:3000"]}]
    result = [{"metric": one | {"instance": "api1:3000"}, "value": [0, "1"]} for one in labels]
    found = found_of(server, "prometheus_series", jobs, {"result": result})
    assert says(of_metrics.test_metrics_endpoints_folded, found)[0] is state
    assert "77131" not in repr(found)


@pytest.mark.parametrize(
    ("health", "last", "up", "fresh"),
    [
        ("up", "", State.OK, State.OK),
        ("unknown", NEVER, State.NOT_JUDGED, State.NOT_JUDGED),
        ("down", "", State.CRITICAL, State.OK),
        ("up", OLD, State.OK, State.CRITICAL),
    ],
    ids=["up", "new", "down", "stale"],
)
def test_one_that_was_never_scraped_yet_is_not_down(
    server: Server, health: str, last: str, up: State, fresh: State
) -> None:
    targets = [target("node", "node1:9100"), target("node", "node2:9100", health=health, last=last)]
    jobs = [{"name": "node", "targets": ["node1:9100", "node2:9100"]}]
    found = found_of(server, "prometheus_targets", jobs, {"activeTargets": targets})
    assert says(of_prometheus.test_prometheus_targets_up, found)[0] is up
    assert says(of_prometheus.test_prometheus_targets_fresh, found)[0] is fresh


@pytest.mark.parametrize(
    ("instances", "state"),
    [
        (["db1:9187", "db2:9187"], State.OK),
        (["primary", "replica"], State.OK),
        (["db1:9187"], State.CRITICAL),
        (["primary"], State.CRITICAL),
        ([], State.CRITICAL),
    ],
    ids=["both", "both-renamed", "one", "one-renamed", "none"],
)
def test_every_target_of_an_exporter_must_speak(server: Server, instances: list[str], state: State) -> None:
    jobs = [{"name": "postgres", "targets": ["db1:9187", "db2:9187"], "exporter": "pg_up"}]
    vector = [{"metric": {"__name__": "pg_up", "job": "postgres", "instance": i}, "value": [0, "1"]} for i in instances]
    found = found_of(server, "prometheus_exporters", jobs, {"result": vector})
    assert isinstance(found, PrometheusExporters), found
    assert says(of_prometheus.test_prometheus_exporters_see, found)[0] is state
