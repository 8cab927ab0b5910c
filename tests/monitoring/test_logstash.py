"""What Logstash's API can answer: queues of every version, reloads, pipelines that come and go, and no error's text."""

import json
import time
from typing import Any

import pytest
from pydantic import ValidationError

from checks.engine.environment import Environment
from checks.engine.model import NotJudged, ProbeError, Reason
from checks.engine.probes.logstash import pipelines
from checks.engine.readings.elasticsearch import ElasticsearchConnection
from checks.engine.readings.logstash import LogstashApi, LogstashFlow, LogstashPipelines, logstash_flow
from tests.monitoring.asked import Answer, Server, kept_of

SECRET = "SEGREDO-5521"
NEVER: dict[str, Any] = {"last_failure_timestamp": None, "last_success_timestamp": None, "last_error": None}
SIZES = {"queue_size_in_bytes": 25, "max_queue_size_in_bytes": 100}


def stats(**pipeline: Any) -> dict[str, Any]:
    events = {"in": 10, "filtered": 9, "out": 8}
    main = {"events": events, "queue": {"type": "memory"}, "reloads": NEVER, "ephemeral_id": "a", **pipeline}
    return {"version": "9.0.0", "jvm": {"uptime_in_millis": 5000}, "pipelines": {"main": main}}


@pytest.mark.parametrize(
    ("queue", "persistent", "used"),
    [
        ({"type": "persisted", **SIZES, "events_count": 3}, True, 0.25),
        ({"type": "persisted", "capacity": SIZES, "events": 3}, True, 0.25),
        ({"type": "persisted", "queue_size_in_bytes": 0, "max_queue_size_in_bytes": 100}, True, 0.0),
        ({"type": "persisted", "queue_size_in_bytes": 0, "max_queue_size_in_bytes": 0}, True, None),
        ({"type": "persisted"}, True, None),
        ({"type": "memory"}, False, None),
        ({"type": "memory", "queue_size_in_bytes": 0, "max_queue_size_in_bytes": 0}, False, None),
    ],
    ids=["9", "6.8", "empty", "no-limit", "mute", "memory", "memory-8"],
)
def test_a_queue_of_every_version(queue: dict[str, Any], persistent: bool, used: float | None) -> None:
    (one,) = pipelines(stats(queue=queue)).pipelines
    assert (one.persistent, one.used_ratio) == (persistent, used)


@pytest.mark.parametrize(
    ("failure", "success", "failed"),
    [
        (None, None, False),
        (None, "2026-11-01T10:00:00.000Z", False),
        ("2026-11-01T10:00:00.500Z", "2026-11-01T10:00:00.400Z", True),
        ("2026-11-01T10:00:00.500Z", "2026-11-01T10:00:00.600Z", False),
        ("2026-11-01T10:00:00Z", None, True),
    ],
)
def test_a_reload_that_failed_counts_until_one_does_not(failure: str | None, success: str | None, failed: bool) -> None:
    reloads = {**NEVER, "last_failure_timestamp": failure, "last_success_timestamp": success}
    assert pipelines(stats(reloads=reloads)).pipelines[0].reload_failed is failed


def test_its_own_monitoring_is_no_pipeline() -> None:
    table = stats()
    table["pipelines"][".monitoring-logstash"] = table["pipelines"]["main"]
    assert [one.name for one in pipelines(table).pipelines] == ["main"]


def test_an_errors_text_is_never_read(server: Server) -> None:
    failed = {**NEVER, "last_failure_timestamp": "2026-11-01T10:00:00Z", "last_error": {"message": SECRET}}
    table = stats(reloads=failed)
    table["pipelines"][f"p {SECRET}"] = table["pipelines"]["main"]
    server.answer = lambda _: (200, json.dumps(table).encode())
    found = kept_of(server, "elasticsearch", "logstash_pipelines").outcomes["logstash_pipelines"]
    assert isinstance(found, LogstashPipelines), found
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b"null", b'{"version":"9","jvm":{},"pipelines":{}}', b"<html>", b"[" * 10**5]
)
def test_an_answer_of_another_shape_is_a_value(server: Server, body: bytes) -> None:
    server.answer = lambda _: (200, body)
    found = kept_of(server, "elasticsearch", "logstash_api", "logstash_pipelines").outcomes["logstash_pipelines"]
    assert isinstance(found, ProbeError)
    assert found.reason is Reason.PROTOCOL


