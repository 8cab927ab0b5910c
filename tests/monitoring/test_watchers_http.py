"""What a watcher can answer that is not what is due: each is a value in our words, and no secret is in it."""

import json
import time

import pytest

from checks.engine.environment import Environment
from checks.engine.model import ProbeError, Reason, State, Target
from checks.engine.probes import alertmanager
from checks.engine.readings.alertmanager import AlertmanagerConnection
from checks.engine.readings.elasticsearch import ElasticsearchIndex, ElasticsearchRetention
from checks.engine.readings.prometheus import PrometheusConnection
from checks.engine.readings.prometheus_work import PrometheusQueue
from checks.logs import test_log_index as of_index
from tests.monitoring.asked import Answer, Kept, Server, kept_of
from tests.services.saying import says

TOKEN = "SEGREDO-7713"


def _error(kept: Kept, name: str) -> ProbeError:
    outcome = kept.outcomes[name]
    assert isinstance(outcome, ProbeError), outcome
    return outcome


def test_not_ready_is_a_finding_of_the_connection_alone(server: Server) -> None:
    server.answer = lambda _: (503, b"Service Unavailable")
    kept = kept_of(server, "prometheus", "prometheus_rules")
    connection = kept.outcomes["prometheus_connection"]
    assert isinstance(connection, PrometheusConnection)
    assert connection.problem == "GET /-/ready answers 503: not ready"
    assert _error(kept, "prometheus_rules").reason is Reason.CONNECTION


@pytest.mark.parametrize("status", [401, 403])
def test_credentials_that_are_refused_are_our_own_fault(
    server: Server, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("PENHAS_CHECKS_WATCHER", TOKEN)
    server.answer = lambda _: (status, TOKEN.encode())
    kept = kept_of(server, "alertmanager", "alertmanager_alerts", credentials=True)
    assert {_error(kept, name).reason for name in kept.names} == {Reason.OURS}
    assert TOKEN not in repr([vars(_error(kept, name)) for name in kept.names])


@pytest.mark.parametrize(("secret", "header"), [(TOKEN, f"Bearer {TOKEN}"), ("ops:pass", "Basic b3BzOnBhc3M=")])
def test_a_secret_is_a_token_or_user_and_password(
    server: Server, monkeypatch: pytest.MonkeyPatch, secret: str, header: str
) -> None:
    monkeypatch.setenv("PENHAS_CHECKS_WATCHER", secret)
    kept_of(server, "alertmanager", credentials=True)
    assert server.asked == [("/-/ready", header)]


def test_an_unset_variable_names_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENHAS_CHECKS_WATCHER", raising=False)
    kept_environment = Environment.model_validate(
        {"name": "t", "alertmanager": {"url": server.url, "credentials": {"env": "PENHAS_CHECKS_WATCHER"}}}
    )
    kept = Kept(kept_environment, Target("alertmanager", "alertmanager"), ("alertmanager_connection",))
    with pytest.raises(ProbeError) as error:
        alertmanager.read(kept)
    assert "PENHAS_CHECKS_WATCHER" in error.value.why
    assert server.asked == []


ALL = (
    "prometheus_server",
    "prometheus_counters",
    "prometheus_queue",
    "prometheus_targets",
    "prometheus_exporters",
    "prometheus_series",
    "prometheus_textfiles",
    "prometheus_traffic",
    "prometheus_waiting",
    "prometheus_nodes",
    "prometheus_evaluation",
    "prometheus_rules",
    "prometheus_firing",
    "prometheus_fired",
)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>another program</html>",
        b"[]",
        b"null",
        b'{"status":"success","data":null}',
        b'{"status":"error"}',
        b'{"status":"success","data":{"result":[{"metric":1}]}}',
        b"[" * 100_000,
        b"x" * (9 << 20),
    ],
    ids=["html", "list", "null", "no-data", "error", "shape", "deep", "long"],
)
def test_an_answer_of_another_shape_is_a_value(server: Server, body: bytes) -> None:
    server.answer = lambda path: (200, b"ready") if path == "/-/ready" else (200, body)
    kept = kept_of(server, "prometheus", *ALL)
    assert {_error(kept, name).reason for name in ALL} <= {Reason.PROTOCOL, Reason.NO_DATA}


