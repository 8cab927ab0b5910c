"""The documents of the stand-in for Elasticsearch: out of log files, and searched as the suite searches them."""

import datetime
import json
import operator
import re
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_ENTRY = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) \[(\w+)\] (\S+) - (.*)")
_AS_GUIDED = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:?\d\d(?::?\d\d(?:[.,]\d+)?)? \[\w+\] .*")  # its grok, found anywhere
_MOST = 20000
_HOW: Mapping[str, Callable[[float, float], bool]] = {"gte": operator.ge, "lte": operator.le, "gt": operator.gt}

Document = dict[str, Any]


class Store:
    """The documents of today, and what is wrong with the cluster."""

    def __init__(self) -> None:
        self.wrong: dict[str, Any] = {}
        self.documents: list[Document] = []
        self.began = time.time()
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
    def indexed(self) -> int:
        """How many documents were ever indexed."""
        return self._next

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
                store.add([parsed(line, by_file=True) for line in lines])
        time.sleep(0.2)


def parsed(line: str, *, by_file: bool = False) -> Document:
    """Return the document that the corrected pipeline makes of a line, and with it the one that the guide's makes."""
    return _parsed(line) | {"_literal": _as_guided(line, by_file=by_file)}


def literal(store: Store) -> list[Document]:
    """Return what the guide's pipeline, as it is written there, makes of the same lines.

    Its file input begins at a file's end and takes each line for JSON, which the layout is not; its grok sees only what
    comes by syslog, and asks for a time that the syslog layout does not have. Without a date filter the time is that of
    arrival.
    """
    return [one["_literal"] | {"_id": one["_id"]} for one in store.documents if one["@timestamp"] >= store.began]


def _as_guided(line: str, *, by_file: bool) -> Document:
    found: Document = {"@timestamp": time.time(), "tags": []}
    if not by_file:
        return found | {"message": line, "tags": [] if _AS_GUIDED.search(line) else ["_grokparsefailure"]}
    try:
        return dict(json.loads(line)) | found
    except (ValueError, TypeError):
        return found | {"message": line, "tags": ["_jsonparsefailure"]}


def _parsed(line: str) -> Document:
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
        ((how, when),) = what["@timestamp"].items()
        return _HOW[how](document["@timestamp"], _moment(when))
    if kind == "match_phrase":
        return str(what["message"]) in str(document.get("message", ""))
    if kind == "query_string":
        # the standard analyser makes lower-case words of letters, digits and _; * stands for the rest of one
        words = re.findall(r"[a-z0-9_]+\*?", what["query"].removeprefix("message:").replace(" OR ", " "))
        tokens = re.findall(r"[a-z0-9_]+", str(document.get("message", "")).lower())
        return any(t.startswith(w[:-1]) if w.endswith("*") else t == w for w in words for t in tokens)
    raise ValueError(kind)


def _moment(text: str) -> float:
    """Return the Unix time of `now`, and so many minutes or hours before or after it."""
    found = re.fullmatch(r"now([+-]\d+)([mh])", text)
    if found is None:
        raise ValueError(text)
    return time.time() + int(found.group(1)) * {"m": 60, "h": 3600}[found.group(2)]


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
