"""The probe of the API: what it makes of answers, those of broken networks and wrong programs among them."""

import gzip
import json
import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from checks.engine.environment import Environment
from checks.engine.model import NotJudged, ProbeError, Reading, Reason, Target
from checks.engine.probes import api
from checks.engine.readings.api import (
    ApiConnection,
    ApiDetailed,
    ApiHealth,
    ApiHistogram,
    ApiOwnLatency,
    ApiProbes,
)
from tests.probes import sockets
from tests.probes.certificates import certificate, server_context
from tests.probes.context import Kept
from tests.probes.sockets import Relay, Talk, serving

TOKEN = "SEGREDOMARCADOx4"
HEALTH = {
    "status": "ok",
    "timestamp": 0,
    "version": "2.14.0",
    "checks": {"database": "ok", "redis": "ok", "s3": "ok"},
}
DETAILED = {
    "database": {"connections": 5, "slow_queries": 0, "replication_lag": 0.2},
    "redis": {"memory_used": 1000, "connected_clients": 3, "ops_per_sec": 1.5},
    "minion": {"active_workers": 1, "job_queue_size": 0, "failed_jobs": 2},
    "api": {"requests_per_minute": 10, "average_response_time": 0.1, "error_rate": 0.0},
}
METRICS = """\
# HELP http_requests_total All.
# TYPE http_requests_total counter
http_requests_total{method="GET",endpoint="/pontos-de-apoio",status="200"} 90
http_requests_total{method="GET",endpoint="/pontos-de-apoio",status="503"} 10
http_requests_total{method="GET",endpoint="/health",status="200"} 1000
http_requests_total{method="GET",endpoint="/maintenance/minion-stats",status="500"} 1000
http_request_duration_seconds_bucket{method="GET",endpoint="/pontos-de-apoio",status="200",le="0.1"} 60
http_request_duration_seconds_bucket{method="GET",endpoint="/pontos-de-apoio",status="200",le="1.0"} 80 1700000000000
http_request_duration_seconds_bucket{method="GET",endpoint="/pontos-de-apoio",status="200",le="+Inf"} 90
http_request_duration_seconds_bucket{method="GET",endpoint="/a\\"b",status="503",le="0.1"} 1
http_request_duration_seconds_bucket{method="GET",endpoint="/a\\"b",status="503",le="1.0"} 2
http_request_duration_seconds_bucket{method="GET",endpoint="/a\\"b",status="503",le="+Inf"} 10
http_request_duration_seconds_bucket{method="GET",endpoint="/health",status="200",le="+Inf"} 1000
http_request_duration_seconds_count{method="GET",endpoint="/pontos-de-apoio",status="200"} 90
http_request_duration_seconds_count{method="GET",endpoint="/a\\"b",status="503"} 10
process_start_time_seconds 1.7e+09
"""

Pages = dict[str, tuple[int, bytes | dict[str, Any]]]


class Instance:
    """A web server with given pages; keeps what it was asked."""

    def __init__(self, pages: Pages, token: str = TOKEN) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        instance = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                instance.asked.append((self.command, self.path, dict(self.headers)))
                status, page = pages.get(self.path, (404, b"no such page"))
                if self.path == "/health/detailed" and self.headers.get("Authorization") != f"Bearer {token}":
                    status, page = 401, b"{}"
                body = page if isinstance(page, bytes) else json.dumps(page).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def running(pages: Pages, token: str = TOKEN) -> Iterator[Instance]:
    instance = Instance(pages, token)
    threading.Thread(target=instance.server.serve_forever, daemon=True).start()
    with instance.server:
        yield instance
        instance.server.shutdown()


