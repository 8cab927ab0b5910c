"""Reads Logstash: its syslog input, and its own API (GET /_node/stats); called by the probe of Elasticsearch.

The reply's shape is that of Elastic's reference, 6.8 to 9. What it says of an error is never read: it quotes the
pipeline's configuration, passwords included.
"""

import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from checks.engine.environment.monitoring import Elasticsearch
from checks.engine.model import ProbeError, Reason
from checks.engine.probes import Context
from checks.engine.probes.api.client import NoAnswer
from checks.engine.probes.network import problem_of
from checks.engine.probes.prometheus.query import unix
from checks.engine.probes.settling import settle_all
from checks.engine.probes.watchers import Asker, outcome, refused
from checks.engine.readings.elasticsearch import ElasticsearchLogstash
from checks.engine.readings.logstash import LogstashApi, LogstashPipelines, Pipeline

INPUT, API, PIPELINES = "elasticsearch_logstash", "logstash_api", "logstash_pipelines"
NAMES = (INPUT, API, PIPELINES)
PATH = "/_node/stats"
_OK, _DENIED = 200, (401, 403)


def begin(context: Context, settings: Elasticsearch | None, names: list[str]) -> Callable[[], None]:
    """Begin to settle some of `NAMES`; return what waits for the end of that, and raises what went wrong with us."""
    done: Future[None] = Future()

    def work() -> None:
        try:
            _read(context, settings, names)
            done.set_result(None)
        except BaseException as error:  # noqa: BLE001 (raised again in the thread that waits)
            done.set_exception(error)

    if not names:
        return lambda: None
    threading.Thread(target=work, name="logstash", daemon=True).start()
    return done.result


def _read(context: Context, settings: Elasticsearch | None, names: list[str]) -> None:
    assert settings is not None  # noqa: S101 (the readings require it)
    own = [name for name in names if name != INPUT]
    try:
        if INPUT in names:
            context.settle(INPUT, _input(context, settings))
    except ProbeError as error:
        context.settle(INPUT, error)
    try:
        if own:
            _visit(context, settings, own)
    except ProbeError as error:
        settle_all(context, own, error)


def _input(context: Context, settings: Elasticsearch) -> ElasticsearchLogstash:
    """Return whether the syslog input lets us connect; nothing is sent."""
    assert settings.logstash is not None  # noqa: S101 (the reading requires it)
    host, _, port = settings.logstash.rpartition(":")
    seconds = context.remaining(settings.timeout)
    started = time.monotonic()
    problem = ""
    try:
        socket.create_connection((host, int(port)), seconds).close()
    except (OSError, OverflowError) as error:
        problem = problem_of(error, "syslog", seconds, accepted=False) or "cannot be connected to"
    return ElasticsearchLogstash(
        reachable=problem == "",
        problem=problem,
        seconds=time.monotonic() - started,
        source="a TCP connection",
        sampled_at=time.time(),
    )


def _visit(context: Context, settings: Elasticsearch, names: list[str]) -> None:
    """Settle what is read of the API; where it does not answer, that is a reading, and nothing else can be read."""
    assert settings.logstash_api is not None  # noqa: S101 (the readings require it)
    asker = Asker(context, settings.logstash_api)
    started = time.monotonic()
    try:
        problem = _problem(asker)
        api = LogstashApi(
            reachable=problem == "",
            problem=problem,
            seconds=time.monotonic() - started,
            source="GET /",
            sampled_at=time.time(),
        )
        if API in names:
            context.settle(API, api)
        if PIPELINES in names:
            context.settle(PIPELINES, outcome(lambda: pipelines(_told(asker, problem))))
    finally:
        asker.close()


def _told(asker: Asker, problem: str) -> Any:
    if problem != "":
        raise ProbeError(Reason.NO_DATA, f"Logstash's API: {problem}")
    return asker.json(PATH)


def _problem(asker: Asker) -> str:
    """Return our word for why the API does not answer, "" where it does; raises ProbeError where that is our fault."""
    try:
        answer = asker.ask("/")
    except NoAnswer as error:
        return str(error)
    if answer.status in _DENIED:
        raise refused(answer.status)
    return "" if answer.status == _OK else f"GET / answers {answer.status}"


def pipelines(stats: Mapping[str, Any]) -> LogstashPipelines:
    """Return what a reply to `PATH` says; raises what a reply of another shape makes Python raise."""
    return LogstashPipelines(
        version=str(stats["version"])[:40],
        uptime=float(stats["jvm"]["uptime_in_millis"]) / 1000,
        pipelines=tuple(
            _pipeline(name, told) for name, told in sorted(stats["pipelines"].items()) if not name.startswith(".")
        ),
        source=f"GET {PATH}",
        sampled_at=time.time(),
    )


def _pipeline(name: str, told: Mapping[str, Any]) -> Pipeline:
    queue, reloads = told["queue"], told["reloads"]
    capacity = queue.get("capacity") or {}  # where 6.8 has the sizes
    persistent = queue["type"] == "persisted"
    size = queue.get("queue_size_in_bytes", capacity.get("queue_size_in_bytes"))
    most = queue.get("max_queue_size_in_bytes", capacity.get("max_queue_size_in_bytes"))
    known = persistent and size is not None and most is not None and int(most) > 0
    return Pipeline(
        name=name if re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", name) else "?",
        run=f"{told.get('ephemeral_id', '')}"[:60],
        taken=int(told["events"]["in"]),
        put_out=int(told["events"]["out"]),
        persistent=persistent,
        used_ratio=int(size) / int(most) if known else None,
        waiting=int(queue.get("events_count", queue.get("events", 0))),
        reload_failed=_is_later(reloads["last_failure_timestamp"], reloads["last_success_timestamp"]),
    )


def _is_later(failure: str | None, success: str | None) -> bool:
    return failure is not None and (success is None or unix(failure) > unix(success))
