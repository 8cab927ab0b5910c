"""What Logstash tells of itself on its own port, in the lab by the stand-in of elasticsearch.py.

The shape is that of the node stats in Elastic's OpenAPI description of Logstash 9, whose example has a pipeline with a
persistent queue. What it took and put out are the documents that the stand-in indexed. Wrong can be: queue (per cent of
its greatest size), reload (it failed, and its error quotes the configuration), stuck (nothing more is put out than was
told of last), pipelines (none runs).
"""

import time
from collections.abc import Mapping
from typing import Any

from lab import marked
from lab.elasticsearch_documents import Store

_QUEUE = 1 << 30


class Logstash:
    """One Logstash with one pipeline."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._began = time.time()
        self._put_out = 0

    def answer(self, path: str, _query: Mapping[str, list[str]]) -> tuple[int, Any]:
        """Return status and JSON of a GET."""
        about = {"host": "lab", "version": "9.0.0-stand-in", "http_address": "127.0.0.1:9600", "status": "green"}
        if path == "/":
            return 200, about
        if path != "/_node/stats":
            return 404, {"path": path, "status": 404, "error": {"message": "Not Found"}}
        none = self._store.wrong.get("pipelines") == "none"
        uptime = time.time() - self._began + (600 if none else 0)  # long enough to be blamed for that
        pipelines = {} if none else {"main": self._pipeline()}
        return 200, {**about, "jvm": {"uptime_in_millis": int(uptime * 1000)}, "pipelines": pipelines}

    def _pipeline(self) -> Any:
        wrong = self._store.wrong
        if not wrong.get("stuck"):
            self._put_out = self._store.indexed
        used = _QUEUE * wrong.get("queue", 1) // 100
        taken = self._store.indexed
        return {
            "events": {"in": taken, "filtered": self._put_out, "out": self._put_out, "duration_in_millis": 1},
            "plugins": {"inputs": [], "codecs": [], "filters": [], "outputs": []},
            "reloads": _reloads(failed=bool(wrong.get("reload"))),
            "queue": {
                "type": "persisted",
                "capacity": {
                    "max_queue_size_in_bytes": _QUEUE,
                    "max_unread_events": 0,
                    "queue_size_in_bytes": used,
                    "page_capacity_in_bytes": 67108864,
                },
                "data": {"path": "/var/lib/logstash/queue/main", "storage_type": "ext4", "free_space_in_bytes": 10**10},
                "events": taken - self._put_out,
                "events_count": taken - self._put_out,
                "queue_size_in_bytes": used,
                "max_queue_size_in_bytes": _QUEUE,
            },
            "hash": "c11e0502ebf9",
            "ephemeral_id": "6a218b06-9655-4ddc-84e9-d5bfa51e5dc7",
        }


def _reloads(*, failed: bool) -> Any:
    error = {"message": f"Expected one of … after filter {{ }} {marked.mail(7)}", "backtrace": []}
    return {
        "successes": 1,
        "failures": int(failed),
        "last_success_timestamp": "2026-11-01T10:00:00.123Z",
        "last_failure_timestamp": "2026-11-01T10:05:00.456Z" if failed else None,
        "last_error": error if failed else None,
    }
