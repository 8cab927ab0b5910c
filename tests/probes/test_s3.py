"""The probe of S3 against a real server that checks signatures, and against what is none."""

import http.server
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from checks.engine.environment import Environment
from checks.engine.environment.models import Place
from checks.engine.environment.secrets import Secret
from checks.engine.model import ProbeError, Reason, Target
from checks.engine.probes import s3
from checks.engine.probes.backup.store import open_store
from checks.engine.readings.s3 import S3Connection
from lab import s3 as lab_s3
from lab.processes import Launcher
from tests.probes import sockets
from tests.probes.certificates import certificate, server_context
from tests.probes.context import Kept
from tests.probes.sockets import Relay, Talk, serving

NAMES = ("s3_connection",)
KEY, SECRET = "SEGREDOMARCADOkey", "SEGREDOMARCADOx3"


@pytest.fixture(scope="module")
def server(launcher: Launcher, folder: Path) -> Iterator[lab_s3.S3]:
    made = lab_s3.S3(folder / "s3")
    lab_s3.start(launcher, made, {KEY: SECRET})
    yield made
    if made.process is not None:
        made.process.stop()


@pytest.fixture(autouse=True)
def leaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything of the surroundings that must not be used."""
    for name, value in {
        "AWS_PROFILE": "nobody",
        "AWS_ACCESS_KEY_ID": "leaked",
        "AWS_SECRET_ACCESS_KEY": "leaked",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_DEFAULT_REGION": "nowhere",
        "AWS_CA_BUNDLE": "/gone",
        "REQUESTS_CA_BUNDLE": "/gone",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)


def read(
    endpoint: str, *, bucket: str = lab_s3.MEDIA, key: str = KEY, secret: str = SECRET, seconds: float = 10.0
) -> S3Connection | ProbeError:
    """Read the connection of one bucket; what was settled holds no key and no address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENHAS_CHECKS_KEY", key)
        patch.setenv("PENHAS_CHECKS_SECRET", secret)
        keys = {"access_key": {"env": "PENHAS_CHECKS_KEY"}, "secret_key": {"env": "PENHAS_CHECKS_SECRET"}}
        table = {"name": "t", "s3": {"endpoint": endpoint, **keys, "buckets": [{"name": "media", "bucket": bucket}]}}
        kept = Kept(Environment.model_validate(table), Target("s3", "media"), NAMES, seconds=seconds)
        s3.read(kept)
    outcome = kept.outcomes["s3_connection"]
    said = outcome.why + outcome.mend if isinstance(outcome, ProbeError) else repr(outcome)
    assert not any(word in said for word in (KEY, SECRET, "127.0.0.1", "http://"))
    assert isinstance(outcome, S3Connection | ProbeError)
    return outcome


def problem(outcome: S3Connection | ProbeError) -> str:
    assert isinstance(outcome, S3Connection), outcome
    assert not outcome.reachable
    return outcome.problem


def ours(outcome: S3Connection | ProbeError, reason: Reason = Reason.OURS) -> str:
    assert isinstance(outcome, ProbeError), outcome
    assert outcome.reason is reason
    assert outcome.mend != ""
    return outcome.why


def test_a_bucket_that_is_there_and_ours(server: lab_s3.S3) -> None:
    outcome = read(server.endpoint)
    assert isinstance(outcome, S3Connection), outcome.why
    assert outcome.reachable
    assert 0 < outcome.seconds < 5


def test_nothing_goes_through_the_environment_which_changes_meanwhile(server: lab_s3.S3) -> None:
    """Pytest takes a variable of its own away after each test, in another thread than the probe's."""

    def changed(_: object) -> Iterator[str]:
        raise RuntimeError("dictionary changed size during iteration")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(os.environ), "__iter__", changed)
        found = read(server.endpoint)
    assert isinstance(found, S3Connection)
    assert found.reachable


def test_a_bucket_that_is_not_there(server: lab_s3.S3) -> None:
    assert problem(read(server.endpoint, bucket="gone")) == "the bucket does not exist (404)"


def test_a_malformed_name_is_our_own_fault(server: lab_s3.S3) -> None:
    assert "name is malformed" in ours(read(server.endpoint, bucket="No Bucket"))


def test_a_wrong_secret_and_a_wrong_key_are_our_own_fault(server: lab_s3.S3) -> None:
    assert "secret key is wrong" in ours(read(server.endpoint, secret="SEGREDOMARCADOwrong"))
    assert "access key is not known" in ours(read(server.endpoint, key="SEGREDOMARCADOnobody"))


def test_a_refused_connection() -> None:
    assert problem(read("http://127.0.0.1:1")) == "connection refused"


def test_a_name_that_does_not_resolve_is_our_own_fault() -> None:
    assert "does not resolve" in ours(read("http://nobody.invalid"))


@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        (sockets.hang, "accepts but does not answer"),
        pytest.param(sockets.dripping(b"HTTP/1.1 200 OK\r\n", b"x"), "accepts but does not answer", id="drips"),
        (sockets.cut, "the connection was cut"),
        (sockets.rubbish, "answers something that is not S3"),
    ],
)
def test_what_is_no_server(talk: Talk, expected: str) -> None:
    with serving(talk) as port:
        started = time.monotonic()
        assert problem(read(f"http://127.0.0.1:{port}", seconds=0.5)).split(" within ")[0] == expected
    assert time.monotonic() - started < 2