def test_an_event_count_that_is_missing_is_not_none(server: Server) -> None:
    server.answer = lambda _: (200, json.dumps(stats(events=None)).encode())
    assert isinstance(kept_of(server, "elasticsearch", "logstash_pipelines").outcomes["logstash_pipelines"], ProbeError)


@pytest.mark.parametrize("status", [401, 403])
def test_credentials_that_are_refused_are_our_own_fault(server: Server, status: int) -> None:
    server.answer = lambda _: (status, SECRET.encode())
    kept = kept_of(server, "elasticsearch", "logstash_api", "logstash_pipelines")
    for name in ("logstash_api", "logstash_pipelines"):
        error = kept.outcomes[name]
        assert isinstance(error, ProbeError)
        assert error.reason is Reason.OURS
        assert SECRET not in error.why


def test_one_that_hangs_costs_elasticsearch_nothing(server: Server) -> None:
    def answer(path: str) -> Answer:
        if server.asked.count((path, "")) > 1:  # Elasticsearch's GET / comes first, or this one does
            time.sleep(3)
        return 200, b"{}"

    server.answer = answer
    kept = kept_of(server, "elasticsearch", "logstash_api")
    connection, api = kept.outcomes["elasticsearch_connection"], kept.outcomes["logstash_api"]
    assert isinstance(connection, ElasticsearchConnection)
    assert isinstance(api, LogstashApi)
    assert sorted([connection.reachable, api.reachable]) == [False, True]
    assert min(connection.seconds, api.seconds) < 1


def sample(at: float, taken: int, put_out: int, run: str = "a") -> LogstashPipelines:
    table = stats(events={"in": taken, "out": put_out}, ephemeral_id=run)
    found = pipelines(table)
    return LogstashPipelines(version="9", uptime=at, pipelines=found.pipelines, source="GET", sampled_at=at)


def test_what_is_taken_and_not_put_out_is_stuck() -> None:
    found = logstash_flow(sample(0, 10, 10), sample(10, 40, 10))
    assert isinstance(found, LogstashFlow)
    assert (found.taken, found.put_out, found.stuck) == (30, 0, (("main", 30),))


@pytest.mark.parametrize(("taken", "put_out"), [(10, 10), (40, 11), (10, 12)], ids=["nothing", "some", "out-only"])
def test_what_flows_or_rests_is_not(taken: int, put_out: int) -> None:
    found = logstash_flow(sample(0, 10, 10), sample(10, taken, put_out))
    assert isinstance(found, LogstashFlow)
    assert found.stuck == ()


@pytest.mark.parametrize("later", [sample(10, 40, 10, "b"), sample(10, 5, 5)], ids=["another-run", "fewer"])
def test_a_pipeline_that_was_loaded_anew_is_not_judged(later: LogstashPipelines) -> None:
    assert isinstance(logstash_flow(sample(0, 10, 10), later), NotJudged)


@pytest.mark.parametrize(
    "api",
    [
        "http://logstash:9600",
        {"url": "logstash:9600"},
        {"url": "http://user:secret@logstash:9600"},
        {"url": "http://logstash:9600", "credentials": "secret"},
        {"url": "http://logstash:9600", "port": 1},
    ],
)
def test_the_environment_files_key_is_validated(api: object) -> None:
    with pytest.raises(ValidationError):
        Environment.model_validate({"name": "t", "elasticsearch": {"url": "http://es:9200", "logstash_api": api}})
