"""Today's index, by what a server can answer: in part, in time or not, about the future, and at midnight."""

import datetime
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.engine.environment import Environment
from checks.engine.environment.monitoring import Elasticsearch
from checks.engine.model import NotJudged, ProbeError, Reason, State, Target
from checks.engine.probes import logs
from checks.engine.readings.elasticsearch import ElasticsearchIndex, ElasticsearchRetention
from checks.engine.readings.logs import LogsCanary
from checks.logs import test_log_index as of_index
from tests.monitoring.asked import Answer, Kept, Server, kept_of
from tests.services.saying import says

NAME = f"penhas-{datetime.datetime.now(datetime.UTC):%Y.%m.%d}"
WHOLE = {"timed_out": False, "_shards": {"total": 5, "successful": 5, "skipped": 0, "failed": 0}}


def aggregated(newest: float | None, ahead: int, with_ip: int = 0, located: int = 0) -> dict[str, Any]:
    """Return the aggregations of a search, its newest document of so many seconds ago."""
    stamp = None if newest is None else (time.time() - newest) * 1000
    counted = {
        "doc_count": 9,
        "failed": {"doc_count": 0},
        "ip": {"doc_count": with_ip, "geoip": {"doc_count": located}},
    }
    return {"past": {"newest": {"value": stamp}}, "ahead": {"doc_count": ahead}, "recent": counted}


def index_of(
    server: Server,
    *names: str,
    told: dict[str, Any] | None = None,
    newest: float | None = 5.0,
    ahead: int = 0,
    settings: Callable[[], Answer] | None = None,
    ip: tuple[int, int] = (0, 0),
    **more: Any,
) -> Kept:
    def answer(path: str) -> Answer:
        if "/_settings" in path:
            return (200, json.dumps({NAME: {"settings": {}}}).encode()) if settings is None else settings()
        if "/_mapping" in path:
            return 200, json.dumps({NAME: {"mappings": {}}}).encode()
        if "/_search" in path:
            hits = {"total": {"value": 9}, "hits": []}
            told_of = {"hits": hits, "aggregations": aggregated(newest, ahead, *ip), **WHOLE, **(told or {})}
            return 200, json.dumps(told_of).encode()
        return 200, b"{}"

    server.answer = answer
    return kept_of(server, "elasticsearch", *(names or ("elasticsearch_index",)), **more)


@pytest.mark.parametrize("told", [{"timed_out": True}, {"_shards": {"total": 5, "failed": 1}}], ids=["late", "in-part"])
@pytest.mark.parametrize("name", ["elasticsearch_index", "elasticsearch_exposed"])
def test_a_search_of_a_part_of_the_index_is_none(server: Server, name: str, told: dict[str, Any]) -> None:
    error = index_of(server, name, told=told).outcomes[name]
    assert isinstance(error, ProbeError), error
    assert error.reason in {Reason.TIMEOUT, Reason.NO_DATA}


@pytest.mark.parametrize(
    ("status", "reason"), [(403, Reason.DENIED), (500, Reason.NO_DATA), (200, Reason.PROTOCOL)], ids=str
)
def test_settings_that_are_refused_are_no_fault_of_the_suite(server: Server, status: int, reason: Reason) -> None:
    error = index_of(server, settings=lambda: (status, b"[]")).outcomes["elasticsearch_index"]
    assert isinstance(error, ProbeError), error
    assert error.reason is reason


def test_settings_that_never_come_cost_no_other_reading(server: Server) -> None:
    def never() -> Answer:
        time.sleep(0.6)
        return 200, b"{}"

    names = ("elasticsearch_index", "elasticsearch_retention")
    kept = index_of(server, *names, settings=never, timeout=0.3)
    late, other = kept.outcomes["elasticsearch_index"], kept.outcomes["elasticsearch_retention"]
    assert isinstance(late, ProbeError)
    assert late.reason is Reason.TIMEOUT
    assert isinstance(other, ProbeError)
    assert other.reason is Reason.NO_DATA