class _Web(http.server.BaseHTTPRequestHandler):
    """Answers 200 to everything: a page, or a listing without a mark of S3 on it."""

    page = b"<html><body><p>Welcome</p></body></html>"

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.page)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(self.page)

    def do_HEAD(self) -> None:
        """Answer without the page."""
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Plain(_Web):
    page = b"<ListBucketResult><Name>m</Name><MaxKeys>1</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>"


@contextmanager
def web(handler: type[_Web]) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_web_server_that_answers_well_to_everything_is_no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare store, of which no answer bears a mark, is one by what it lists."""
    monkeypatch.setenv("PENHAS_CHECKS_KEY", KEY)
    key = Secret(env="PENHAS_CHECKS_KEY")
    place = {"bucket": "m", "access_key": key, "secret_key": key}
    with web(_Web) as endpoint:
        assert problem(read(endpoint)) == "answers something that is not S3"
        with pytest.raises(ProbeError, match="cannot be listed: answers something that is not S3"):
            open_store(Place.model_validate({"endpoint": endpoint, **place})).objects()
    with web(_Plain) as endpoint:
        found = read(endpoint)
        assert open_store(Place.model_validate({"endpoint": endpoint, **place})).objects() == ()
    assert isinstance(found, S3Connection)
    assert found.reachable


@pytest.mark.parametrize("after", [1, 10, 20, 60])
def test_a_connection_cut_in_the_middle(server: lab_s3.S3, after: int) -> None:
    with serving(Relay(server.port, after=after)) as port:
        assert problem(read(f"http://127.0.0.1:{port}")) == "the connection was cut"


def test_a_visit_is_one_connection_and_one_turn(server: lab_s3.S3) -> None:
    relay = Relay(server.port)
    with serving(relay) as port:
        outcome = read(f"http://127.0.0.1:{port}")
    assert isinstance(outcome, S3Connection)
    assert (relay.connections, relay.turns) == (1, 1)


def test_certificates_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def over_tls(path: Path) -> Talk:
        context = server_context(path)

        def talk(raw: socket.socket) -> None:
            with context.wrap_socket(raw, server_side=True) as wrapped:
                sockets.hang(wrapped)

        return talk

    good, old = certificate(tmp_path), certificate(tmp_path, days=-1)
    with serving(over_tls(good)) as port:
        assert "root that we trust" in ours(read(f"https://127.0.0.1:{port}"))
        monkeypatch.setenv("SSL_CERT_FILE", str(good))
        hung = problem(read(f"https://127.0.0.1:{port}", seconds=0.5))
        assert hung.startswith("accepts but does not answer")
    monkeypatch.setenv("SSL_CERT_FILE", str(old))
    with serving(over_tls(old)) as port:
        assert problem(read(f"https://127.0.0.1:{port}")) == "its TLS certificate has expired"


@contextmanager
def answering(status: int, code: str, headers: dict[str, str] | None = None) -> Iterator[str]:
    """Yield the endpoint of a store that refuses everything with a status and, where there is a body, a code."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(b"")

        def do_GET(self) -> None:
            self._answer(f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>m</Message></Error>".encode())

        def _answer(self, body: bytes) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as store:
        threading.Thread(target=store.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{store.server_address[1]}"
        store.shutdown()


@pytest.mark.parametrize(
    ("status", "code", "reason", "expected"),
    [
        (403, "RequestTimeTooSkewed", Reason.OURS, "clock"),
        (403, "AccessDenied", Reason.DENIED, "may not list"),
        (400, "AuthorizationHeaderMalformed", Reason.OURS, "region"),
        (400, "ExpiredToken", Reason.OURS, "expired"),
        (301, "PermanentRedirect", Reason.OURS, "another region"),
    ],
)
def test_refusals_that_are_ours(status: int, code: str, reason: Reason, expected: str) -> None:
    with answering(status, code) as endpoint:
        assert expected in ours(read(endpoint), reason)


@pytest.mark.parametrize(("status", "expected"), [(500, "500"), (503, "overloaded"), (501, "does not implement")])
def test_refusals_that_are_the_servers(status: int, expected: str) -> None:
    with answering(status, "Whatever") as endpoint:
        assert expected in problem(read(endpoint))


def test_many_buckets_at_once_in_threads(server: lab_s3.S3) -> None:
    outcomes: list[S3Connection | ProbeError] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENHAS_CHECKS_KEY", KEY)
        patch.setenv("PENHAS_CHECKS_SECRET", SECRET)
        keys = {"access_key": {"env": "PENHAS_CHECKS_KEY"}, "secret_key": {"env": "PENHAS_CHECKS_SECRET"}}
        buckets = [{"name": f"b{n}", "bucket": lab_s3.MEDIA} for n in range(6)]
        environment = Environment.model_validate(
            {"name": "t", "s3": {"endpoint": server.endpoint, **keys, "buckets": buckets}}
        )

        def one(name: str) -> None:
            kept = Kept(environment, Target("s3", name), NAMES)
            s3.read(kept)
            outcome = kept.outcomes["s3_connection"]
            assert isinstance(outcome, S3Connection | ProbeError)
            outcomes.append(outcome)

        threads = [threading.Thread(target=one, args=(f"b{n}",)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [isinstance(o, S3Connection) and o.reachable for o in outcomes] == [True] * 6
