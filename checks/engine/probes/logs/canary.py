"""Writes one marked line to a log and waits for it in the index: run only with --allow-writes."""

import datetime
import json
import time
from zoneinfo import ZoneInfo

from checks.engine.environment.monitoring import Elasticsearch, Log
from checks.engine.model import ProbeError, Reason
from checks.engine.probes import Context
from checks.engine.probes.logs.window import files
from checks.engine.probes.watchers import Asker
from checks.engine.readings.logs import LogsCanary

_PAUSE = 0.25


def canary(context: Context, log: Log, index: Elasticsearch, zone: ZoneInfo) -> LogsCanary:
    """Return after how long a line of ours that was appended to the log is found in today's index."""
    found = files(log.pattern)
    if not found:
        raise ProbeError(Reason.NO_DATA, "no file matches its pattern", "Mend the pattern, or see who should write it.")
    mark = f"penhas-checks-canary-{context.run_id}-{time.time_ns() % 10**9}"
    stamp = datetime.datetime.now(zone)
    text = f"{stamp:%Y-%m-%d %H:%M:%S},{stamp.microsecond // 1000:03d} [INFO] Penhas.Checks - {mark}\n"
    if log.layout == "public":
        text = f"[{stamp:%d/%m/%Y %H:%M:%S}.{stamp.microsecond // 1000:03d}] [INFO 0]  {mark}\n"
    try:
        with found[0][0].open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        raise ProbeError(Reason.OURS, "we may not append to it", "Run as a user that may, or set no canary.") from None
    name = time.strftime(index.index, time.gmtime())
    body = json.dumps({"size": 0, "query": {"match_phrase": {"message": mark}}})
    query = {"source": body, "source_content_type": "application/json"}
    asker = Asker(context, index)
    began = time.monotonic()
    try:
        while (waited := time.monotonic() - began) < min(index.seen_within, context.remaining(index.seen_within)):
            answer = asker.json_or_none(f"/{name}/_search", query)  # ours may be the first line of its day
            if answer is not None and int(answer["hits"]["total"]["value"]) > 0:
                return _reading(waited, waited)
            time.sleep(_PAUSE)
    except (KeyError, TypeError, ValueError):
        raise ProbeError(Reason.PROTOCOL, "the index's answer does not have the documented shape") from None
    finally:
        asker.close()
    return _reading(None, time.monotonic() - began)


def _reading(seen: float | None, waited: float) -> LogsCanary:
    return LogsCanary(seen_after=seen, waited=waited, source="a marked line of ours", sampled_at=time.time())
