"""Searches and settings of one index: an answer about a part of it is none, or that part would pass for all.

Called by elasticsearch.py and elasticsearch_exposed.py.
"""

import json
from typing import Any

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.watchers import Asker


def search(asker: Asker, index: str, body: dict[str, Any]) -> Any:
    """Return the answer of a search; raises ProbeError where it was cut short, or a shard did not answer."""
    query = {"source": json.dumps(body), "source_content_type": "application/json"}
    answer = asker.json(f"/{index}/_search", query)
    if answer.get("timed_out"):
        raise ProbeError(Reason.TIMEOUT, f"GET /{index}/_search was cut short", "Look at the load of the cluster.")
    failed = int(answer.get("_shards", {}).get("failed", 0))
    if failed > 0:
        raise ProbeError(Reason.NO_DATA, f"{failed} shards of {index} do not answer", "Look at the cluster's health.")
    return answer


def settings_of(asker: Asker, index: str) -> dict[str, Any] | None:
    """Return the flat settings of an index, None where there is no such index."""
    answer = asker.json_or_none(f"/{index}/_settings", {"flat_settings": "true"})
    if answer is None:
        return None
    settings: dict[str, Any] = answer[index]["settings"]
    return settings