def read(url: str, *names: str, seconds: float = 10.0, token: str = TOKEN, **settings: Any) -> Kept:
    """Read the connection and `names`; what was settled holds no token and no address."""
    given = {"health": "/health", "timeout": 5.0, **settings}
    table = {"name": "t", "api": {"targets": [{"name": "api1", "url": url}], **given}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENHAS_CHECKS_TOKEN", token)
        patch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        patch.setenv("http_proxy", "http://127.0.0.1:1")
        kept = Kept(
            Environment.model_validate(table), Target("api", "api1"), ("api_connection", *names), seconds=seconds
        )
        api.read(kept)
    said = "".join(o.why + o.mend if isinstance(o, ProbeError) else repr(o) for o in kept.outcomes.values())
    assert TOKEN not in said
    assert "127.0.0.1" not in said
    assert set(kept.outcomes) == set(kept.names)
    return kept


def of(kept: Kept, name: str, kind: type[Any]) -> Any:
    outcome = kept.outcomes[name]
    assert isinstance(outcome, kind), getattr(outcome, "why", outcome)
    return outcome


def problem(kept: Kept) -> str:
    connection = of(kept, "api_connection", ApiConnection)
    assert not connection.reachable
    assert all(kept.error(name).reason is Reason.CONNECTION for name in kept.names[1:])
    said: str = connection.problem
    return said


def health_of(page: dict[str, Any] | bytes, status: int = 200) -> ApiHealth:
    with running({"/health": (status, page)}) as instance:
        outcome = of(read(instance.url, "api_health"), "api_health", ApiHealth)
    assert isinstance(outcome, ApiHealth)
    return outcome


def test_a_healthy_instance_is_read_over_one_connection() -> None:
    pages: Pages = {
        "/health": (200, {**HEALTH, "timestamp": time.time()}),
        "/health/detailed": (200, DETAILED),
        "/metrics": (200, METRICS.encode()),
        "/a": (200, {"rows": []}),
        "/b": (200, b"text"),
    }
    probes = [{"path": "/a", "json_keys": ["rows"]}, {"path": "/b"}]
    names = ("api_health", "api_probes", "api_own_latency", "api_detailed", "api_histogram")
    with running(pages) as instance:
        relay = Relay(instance.server.server_address[1])
        with serving(relay) as port:
            kept = read(
                f"http://127.0.0.1:{port}",
                *names,
                probes=probes,
                detailed="/health/detailed",
                metrics="/metrics",
                credentials={"env": "PENHAS_CHECKS_TOKEN"},
            )
    assert of(kept, "api_connection", ApiConnection).reachable
    health = of(kept, "api_health", ApiHealth)
    assert (health.http_status, health.status, health.version) == (200, "ok", "2.14.0")
    assert health.components == (("database", "ok"), ("redis", "ok"), ("s3", "ok"))
    assert health.verbose == ()
    assert abs(health.clock_offset) < 0.5
    assert [(p.path, p.http_status, p.missing) for p in of(kept, "api_probes", ApiProbes).paths] == [
        ("/a", 200, ()),
        ("/b", 200, ()),
    ]
    latency = of(kept, "api_own_latency", ApiOwnLatency)
    assert latency.requests == 4
    assert 0 < latency.slowest < 1
    detailed = of(kept, "api_detailed", ApiDetailed)
    assert (detailed.status_without_credentials, detailed.http_status, detailed.missing) == (401, 200, ())
    assert dict(detailed.figures)["database.replication_lag"] == 0.2
    assert relay.connections == 1
    assert {command for command, _, _ in instance.asked} == {"GET"}
    assert {headers["User-Agent"] for _, _, headers in instance.asked} == {"penhas-checks/test"}
    # Timing uses the requests that were made for the paths.
    assert len(instance.asked) == 4 + 1 + 2 + 1


def test_the_texts_of_health_are_brought_to_words() -> None:
    page = {
        "status": "degraded",
        "timestamp": "2026-11-28T03:00:00Z",
        "version": f"{TOKEN} and more",
        "checks": {"database": f"error: host=db user=penhas password={TOKEN}", "s3": "ok", "mail": "error: timeout"},
    }
    health = health_of(page, 503)
    assert (health.http_status, health.status, health.version) == (503, "degraded", None)
    assert health.components == (("database", "error"), ("redis", "missing"), ("s3", "ok"), ("mail", "error"))
    assert health.verbose == ("database",)
    assert health.clock_offset is not None


def test_a_stamp_without_a_zone_is_utc_whatever_the_zone_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    time.tzset()
    try:
        offset = health_of({**HEALTH, "timestamp": datetime.now(UTC).replace(tzinfo=None).isoformat()}).clock_offset
    finally:
        monkeypatch.undo()
        time.tzset()
    assert offset is not None
    assert abs(offset) < 0.5


@pytest.mark.parametrize(
    "page",
    [
        {"status": TOKEN * 9, "checks": "ok"},
        {"status": {"a": TOKEN}, "checks": {"database": {"a": TOKEN}, f"{TOKEN} x": "ok"}, "version": [TOKEN]},
        {"timestamp": True},
        {"timestamp": "yesterday"},
        {"timestamp": math.inf},
        {},
    ],
)
def test_strange_health_is_read_without_showing_it(page: dict[str, Any]) -> None:
    health = health_of(page)
    assert health.status in {"missing", "other"}
    assert (health.version, health.clock_offset) == (None, None)
    assert dict(health.components)["redis"] == "missing"


@pytest.mark.parametrize(
    "page", [b"<html>", b"", b"[1]", b"\xff\xfe", b"[" * 100_000, gzip.compress(b'{"status": "ok"}', mtime=0)]
)
def test_health_that_is_no_json_object_is_unknown_and_the_connection_is_not(page: bytes) -> None:
    with running({"/health": (200, page)}) as instance:
        kept = read(instance.url, "api_health")
    assert kept.error("api_health").reason is Reason.PROTOCOL
    assert of(kept, "api_connection", ApiConnection).reachable


@pytest.mark.parametrize("status", [301, 404, 500])
def test_any_answer_is_a_connection_and_no_redirect_is_followed(status: int) -> None:
    with running({"/health": (status, HEALTH)}) as instance:
        kept = read(instance.url, "api_health")
    assert of(kept, "api_connection", ApiConnection).reachable
    assert of(kept, "api_health", ApiHealth).http_status == status
    assert [path for _, path, _ in instance.asked] == ["/health"]


def test_probe_paths_tell_status_and_missing_keys() -> None:
    probes = [{"path": "/a", "json_keys": ["rows", "more"]}, {"path": "/gone"}, {"path": "/a", "status": 201}]
    with running({"/a": (200, {"rows": []})}) as instance:
        paths = of(read(instance.url, "api_probes", probes=probes, health=None), "api_probes", ApiProbes).paths
    assert [(p.http_status, p.expected_status, p.missing) for p in paths] == [
        (200, 200, ("more",)),
        (404, 200, ()),
        (200, 201, ()),
    ]


def test_latency_without_probe_paths_says_which_path_it_took() -> None:
    with running({"/health": (200, HEALTH)}) as instance:
        latency = of(read(instance.url, "api_own_latency"), "api_own_latency", ApiOwnLatency)
    assert latency.requests == 4
    assert "/health" in latency.source


def test_an_open_detailed_path_is_told_even_without_a_token() -> None:
    with running({"/open": (200, DETAILED)}) as instance:
        kept = read(instance.url, "api_detailed", detailed="/open")
        assert of(kept, "api_detailed", ApiDetailed).status_without_credentials == 200
    with running({"/health/detailed": (200, DETAILED)}) as instance:
        kept = read(instance.url, "api_detailed", detailed="/health/detailed")
    assert kept.error("api_detailed").reason is Reason.OURS


def test_figures_that_are_no_numbers_are_missing() -> None:
    page = {**DETAILED, "database": {"connections": "5", "slow_queries": None, "replication_lag": True}, "x": TOKEN}
    with running({"/health/detailed": (200, page)}) as instance:
        credentials = {"env": "PENHAS_CHECKS_TOKEN"}
        kept = read(instance.url, "api_detailed", detailed="/health/detailed", credentials=credentials)
    detailed = of(kept, "api_detailed", ApiDetailed)
    assert detailed.missing == ("database.connections", "database.slow_queries", "database.replication_lag")


def test_a_refused_token_gives_its_status_and_everything_missing() -> None:
    with running({"/health/detailed": (200, DETAILED)}, token="another") as instance:
        credentials = {"env": "PENHAS_CHECKS_TOKEN"}
        kept = read(instance.url, "api_detailed", detailed="/health/detailed", credentials=credentials)
    detailed = of(kept, "api_detailed", ApiDetailed)
    assert (detailed.http_status, len(detailed.missing), detailed.figures) == (401, 12, ())


def metrics_of(text: str | bytes, status: int = 200) -> Reading | ProbeError | NotJudged:
    body = text if isinstance(text, bytes) else text.encode()
    with running({"/health": (200, HEALTH), "/metrics": (status, body)}) as instance:
        return read(instance.url, "api_histogram", metrics="/metrics").outcomes["api_histogram"]


def test_request_counters_leave_out_what_is_not_traffic() -> None:
    histogram = metrics_of(METRICS)
    assert isinstance(histogram, ApiHistogram)
    assert histogram.buckets == ((0.1, 61), (1.0, 82), (math.inf, 100))
    assert (histogram.requests, histogram.errors, histogram.started) == (100, 10, 1.7e9)


def test_without_the_total_the_histogram_counts() -> None:
    only = "\n".join(line for line in METRICS.splitlines() if not line.startswith("http_requests_total"))
    histogram = metrics_of(only)
    assert isinstance(histogram, ApiHistogram)
    assert (histogram.requests, histogram.errors) == (100, 10)


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("process_start_time_seconds 1\n", 200, Reason.NO_DATA),
        ("", 200, Reason.PROTOCOL),
        ("<html>", 200, Reason.PROTOCOL),
        (METRICS, 403, Reason.NO_DATA),
        ("http_requests_total many\n", 200, Reason.PROTOCOL),
        ('http_request_duration_seconds_bucket{le="x"} 1\n', 200, Reason.PROTOCOL),
    ],
)
def test_metrics_that_do_not_hold_the_counters(text: str, status: int, reason: Reason) -> None:
    error = metrics_of(text, status)
    assert isinstance(error, ProbeError)
    assert error.reason is reason


