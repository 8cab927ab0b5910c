"""A stand-in for Elasticsearch and Logstash: `python -m lab.elasticsearch PORT SYSLOG_PORT LOGSTASH_PORT LOG…`.

No server of either can be installed from Debian or PyPI, so this speaks the few endpoints that the suite uses, with the
answers' shapes as in Elastic's reference (7.17 and 8): cluster health, cat allocation and indices, nodes stats, cluster
settings, lifecycle errors, an index's settings and mapping, and a search with filter, max and count, or for the newest
documents. It does what the guide's pipeline would do once corrected: it follows the log files, parses each line, adds
geoip, and indexes by day in UTC. On LOGSTASH_PORT it tells of that as Logstash does (logstash.py). PUT /_lab with a
JSON object breaks it: literal (the guide's pipeline as it is written there), status, nodes, waits, disk, heap, breaker,
read_only, hide, stop, behind, ahead, no_geoip, fields, days, gaps, lifecycle, no_lifecycle, queue, reload, stuck,
pipelines; `forget` takes out the documents that hold a text.
"""

import datetime
import json
import socketserver
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from lab.elasticsearch_documents import Store, aggregate, follow, literal, matches, newest, parsed
from lab.logstash import Logstash

_KEPT_DAYS = 20
_FIELDS = ("@timestamp", "level", "category", "message", "type", "tags", "ip", "geoip", "user_id", "request_id")


class Api:
    """The endpoints."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def answer(self, path: str, query: Mapping[str, list[str]]) -> tuple[int, Any]:
        """Return status and JSON of a GET."""
        wrong, name = self._store.wrong, path.strip("/").partition("/")[0]
        fixed: dict[str, Callable[[], Any]] = {
            "/": lambda: {"name": "lab", "version": {"number": "8.0.0-stand-in"}, "tagline": "You Know, for Search"},
            "/_cluster/health": self._health,
            "/_cat/allocation": lambda: [
                {"node": "es1", "disk.percent": str(wrong.get("disk", 40)), "disk.total": _TOTAL},
                *(
                    {"node": f"es{number}", "disk.percent": "40", "disk.total": _TOTAL}
                    for number in range(2, wrong.get("nodes", 1) + 1)
                ),
                {"node": "UNASSIGNED", "disk.percent": None, "disk.total": None},
            ],
            "/_nodes/stats/jvm,breaker": self._nodes,
            "/_cluster/settings": lambda: {"persistent": {}, "transient": {}, "defaults": _WATERMARKS},
        }
        if path in fixed:
            return 200, fixed[path]()
        if path.startswith("/_cat/indices/"):
            return 200, self._indices()
        if path.endswith("/_ilm/explain"):
            if wrong.get("no_lifecycle"):
                return 403, {"error": {"type": "security_exception"}, "status": 403}
            return 200, {"indices": {n: {"index": n, "step": "ERROR"} for n in wrong.get("lifecycle", ())}}
        if name != self._store.today or wrong.get("hide"):
            return 404, {"error": {"type": "index_not_found_exception"}, "status": 404}
        return 200, self._index(path.strip("/").partition("/")[2], query)

    def _index(self, what: str, query: Mapping[str, list[str]]) -> Any:
        wrong = self._store.wrong
        if what == "_settings":
            flags = {"index.blocks.read_only_allow_delete": "true"} if wrong.get("read_only") else {}
            return {self._store.today: {"settings": {"index.number_of_shards": "1", **flags}}}
        if what == "_mapping":
            names = (*_FIELDS, *(f"field{number}" for number in range(wrong.get("fields", 0))))
            return {self._store.today: {"mappings": {"properties": {name: {"type": "keyword"} for name in names}}}}
        body = json.loads(query["source"][0])
        indexed = literal(self._store) if wrong.get("literal") else self._store.documents
        documents = [d for d in indexed if "query" not in body or matches(body["query"], d)]
        if wrong.get("no_geoip"):
            documents = [{key: value for key, value in d.items() if key != "geoip"} for d in documents]
        if wrong.get("behind"):
            documents = [{**d, "@timestamp": d["@timestamp"] - wrong["behind"]} for d in documents]
        if wrong.get("ahead"):
            late = wrong["ahead"]
            documents = [{**d, "@timestamp": d["@timestamp"] + late * (n % 9 == 0)} for n, d in enumerate(documents)]
        total = {"value": len(documents), "relation": "eq"}
        hits = newest(body, documents)
        return {"hits": {"total": total, "hits": hits}, "aggregations": aggregate(body.get("aggs", {}), documents)}

    def _nodes(self) -> Any:
        wrong = self._store.wrong
        used = {"parent": wrong.get("breaker", 30), "request": 0}
        breakers = {
            name: {"limit_size_in_bytes": 1000, "estimated_size_in_bytes": 10 * percent, "tripped": 0}
            for name, percent in used.items()
        }
        heap = {"mem": {"heap_used_percent": wrong.get("heap", 35)}}
        return {"nodes": {"x": {"name": "es1", "jvm": heap, "breakers": breakers}}}

    def _health(self) -> Any:
        status, waits = self._store.wrong.get("status", "green"), self._store.wrong.get("waits", 0)
        return {
            "cluster_name": "lab",
            "status": status,
            "unassigned_shards": 0 if status == "green" else 2,
            "number_of_pending_tasks": 0 if waits == 0 else 250,
            "task_max_waiting_in_queue_millis": waits,
        }

    def _indices(self) -> Any:
        today = datetime.datetime.now(datetime.UTC).date()
        days = [today - datetime.timedelta(days=n) for n in range(self._store.wrong.get("days", _KEPT_DAYS))]
        gaps = self._store.wrong.get("gaps", 0)
        names = [f"penhas-{day:%Y.%m.%d}" for day in days[:1] + days[1 + gaps :]]
        return [{"index": name, "health": "green", "docs.count": "1000"} for name in names]


_TOTAL = str(100 << 30)  # bytes of a node's disk
_WATERMARKS = {
    f"cluster.routing.allocation.disk.watermark.{name}": value
    for name, value in (("low", "85%"), ("high", "90%"), ("flood_stage", "95%"))
}


def handler(answer: Callable[[str, Mapping[str, list[str]]], tuple[int, Any]], store: Store) -> Any:
    """Return a class that answers GET as `answer` says, and takes what shall be wrong."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._send(*answer(unquote(parts.path), parse_qs(parts.query)))

        def do_PUT(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            if "forget" in given:
                store.forget(given["forget"])
            else:
                store.wrong = given
            self._send(200, {})

        def _send(self, status: int, table: Any) -> None:
            data = json.dumps(table).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing on stderr."""

    return Handler


def main(port: int, syslog: int, logstash: int, files: list[Path]) -> None:
    """Serve until the process is ended."""
    store = Store()

    class Syslog(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            """Index each line as it stands: the syslog layout carries no time, for which the guide's grok asks."""
            for line in self.rfile:
                store.add([parsed(line.decode("utf-8", "replace").rstrip())])

    input_ = socketserver.ThreadingTCPServer(("127.0.0.1", syslog), Syslog)
    input_.daemon_threads = True
    threading.Thread(target=input_.serve_forever, daemon=True).start()
    threading.Thread(target=follow, args=(store, files), daemon=True).start()
    beside = ThreadingHTTPServer(("127.0.0.1", logstash), handler(Logstash(store).answer, store))
    threading.Thread(target=beside.serve_forever, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", port), handler(Api(store).answer, store)).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), [Path(name) for name in sys.argv[4:]])
