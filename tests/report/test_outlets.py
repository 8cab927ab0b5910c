"""Tests of heartbeat, notifications and of bringing a run to all outlets, against real HTTP servers."""

import dataclasses
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from checks.engine.model import Run, State
from checks.engine.report import heartbeat, notify
from checks.engine.report.notify import AGAIN_AFTER, due, message, said, tell
from checks.engine.report.outlets import Outlets, deliver
from tests.report.made import hostile, ordinary, result, run

SECRET = "secret-9f2c"


class Listener:
    """A real HTTP server that remembers what it was asked and answers with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.asked: list[tuple[str, str]] = []
        self.arrived = threading.Event()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                listener.asked.append((self.path, body))
                self.send_response(listener.status)
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
                listener.arrived.set()

            do_GET = do_POST = _answer  # noqa: N815 (the library's names)

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def host(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Start the server, stop it after the test."""
    started = Listener()
    yield started
    started.server.shutdown()
    started.server.server_close()


def with_states(*states: State, after: float = 0.0) -> Run:
    made = run(*(result(f"a-{n}", "x", state) for n, state in enumerate(states)))
    return dataclasses.replace(made, finished=made.finished + after)


def test_start_success_and_failure_are_pinged(listener: Listener) -> None:
    url = f"http://{listener.host}/{SECRET}"
    heartbeat.started(url, "k3")
    assert listener.arrived.wait(3)
    heartbeat.finished(url, "k3", success=True)
    heartbeat.finished(url, "k3", success=False)
    assert [path for path, _ in listener.asked] == [f"/{SECRET}/start", f"/{SECRET}", f"/{SECRET}/fail"]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_ping_that_was_not_taken_says_so_and_follows_nothing(listener: Listener, status: int) -> None:
    listener.status = status
    with pytest.raises(heartbeat.PingError, match=str(status)):
        heartbeat.ping(f"http://{listener.host}/{SECRET}", "k3")
    assert len(listener.asked) == 1


@pytest.mark.parametrize("url", [f"http://127.0.0.1:9/{SECRET}", f"http://[bad/{SECRET}", f"ftp://x/{SECRET}", SECRET])
def test_a_ping_that_fails_names_no_secret(tmp_path: Path, url: str) -> None:
    errors = deliver(ordinary(), tmp_path, Outlets(heartbeat=url))
    assert [error.report for error in errors] == ["heartbeat"]
    assert SECRET not in str(errors[0])


def test_a_secret_reaches_no_log(listener: Listener, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("apprise", reason="apprise is an optional extra")
    caplog.set_level("DEBUG")
    for status in (200, 500):
        listener.status = status
        outlets = Outlets(heartbeat=f"http://{listener.host}/{SECRET}", notify=[f"json://{listener.host}/{SECRET}"])
        deliver(with_states(State.CRITICAL), tmp_path, outlets)
    assert len(listener.asked) == 3
    assert SECRET not in caplog.text


def test_a_start_ping_that_fails_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    heartbeat.started("http://127.0.0.1:9", "k3")
    while threading.active_count() > before:
        threading.Event().wait(0.01)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("before", "now", "is_due"),
    [
        (None, with_states(State.OK), False),
        (None, with_states(State.WARNING), True),
        (with_states(State.OK), with_states(State.OK), False),
        (with_states(State.OK), with_states(State.CRITICAL), True),
        (with_states(State.CRITICAL), with_states(State.OK), True),
        (with_states(State.WARNING, State.OK), with_states(State.WARNING, State.WARNING), True),
        (with_states(State.WARNING), with_states(State.WARNING, after=9 * AGAIN_AFTER), False),
        (with_states(State.CRITICAL), with_states(State.CRITICAL, after=AGAIN_AFTER - 1), False),
        (with_states(State.CRITICAL), with_states(State.CRITICAL, after=AGAIN_AFTER), True),
        (with_states(State.CRITICAL), with_states(State.CRITICAL, after=AGAIN_AFTER + 1), True),
    ],
)
def test_told_on_change_and_daily_while_critical(before: Run | None, now: Run, is_due: bool) -> None:
    assert due(now, None if before is None else said(before)) is is_due


