"""A stand-in for Elasticsearch and Logstash: `python -m lab.elasticsearch PORT SYSLOG_PORT LOG…`.

No server of either can be installed from Debian or PyPI, so this speaks the few endpoints that the suite uses, with the
answers' shapes as in Elastic's reference (7.17 and 8): cluster health, cat allocation and indices, nodes stats, cluster
settings, an index's settings and mapping, and a search with filter, max and count, or for the newest documents. It
does what the guide's pipeline would do once corrected: it follows the log files, parses each line, adds geoip, and
indexes by day in UTC.
PUT /_lab with a JSON object breaks it: status, disk, heap, read_only, hide, stop, behind, no_geoip, fields, days, gaps;
`forget` takes out the documents that hold a text.
"""

import datetime
import json
import re
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

_ENTRY = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) \[(\w+)\] (\S+) - (.*)")
_KEPT_DAYS = 20
_MOST = 20000
_FIELDS = ("@timestamp", "level", "category", "message", "type", "tags", "ip", "geoip", "user_id", "request_id")

Document = dict[str, Any]


class Store:
    """The documents of today, and what is wrong with the cluster."""

    def __init__(self) -> None:
        self.wrong: dict[str, Any] = {}
        self.documents: list[Document] = []
        self._next = 0
        self._lock = threading.Lock()

    def add(self, documents: list[Document]) -> None:
        """Index documents."""
        with self._lock:
            numbered = [{**one, "_id": str(self._next + number)} for number, one in enumerate(documents)]
            self._next += len(documents)
            self.documents = [*self.documents, *numbered][-_MOST:]

    def forget(self, text: str) -> None:
        """Take the documents that hold a text out of the index."""
        with self._lock:
            self.documents = [one for one in self.documents if text not in str(one.get("message", ""))]

    @property
    def today(self) -> str:
        """The name of today's index."""
        return f"penhas-{datetime.datetime.now(datetime.UTC):%Y.%m.%d}"


def follow(store: Store, files: list[Path]) -> None:
    """Read what is appended to some files, for ever; a file that was replaced is read from its beginning."""
    places: dict[Path, tuple[int, int]] = {}
    while True:
        for file in files:
            try:
                found = file.stat()
                inode, offset = places.get(file, (found.st_ino, 0))
                offset = offset if inode == found.st_ino and offset <= found.st_size else 0
                with file.open("rb") as log:
                    log.seek(offset)
                    data = log.read()
            except OSError:
                continue
            end = data.rfind(b"\n") + 1
            places[file] = (found.st_ino, offset + end)
            if end and not store.wrong.get("stop"):
                lines = data[:end].decode("utf-8", "replace").splitlines()
                store.add([parsed(line) for line in lines])
        time.sleep(0.2)


def parsed(line: str) -> Document:
    """Return the document that the corrected pipeline makes of a line; the guide's literal one parses nothing."""
    match = _ENTRY.fullmatch(line)
    if match is None:
        return {"@timestamp": time.time(), "message": line, "tags": ["_grokparsefailure"]}
    moment = datetime.datetime.strptime(match.group(1), "%Y-%m-%d %H:%M:%S").replace(tzinfo=datetime.UTC)
    document: Document = {
        "@timestamp": moment.timestamp() + int(match.group(2)) / 1000,
        "level": match.group(3),
        "category": match.group(4),
        "message": match.group(5),
        "tags": [],
    }
    if match.group(5).startswith("{"):
        try:
            document.update(json.loads(match.group(5)) | {"@timestamp": document["@timestamp"]})
        except ValueError:
            document["tags"] = ["_jsonparsefailure"]
    if "ip" in document:
        document["geoip"] = {"country_code2": "BR"}
    return document


def matches(query: Mapping[str, Any], document: Document) -> bool:
    """Whether a document matches one of the few queries that the suite makes."""
    ((kind, what),) = query.items()
    if kind == "exists":
        return what["field"] in document
    if kind == "terms":
        ((field, wanted),) = what.items()
        return bool(set(wanted) & set(document.get(field, ())))
    if kind == "range":
        hours = re.fullmatch(r"now-(\d+)h", what["@timestamp"]["gte"])
        return hours is not None and bool(document["@timestamp"] >= time.time() - int(hours.group(1)) * 3600)
    if kind == "match_phrase":
        return str(what["message"]) in str(document.get("message", ""))
    if kind == "query_string":
        # the standard analyser makes lower-case words of letters, digits and _; * stands for the rest of one
        words = re.findall(r"[a-z0-9_]+\*?", what["query"].removeprefix("message:").replace(" OR ", " "))
        tokens = re.findall(r"[a-z0-9_]+", str(document.get("message", "")).lower())
        return any(t.startswith(w[:-1]) if w.endswith("*") else t == w for w in words for t in tokens)
    raise ValueError(kind)