@pytest.mark.parametrize(
    ("samples", "used"),
    [
        (("length 5", "capacity 20"), 0.25),
        (('length{alertmanager="a"} 1', 'length{alertmanager="b"} 15', "capacity 20"), 0.75),
        (("length 0", "capacity 0"), 1.0),
        (("length 0",), None),
        (("capacity 20",), None),
        (("length NaN", "capacity 20"), None),
    ],
    ids=["share", "one-each", "no-room", "no-capacity", "no-length", "no-number"],
)
def test_the_fullest_queue_of_notifications_counts(
    server: Server, samples: tuple[str, ...], used: float | None
) -> None:
    server.answer = lambda _: (200, "".join(f"prometheus_notifications_queue_{s}\n" for s in samples).encode())
    found = kept_of(server, "prometheus", "prometheus_queue").outcomes["prometheus_queue"]
    assert (found.used_ratio if isinstance(found, PrometheusQueue) else None) == used


def test_what_an_error_of_prometheus_quotes_is_not_shown(server: Server) -> None:
    server.answer = lambda path: (200, b"ready") if path == "/-/ready" else (400, TOKEN.encode())
    kept = kept_of(server, "prometheus", *ALL)
    assert TOKEN not in repr([vars(_error(kept, name)) for name in ALL])


def test_alertmanagers_broken_configuration_text_is_a_value(server: Server) -> None:
    status = {"cluster": {"status": "ready"}, "versionInfo": {"version": "1"}, "uptime": "2026-01-01T00:00:00Z"}

    def answer(path: str) -> Answer:
        if path == "/api/v2/status":
            return 200, json.dumps({**status, "config": {"original": "route: ["}}).encode()
        return 200, b"alertmanager_config_last_reload_successful 1\n"

    server.answer = answer
    kept = kept_of(server, "alertmanager", "alertmanager_server")
    assert isinstance(kept.outcomes["alertmanager_connection"], AlertmanagerConnection)
    assert _error(kept, "alertmanager_server").reason is Reason.PROTOCOL


def test_an_index_that_is_not_there_is_a_reading(server: Server) -> None:
    server.answer = lambda path: (200, b"{}") if path == "/" else (404, b"{}")
    kept = kept_of(server, "elasticsearch", "elasticsearch_index", grows_within=0.001)
    index = kept.outcomes["elasticsearch_index"]
    assert isinstance(index, ElasticsearchIndex)
    assert not index.exists


def test_nothing_but_get_and_no_document_is_asked_of_elasticsearch(server: Server) -> None:
    kept_of(server, "elasticsearch", "elasticsearch_cluster", "elasticsearch_index", "elasticsearch_retention")
    searches = [path for path, _ in server.asked if "_search" in path]
    assert all("%22size%22%3A+0" in path for path in searches)


@pytest.mark.parametrize(
    ("status", "body", "stuck", "state"),
    [
        (200, b'{"indices":{"a":{"step":"ERROR"},"b":{"step":"complete"}}}', 1, State.WARNING),
        (200, b'{"indices":{}}', 0, State.OK),
        (400, b"OpenSearch has no such thing", None, State.OK),
        (404, b"{}", None, State.OK),
        (401, b"{}", None, State.UNKNOWN),
        (403, b"{}", None, State.UNKNOWN),
    ],
)
def test_a_lifecycle_that_is_stuck_is_counted_where_that_is_told(
    server: Server, status: int, body: bytes, stuck: int | None, state: State
) -> None:
    day = f"penhas-{time.strftime('%Y.%m.%d', time.gmtime(time.time() - 86400))}"

    def answer(path: str) -> Answer:
        if "_ilm" in path:
            return status, body
        return 200, json.dumps([{"index": day, "health": "green"}]).encode()

    server.answer = answer
    found = kept_of(server, "elasticsearch", "elasticsearch_retention").outcomes["elasticsearch_retention"]
    assert isinstance(found, ElasticsearchRetention), found
    assert found.stuck == stuck
    assert says(of_index.test_logs_index_retention, found)[0] is state


def test_a_lifecycle_that_cannot_be_told_is_not_one_without_errors(server: Server) -> None:
    rows = b'[{"index":"penhas-2026.11.01","health":"green"}]'
    server.answer = lambda path: (503, b"{}") if "_ilm" in path else (200, rows)
    error = kept_of(server, "elasticsearch", "elasticsearch_retention").outcomes["elasticsearch_retention"]
    assert isinstance(error, ProbeError), error
