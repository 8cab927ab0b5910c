"""The probe of Elasticsearch: cluster, today's index, the indexes before it; GET only.

No document is fetched but for elasticsearch_exposed.py.
"""

import datetime
import re
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from checks.engine.environment.monitoring import Elasticsearch
from checks.engine.model import NotJudged, ProbeError, Reason
from checks.engine.probes import Context, logstash
from checks.engine.probes.elasticsearch_disk import disks_of, nearest
from checks.engine.probes.elasticsearch_exposed import exposed
from checks.engine.probes.elasticsearch_search import search, settings_of
from checks.engine.probes.watchers import Asker, Outcome, visit
from checks.engine.readings.elasticsearch import (
    ElasticsearchCluster,
    ElasticsearchConnection,
    ElasticsearchIndex,
    ElasticsearchRetention,
    EsNode,
)

_FAILURES = ["_grokparsefailure", "_jsonparsefailure", "_dateparsefailure", "_geoip_lookup_failure"]
_AHEAD = "now+1m"  # clocks differ by less
_LIMIT = "index.mapping.total_fields.limit"
_DEFAULT_LIMIT = 1000


def read(context: Context) -> None:
    """Settle every name of `context.names`; Logstash is another server, and is asked at the same time."""
    settings = context.environment.elasticsearch
    beside = [name for name in context.names if name in logstash.NAMES]
    end = logstash.begin(context, settings, beside)
    try:
        _read(context, settings, beside)
    finally:
        end()


def _read(context: Context, settings: Elasticsearch | None, beside: list[str]) -> None:
    def readings(asker: Asker) -> Mapping[str, Callable[[], Outcome]]:
        assert settings is not None  # noqa: S101 (visit has seen to it)
        return {
            "elasticsearch_cluster": lambda: _cluster(asker),
            "elasticsearch_index": lambda: _index(asker, settings),
            "elasticsearch_exposed": lambda: exposed(asker, settings),
            "elasticsearch_retention": lambda: _retention(asker, settings),
        }

    visit(context, settings, "/", _connection, readings, without=tuple(beside))


def _connection(problem: str, seconds: float) -> ElasticsearchConnection:
    return ElasticsearchConnection(
        reachable=problem == "", problem=problem, seconds=seconds, source="GET /", sampled_at=time.time()
    )


def _cluster(asker: Asker) -> ElasticsearchCluster:
    health = asker.json("/_cluster/health")
    waited = health.get("task_max_waiting_in_queue_millis")
    disks = disks_of(asker)
    stats = asker.json("/_nodes/stats/jvm,breaker")["nodes"].values()
    heaps = {str(node["name"]): _share(node["jvm"]["mem"]["heap_used_percent"]) for node in stats}
    breakers = {str(node["name"]): _most(map(_filled, node.get("breakers", {}).values())) for node in stats}
    settings = asker.json("/_cluster/settings", {"include_defaults": "true", "flat_settings": "true"})
    used = {name: disk.used for name, disk in disks.items()}
    fullest, (low, high, flood) = nearest(disks, settings)
    nodes = tuple(
        EsNode(name[:60], used.get(name), heaps.get(name), breakers.get(name)) for name in sorted({*used, *heaps})
    )
    return ElasticsearchCluster(
        status=str(health["status"]),
        nodes=nodes,
        unassigned=int(health["unassigned_shards"]),
        pending_tasks=int(health["number_of_pending_tasks"]),
        longest_wait=None if waited is None else float(waited) / 1000,
        fullest_disk=fullest,
        fullest_heap=_most(node.heap_ratio for node in nodes),
        fullest_breaker=_most(node.breaker_ratio for node in nodes),
        low=low,
        high=high,
        flood=flood,
        source="GET /_cluster/health",
        sampled_at=time.time(),
    )