@pytest.mark.parametrize(
    ("newest", "ahead", "state"),
    [
        (5.0, 0, State.OK),
        (601.0, 0, State.WARNING),
        (1801.0, 0, State.CRITICAL),
        (5.0, 1, State.WARNING),
        (1801.0, 1, State.CRITICAL),
        (None, 9, State.CRITICAL),
    ],
)
def test_a_document_of_the_future_does_not_make_the_index_grow(
    server: Server, newest: float | None, ahead: int, state: State
) -> None:
    found = index_of(server, newest=newest, ahead=ahead).outcomes["elasticsearch_index"]
    assert isinstance(found, ElasticsearchIndex), found
    assert says(of_index.test_logs_index_today, found)[0] is state


@pytest.mark.parametrize(
    ("located", "state"),
    [(0, State.CRITICAL), (1, State.WARNING), (99, State.WARNING), (100, State.OK), (1000, State.OK)],
)
def test_that_hardly_any_address_is_located_is_a_finding(server: Server, located: int, state: State) -> None:
    found = index_of(server, ip=(1000, located)).outcomes["elasticsearch_index"]
    assert isinstance(found, ElasticsearchIndex), found
    assert says(of_index.test_logs_index_located, found)[0] is state


def test_a_day_that_has_only_begun_may_have_no_index_yet(server: Server) -> None:
    def absent() -> Answer:
        return 404, b"{}"

    found = index_of(server, settings=absent, grows_within=100000.0).outcomes["elasticsearch_index"]
    assert isinstance(found, NotJudged), found
    found = index_of(server, settings=absent, grows_within=0.001).outcomes["elasticsearch_index"]
    assert isinstance(found, ElasticsearchIndex), found
    assert says(of_index.test_logs_index_today, found)[0] is State.CRITICAL


@pytest.mark.parametrize("index", ["penhas-%Y.%m", "penhas-%d", "penhas-%Y.%d", "penhas", "%Y%Y.%m.%d", "P-%Y.%m.%d"])
def test_an_index_that_is_not_one_a_day_is_refused(index: str) -> None:
    with pytest.raises(ValidationError, match="index must"):
        Elasticsearch.model_validate({"url": "http://es:9200", "index": index})
    Elasticsearch.model_validate({"url": "http://es:9200", "index": "penhas-%d-%m-%Y"})


def test_today_is_no_day_without_an_index(server: Server) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    days = [today - datetime.timedelta(days=n) for n in (1, 2, 4)]
    rows = [{"index": f"penhas-{day:%Y.%m.%d}", "health": "green"} for day in days]
    server.answer = lambda path: (400 if "_ilm" in path else 200, json.dumps(rows).encode())
    found = kept_of(server, "elasticsearch", "elasticsearch_retention").outcomes["elasticsearch_retention"]
    assert isinstance(found, ElasticsearchRetention), found
    assert found.missing_days == 1


def _canary(server: Server, folder: Path, answers: list[int]) -> LogsCanary:
    """Let a line of ours be looked for in an index whose searches have these statuses, the last one for ever."""
    (folder / "app.log").write_text("")

    def answer(_: str) -> Answer:
        status = answers.pop(0) if len(answers) > 1 else answers[0]
        return status, b'{"hits":{"total":{"value":1}}}' if status == 200 else b"{}"

    server.answer = answer
    log = {"name": "app", "pattern": str(folder / "app.log"), "layout": "guide", "canary": True}
    index = {"url": server.url, "seen_within": 1.0}
    environment = Environment.model_validate({"name": "t", "logs": {"targets": [log]}, "elasticsearch": index})
    kept = Kept(environment, Target("logs", "app", "application"), ("logs_canary",))
    logs.read(kept)
    found = kept.outcomes["logs_canary"]
    assert isinstance(found, LogsCanary), found
    return found


def test_a_line_of_ours_may_be_the_first_of_its_day(server: Server, tmp_path: Path) -> None:
    assert _canary(server, tmp_path, [404, 404, 200]).seen_after is not None


def test_without_an_index_no_line_of_ours_is_in_it(server: Server, tmp_path: Path) -> None:
    assert _canary(server, tmp_path, [404]).seen_after is None