def test_an_endless_body_is_given_up() -> None:
    error = metrics_of(b"x" * (9 << 20))
    assert isinstance(error, ProbeError)
    assert "longer than 8 MiB" in error.why


def test_a_refused_connection() -> None:
    assert problem(read("http://127.0.0.1:1", "api_health")) == "connection refused"


def test_a_name_that_does_not_resolve_is_our_own_fault() -> None:
    kept = read("http://nobody.invalid", "api_health")
    assert all(kept.error(name).reason is Reason.OURS for name in kept.names)


@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        (sockets.hang, "accepts but does not answer within 0.5 s"),
        (sockets.cut, "the connection was cut"),
        (sockets.rubbish, "answers something that is not HTTP"),
        pytest.param(sockets.dripping(b"HTTP/1.1 200 OK\r\n", b"x"), "accepts but does not answer", id="header-drips"),
        pytest.param(
            sockets.dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"x"),
            "accepts but does not answer",
            id="body-drips",
        ),
        pytest.param(
            sockets.dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), "began to answer but did not end", id="no-end"
        ),
    ],
)
def test_what_is_no_server(talk: Talk, expected: str) -> None:
    started = time.monotonic()
    with serving(talk) as port:
        assert problem(read(f"http://127.0.0.1:{port}", "api_health", seconds=0.5)).startswith(expected)
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("after", [1, 9, 16, 30, 60, 200])
def test_a_connection_cut_in_the_middle(after: int) -> None:
    with running({"/health": (200, {**HEALTH, "padding": "x" * 500})}) as instance:
        relay = Relay(instance.server.server_address[1], after=after)
        with serving(relay) as port:
            assert problem(read(f"http://127.0.0.1:{port}", "api_health")) == "the connection was cut"


