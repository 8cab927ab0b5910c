"""Secrets and personal data in today's index; documents are fetched, looked at here, and only counts leave this module.

What an analyser makes of `secret=` or of a CPF depends on the mapping, and no query knows check digits: a query finds
suspects, and the patterns that are used for log files decide.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from checks.engine.environment.monitoring import Elasticsearch
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.api.client import NoAnswer
from checks.engine.probes.elasticsearch_search import search
from checks.engine.probes.logs.secrets import PERSONAL, kinds_of
from checks.engine.probes.logs.tail import OURS
from checks.engine.probes.watchers import Asker
from checks.engine.readings.elasticsearch import ElasticsearchExposed

NOT_FOUND = 404
PAGE = 250
RECENT = 1500
SUSPECTS = 500
BUDGET = 2.0  # seconds of each search after which no further page is asked for
_FIELDS = ("message", "endpoint")  # what is free text of the guide's fields; ip and user_id are expected
_WORDS = (
    *("secret*", "passw*", "senha*", "token*", "access_token*", "refresh_token*", "session_token*", "auth_token*"),
    *("api_key*", "apikey*", "bearer", "authorization", "signature*", "awsaccesskeyid*", "client_secret*"),
    *("csrf_token*",),
)


@dataclass(slots=True)
class _Seen:
    """The documents that were read, by their ids, and in how many of them each kind is."""

    ids: set[str] = field(default_factory=set)
    kinds: Counter[str] = field(default_factory=Counter)
    texts: int = 0
    own: int = 0


def exposed(asker: Asker, settings: Elasticsearch) -> ElasticsearchExposed:
    """Return how many documents of today's index hold what; raises ProbeError where their text cannot be read."""
    name = time.strftime(settings.index, time.gmtime())
    exists = _exists(asker, name)
    seen = _Seen()
    recent = suspects = (0, 0)
    if exists:
        recent = _look(asker, name, {"range": {"@timestamp": {"gte": "now-1h"}}}, RECENT, seen)
        if recent[1] > 0 and seen.texts == 0:
            raise ProbeError(
                Reason.NO_DATA,
                f"none of {recent[1]} documents has a text",
                "Store _source, and the text of an entry in message.",
            )
        words = f"message:({' OR '.join(_WORDS)})"
        suspects = _look(asker, name, {"query_string": {"query": words}}, SUSPECTS, seen, personal=False)
    found = sorted(seen.kinds.items())
    return ElasticsearchExposed(
        name=name,
        exists=exists,
        secrets=tuple((kind, number) for kind, number in found if kind not in PERSONAL),
        personal=tuple((kind, number) for kind, number in found if kind in PERSONAL),
        recent=recent[0],
        recent_read=recent[1],
        suspects=suspects[0],
        suspects_read=suspects[1],
        own=seen.own,
        source=f"GET /{name}/_search",
        sampled_at=time.time(),
    )


def _exists(asker: Asker, name: str) -> bool:
    try:
        return asker.ask(f"/{name}/_settings", {"flat_settings": "true"}).status != NOT_FOUND
    except NoAnswer as error:
        raise ProbeError(Reason.TIMEOUT if error.late else Reason.PROTOCOL, f"GET /{name}/_settings: {error}") from None


def _look(
    asker: Asker, name: str, query: dict[str, Any], most: int, seen: _Seen, *, personal: bool = True
) -> tuple[int, int]:
    """Read the newest documents that match, at most so many; return how many match, and how many were read."""
    until = time.monotonic() + BUDGET
    matched = read = 0
    while read < most and time.monotonic() < until:
        body = {
            "size": PAGE,
            "from": read,
            "timeout": "2s",
            "track_total_hits": True,
            "sort": [{"@timestamp": {"order": "desc", "unmapped_type": "date"}}],
            "_source": list(_FIELDS),
            "query": query,
        }
        answer = search(asker, name, body)["hits"]
        matched = max(matched, int(answer["total"]["value"]))
        for hit in answer["hits"]:
            if hit["_id"] not in seen.ids:
                seen.ids.add(hit["_id"])
                _count(hit.get("_source", {}), seen, personal=personal)
        read += len(answer["hits"])
        if len(answer["hits"]) < PAGE:
            break
    return matched, read


def _count(source: dict[str, Any], seen: _Seen, *, personal: bool) -> None:
    text = " ".join(_texts(source)).encode("utf-8", "replace")
    seen.texts += text != b""
    if OURS in text:
        seen.own += 1
    else:
        seen.kinds.update(kind for kind in kinds_of(text) if personal or kind not in PERSONAL)


def _texts(source: dict[str, Any]) -> Iterator[str]:
    """Yield the texts of a document's fields; a field may hold several."""
    for name in _FIELDS:
        value = source.get(name)
        yield from (str(one) for one in (value if isinstance(value, list) else [value]) if one is not None)