def _index(asker: Asker, settings: Elasticsearch) -> ElasticsearchIndex | NotJudged:
    today = time.time() % 86400  # seconds of this day in UTC
    name = time.strftime(settings.index, time.gmtime())
    described = settings_of(asker, name)
    if described is None and today < settings.grows_within:
        return NotJudged(f"there is no {name} yet: this day is {today:.0f} s old")
    if described is None:
        return _absent(name, settings)
    recent = {"range": {"@timestamp": {"gte": "now-1h"}}}
    past = {"range": {"@timestamp": {"lte": _AHEAD}}}
    answer = search(
        asker,
        name,
        {
            "size": 0,
            "track_total_hits": True,
            "aggs": {
                "past": {"filter": past, "aggs": {"newest": {"max": {"field": "@timestamp"}}}},
                "ahead": {"filter": {"range": {"@timestamp": {"gt": _AHEAD}}}},
                "recent": {
                    "filter": recent,
                    "aggs": {
                        "failed": {"filter": {"terms": {"tags": _FAILURES}}},
                        "ip": {
                            "filter": {"exists": {"field": "ip"}},
                            "aggs": {"geoip": {"filter": {"exists": {"field": "geoip"}}}},
                        },
                    },
                },
            },
        },
    )
    found = answer["aggregations"]
    newest = found["past"]["newest"]["value"]
    mapping = asker.json(f"/{name}/_mapping")[name]["mappings"]
    return ElasticsearchIndex(
        name=name,
        exists=True,
        read_only=described.get("index.blocks.read_only_allow_delete") == "true",
        documents=int(answer["hits"]["total"]["value"]),
        newest_age=None if newest is None else time.time() - float(newest) / 1000,
        ahead=int(found["ahead"]["doc_count"]),
        recent=int(found["recent"]["doc_count"]),
        failed=int(found["recent"]["failed"]["doc_count"]),
        with_ip=int(found["recent"]["ip"]["doc_count"]),
        located=int(found["recent"]["ip"]["geoip"]["doc_count"]),
        geoip_due=settings.geoip,
        grows_within=settings.grows_within,
        fields=_fields(mapping.get("properties", {})),
        fields_limit=int(described.get(_LIMIT, _DEFAULT_LIMIT)),
        source=f"GET /{name}/_search",
        sampled_at=time.time(),
    )


def _absent(name: str, settings: Elasticsearch) -> ElasticsearchIndex:
    return ElasticsearchIndex(
        name=name,
        exists=False,
        read_only=False,
        documents=0,
        newest_age=None,
        recent=0,
        failed=0,
        with_ip=0,
        located=0,
        geoip_due=settings.geoip,
        grows_within=settings.grows_within,
        fields=0,
        fields_limit=_DEFAULT_LIMIT,
        source=f"GET /{name}/_settings",
        sampled_at=time.time(),
    )


def _retention(asker: Asker, settings: Elasticsearch) -> ElasticsearchRetention:
    pattern = re.sub(r"%[Ymd]", "*", settings.index)
    rows = asker.json(f"/_cat/indices/{pattern}", {"format": "json", "h": "index,health,docs.count"})
    days: list[datetime.date] = []
    for row in rows:
        try:
            days.append(datetime.datetime.strptime(row["index"], settings.index).date())  # noqa: DTZ007 (a day)
        except ValueError:
            continue  # another's index, whose name begins alike
    if not days:
        raise ProbeError(Reason.NO_DATA, "no index has the pattern's name", "Mend index under [elasticsearch].")
    today = datetime.datetime.now(datetime.UTC).date()
    # without today: whether that has an index is told by another reading, and a day may have only begun
    due_days = [today - datetime.timedelta(days=n) for n in range(1, (today - min(days)).days + 1)]
    stuck, refused = _stuck(asker, pattern)
    return ElasticsearchRetention(
        indexes=len(days),
        oldest_age=(today - min(days)).days * 86400.0,
        due=settings.retention_days * 86400.0,
        missing_days=sum(day not in days for day in due_days),
        red=sum(row["health"] == "red" for row in rows),
        stuck=stuck,
        stuck_refused=refused,
        source="GET /_cat/indices",
        sampled_at=time.time(),
    )


def _stuck(asker: Asker, pattern: str) -> tuple[int | None, bool]:
    """Return how many indexes a lifecycle policy is stuck with, and whether that is refused.

    None where it is not told: OpenSearch has no _ilm.
    """
    path = f"/{pattern}/_ilm/explain"
    try:
        answer = asker.json_or_none(
            path, {"only_errors": "true"}, HTTPStatus.BAD_REQUEST, HTTPStatus.METHOD_NOT_ALLOWED
        )
    except ProbeError as error:
        if error.reason is Reason.DENIED:
            return None, True
        raise
    if answer is None:
        return None, False
    indices: dict[str, dict[str, Any]] = answer["indices"]
    return len([name for name, told in indices.items() if told.get("step") == "ERROR"]), False


def _fields(properties: dict[str, Any]) -> int:
    """Count the fields of a mapping as the limit does: objects, and multi-fields, too."""
    return sum(1 + _fields(one.get("properties", {})) + len(one.get("fields", {})) for one in properties.values())


def _filled(breaker: Any) -> float | None:
    """Return the share of a circuit breaker's limit that is estimated to be used; None where it has none."""
    limit = int(breaker["limit_size_in_bytes"])
    return int(breaker["estimated_size_in_bytes"]) / limit if limit > 0 else None


def _share(percent: Any) -> float | None:
    return None if percent is None else float(percent) / 100


def _most(values: Any) -> float | None:
    return max((value for value in values if value is not None), default=None)