def test_a_message_holds_ids_and_states_only() -> None:
    marked = run(*(dataclasses.replace(r, message="MARKED", action="MARKED") for r in ordinary().results))
    text = message(dataclasses.replace(marked, emergency="MARKED"), None, detail=False)
    assert "MARKED" not in text.title + text.body
    assert "CRITICAL postgresql-connection@primary (new)" in text.body
    assert "postgresql-accepts-writes" not in text.body
    assert "MARKED" in message(marked, None, detail=True).body


def test_a_recovery_is_told_by_name() -> None:
    text = message(with_states(State.OK), said(with_states(State.CRITICAL)), detail=False)
    assert text.title == "production: OK"
    assert text.body.splitlines()[-1] == "OK a-0@x"


def test_a_hostile_message_is_short_text() -> None:
    text = message(hostile(), None, detail=True)
    assert "\x1b" not in text.body
    assert len(text.body) < 30_000


def test_apprise_sends_on_change_once(listener: Listener, tmp_path: Path) -> None:
    pytest.importorskip("apprise", reason="apprise is an optional extra")
    urls = [f"json://{listener.host}/{SECRET}"]
    for made in (with_states(State.CRITICAL), with_states(State.CRITICAL), with_states(State.OK)):
        assert deliver(made, tmp_path, Outlets(notify=urls)) == []
    titles = [json.loads(body)["title"] for _, body in listener.asked]
    assert titles == ["production: CRITICAL", "production: OK"]


def test_a_message_that_was_not_taken_is_sent_again(listener: Listener, tmp_path: Path) -> None:
    pytest.importorskip("apprise", reason="apprise is an optional extra")
    urls = [f"json://{listener.host}/{SECRET}"]
    listener.status = 500
    errors = deliver(with_states(State.CRITICAL), tmp_path, Outlets(notify=urls))
    assert [error.report for error in errors] == ["notification"]
    assert SECRET not in str(errors[0])
    listener.status = 200
    assert deliver(with_states(State.CRITICAL), tmp_path, Outlets(notify=urls)) == []
    assert len(listener.asked) == 2


def test_a_url_that_is_none_is_an_error_without_the_url(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("apprise", reason="apprise is an optional extra")
    errors = deliver(ordinary(), tmp_path, Outlets(notify=[f"nonsense-{SECRET}://"]))
    assert len(errors) == 1
    assert SECRET not in str(errors[0]) + "".join(capfd.readouterr())


def test_without_apprise_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    errors = deliver(ordinary(), tmp_path, Outlets(notify=["json://x"]))
    assert "pip install apprise" in str(errors[0])


def test_what_was_said_and_cannot_be_read_is_said_again(tmp_path: Path) -> None:
    (tmp_path / "notified-nightly.json").write_text("[")
    with pytest.raises(notify.NotifyError):
        tell(ordinary(), [], tmp_path, detail=False)


def test_the_lab_goes_nowhere(listener: Listener, tmp_path: Path) -> None:
    url = f"http://{listener.host}"
    outlets = Outlets(textfile=tmp_path / "x.prom", heartbeat=url, notify=[f"json://{listener.host}"])
    assert deliver(dataclasses.replace(ordinary(), lab=True), tmp_path, outlets) == []
    assert listener.asked == []
    assert list(tmp_path.iterdir()) == []


def test_one_outlet_that_fails_costs_only_itself(listener: Listener, tmp_path: Path) -> None:
    outlets = Outlets(textfile=tmp_path / "no/x.prom", heartbeat=f"http://{listener.host}", step_summary=tmp_path / "s")
    assert [error.report for error in deliver(ordinary(), tmp_path, outlets)] == ["textfile"]
    assert [path for path, _ in listener.asked] == ["/fail"]
    assert (tmp_path / "s").exists()