def test_one_path_that_hangs_is_not_the_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = threading.Event()

    with running({"/a": (200, {}), "/health": (200, HEALTH)}) as instance:
        original = instance.server.RequestHandlerClass.do_GET  # type: ignore[attr-defined]

        def maybe(handler: BaseHTTPRequestHandler) -> None:
            original(handler) if handler.path == "/a" else stuck.wait(3)

        monkeypatch.setattr(instance.server.RequestHandlerClass, "do_GET", maybe)
        kept = read(instance.url, "api_health", "api_probes", probes=[{"path": "/a"}], timeout=0.3)
        stuck.set()
    assert of(kept, "api_connection", ApiConnection).reachable
    assert kept.error("api_health").reason is Reason.TIMEOUT
    assert isinstance(kept.outcomes["api_probes"], ApiProbes)


def test_certificates_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def over_tls(path: Path) -> Talk:
        context = server_context(path)

        def talk(raw: socket.socket) -> None:
            with context.wrap_socket(raw, server_side=True) as wrapped:
                sockets.hang(wrapped)

        return talk

    good, old = certificate(tmp_path), certificate(tmp_path, days=-1)
    with serving(over_tls(good)) as port:
        kept = read(f"https://127.0.0.1:{port}")
        assert "root that we trust" in kept.error("api_connection").why
        monkeypatch.setenv("SSL_CERT_FILE", str(good))
        hung = problem(read(f"https://127.0.0.1:{port}", seconds=0.5))
        assert hung == "accepts but does not answer within 0.5 s"
    monkeypatch.setenv("SSL_CERT_FILE", str(old))
    with serving(over_tls(old)) as port:
        assert problem(read(f"https://127.0.0.1:{port}")) == "its TLS certificate has expired"
    with serving(sockets.hang) as port:
        assert problem(read(f"https://127.0.0.1:{port}", seconds=0.5)) == "accepts but does not answer within 0.5 s"