def aggregate(asked: Mapping[str, Any], documents: list[Document]) -> dict[str, Any]:
    """Return aggregations as the reference gives them."""
    found: dict[str, Any] = {}
    for name, one in asked.items():
        if "max" in one:
            values = [document["@timestamp"] for document in documents]
            found[name] = {"value": max(values) * 1000 if values else None}
        else:
            kept = [document for document in documents if matches(one["filter"], document)]
            found[name] = {"doc_count": len(kept), **aggregate(one.get("aggs", {}), kept)}
    return found


def newest(asked: Mapping[str, Any], documents: list[Document]) -> list[dict[str, Any]]:
    """Return one page of documents as hits, the newest first, with the fields that were asked for."""
    start, size = asked.get("from", 0), asked.get("size", 10)
    page = sorted(documents, key=lambda one: -float(one["@timestamp"]))[start : start + size]
    return [
        {"_id": one["_id"], "_source": {name: one[name] for name in asked.get("_source", ()) if name in one}}
        for one in page
    ]


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
                {"node": "es1", "disk.percent": str(wrong.get("disk", 40))},
                {"node": "UNASSIGNED", "disk.percent": None},
            ],
            "/_nodes/stats/jvm": lambda: {
                "nodes": {"x": {"name": "es1", "jvm": {"mem": {"heap_used_percent": wrong.get("heap", 35)}}}}
            },
            "/_cluster/settings": lambda: {"persistent": {}, "transient": {}, "defaults": _WATERMARKS},
        }
        if path in fixed:
            return 200, fixed[path]()
        if path.startswith("/_cat/indices/"):
            return 200, self._indices()
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
        documents = [d for d in self._store.documents if "query" not in body or matches(body["query"], d)]
        if wrong.get("no_geoip"):
            documents = [{key: value for key, value in d.items() if key != "geoip"} for d in documents]
        if wrong.get("behind"):
            documents = [{**d, "@timestamp": d["@timestamp"] - wrong["behind"]} for d in documents]
        total = {"value": len(documents), "relation": "eq"}
        hits = newest(body, documents)
        return {"hits": {"total": total, "hits": hits}, "aggregations": aggregate(body.get("aggs", {}), documents)}

    def _health(self) -> Any:
        status = self._store.wrong.get("status", "green")
        return {
            "cluster_name": "lab",
            "status": status,
            "unassigned_shards": 0 if status == "green" else 2,
            "number_of_pending_tasks": 0,
        }

    def _indices(self) -> Any:
        today = datetime.datetime.now(datetime.UTC).date()
        days = [today - datetime.timedelta(days=n) for n in range(self._store.wrong.get("days", _KEPT_DAYS))]
        gaps = self._store.wrong.get("gaps", 0)
        names = [f"penhas-{day:%Y.%m.%d}" for day in days[:1] + days[1 + gaps :]]
        return [{"index": name, "health": "green", "docs.count": "1000"} for name in names]


_WATERMARKS = {
    f"cluster.routing.allocation.disk.watermark.{name}": value
    for name, value in (("low", "85%"), ("high", "90%"), ("flood_stage", "95%"))
}


def main(port: int, syslog: int, files: list[Path]) -> None:
    """Serve until the process is ended."""
    store = Store()
    api = Api(store)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._send(*api.answer(parts.path, parse_qs(parts.query)))

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

    class Syslog(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            """Index each line as it stands: the syslog layout carries no time, for which the guide's grok asks."""
            for line in self.rfile:
                store.add([parsed(line.decode("utf-8", "replace").rstrip())])

    input_ = socketserver.ThreadingTCPServer(("127.0.0.1", syslog), Syslog)
    input_.daemon_threads = True
    threading.Thread(target=input_.serve_forever, daemon=True).start()
    threading.Thread(target=follow, args=(store, files), daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
