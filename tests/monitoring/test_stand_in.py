"""The stand-in for Elasticsearch: it answers as the documentation's examples do, and the suite reads those."""

import json
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from checks.engine.model import State
from checks.engine.readings.elasticsearch import ElasticsearchCluster, ElasticsearchRetention
from checks.logs import test_log_index as of_index
from lab.elasticsearch import Api
from lab.elasticsearch_documents import Store, literal, parsed
from tests.monitoring.asked import Answer, Server, kept_of
from tests.services.saying import says

_TABLE = tomllib.loads(Path(__file__).with_name("replies.toml").read_text(encoding="utf-8"))
REPLIES: dict[str, Any] = {row["path"]: json.loads(row["json"]) for row in _TABLE["reply"]}


def strange(ours: Any, theirs: Any) -> list[str]:
    """Return what an answer has that the example lacks, or that is of another type there."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        named = set(theirs) & set(ours) or not ours
        pairs = ours if named else {next(iter(theirs)): next(iter(ours.values()))}  # by the names of indexes
        lacking = [key for key in pairs if key not in theirs]
        return lacking + [one for key in pairs if key in theirs for one in strange(pairs[key], theirs[key])]
    if isinstance(ours, list) and isinstance(theirs, list):
        return strange(ours[0], theirs[0])
    return [] if type(ours) is type(theirs) else [f"{ours!r} for {theirs!r}"]


@pytest.mark.parametrize("path", REPLIES)
def test_the_stand_in_answers_nothing_that_the_examples_do_not_have(path: str) -> None:
    store = Store()
    store.wrong = {"lifecycle": ["penhas-2026.11.01"]}
    status, answer = Api(store).answer(path, {})
    assert status == 200
    assert strange(answer, REPLIES[path]) == []


def test_the_suite_reads_the_examples(server: Server) -> None:
    def answer(path: str) -> Answer:
        asked = unquote(path.partition("?")[0])
        told = REPLIES[asked] if asked in REPLIES else Api(Store()).answer(asked, {})[1]
        return 200, json.dumps(told).replace("my-index-000001", "penhas-2026.11.01").encode()

    server.answer = answer
    names = ("elasticsearch_cluster", "elasticsearch_retention")
    outcomes = kept_of(server, "elasticsearch", *names).outcomes
    cluster, retention = outcomes[names[0]], outcomes[names[1]]
    assert isinstance(cluster, ElasticsearchCluster), cluster
    assert (cluster.status, cluster.unassigned, cluster.longest_wait) == ("yellow", 1, 0.0)
    assert cluster.fullest_disk == pytest.approx(0.46)
    assert isinstance(retention, ElasticsearchRetention), retention
    assert (retention.indexes, retention.red, retention.stuck) == (1, 0, 1)


@pytest.mark.parametrize(
    ("status", "nodes", "state"),
    [("green", 2, State.OK), ("yellow", 1, State.OK), ("yellow", 2, State.WARNING), ("red", 1, State.CRITICAL)],
)
def test_a_single_node_has_no_place_for_copies(server: Server, status: str, nodes: int, state: State) -> None:
    store = Store()
    store.wrong = {"status": status, "nodes": nodes}
    server.answer = lambda path: (200, json.dumps(Api(store).answer(unquote(path.partition("?")[0]), {})[1]).encode())
    found = kept_of(server, "elasticsearch", "elasticsearch_cluster").outcomes["elasticsearch_cluster"]
    assert isinstance(found, ElasticsearchCluster), found
    assert says(of_index.test_logs_cluster, found)[0] is state


@pytest.mark.parametrize(
    ("line", "by_file", "corrected", "as_guided"),
    [
        ("2999-01-01 00:00:00,000 [INFO] Penhas - entrou", True, [], ["_jsonparsefailure"]),
        ('2999-01-01 00:00:00,000 [INFO] Penhas - {"a": 1}', True, [], ["_jsonparsefailure"]),
        ("[INFO] Penhas - entrou", False, ["_grokparsefailure"], ["_grokparsefailure"]),
        ("2999-01-01 00:00:00,000 [INFO] Penhas - entrou", False, [], []),
    ],
    ids=["file", "file-json", "syslog-as-configured", "syslog-with-a-time"],
)
def test_the_pipeline_of_the_guide_parses_none_of_its_own_layouts(
    line: str, by_file: bool, corrected: list[str], as_guided: list[str]
) -> None:
    store = Store()
    store.add([parsed(line, by_file=by_file)])
    assert [one["tags"] for one in store.documents] == [corrected]
    assert [one["tags"] for one in literal(store)] == [as_guided]
