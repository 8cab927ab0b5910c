"""What an instance shows to operators and to strangers, asked of a real HTTP server; no secret is in any reading."""

import base64
import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from checks.engine.environment import Environment
from checks.engine.model import NotJudged, ProbeError, Reading, Target
from checks.engine.probes import api
from checks.engine.readings.api import ApiAdmin, ApiCertificate, ApiGuard, ApiMinionStats, ApiVersions
from checks.health import test_api_operators as operators
from tests.probes.certificates import certificate, server_context
from tests.probes.context import Kept
from tests.services.saying import says

SECRET = "SEGREDO&MARCADO x"


class Backend(http.server.BaseHTTPRequestHandler):
    """The guide's statistics by secret, the public ones by password, and a guard."""

    open_ = False

    def do_GET(self) -> None:
        """Answer by path and by what was given."""
        path, given = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query).get("secret", [""])[0]
        basic = self.headers.get("Authorization") == f"Basic {base64.b64encode(b'admin:' + SECRET.encode()).decode()}"
        allowed = given == SECRET or basic or self.open_ or path == "/"
        table = {"/maintenance/minion-stats": {"inactive": 7}, "/minion/stats": {"inactive_jobs": 8, "inactive": True}}
        body = json.dumps(table.get(path, {})).encode()
        self.send_response(200 if allowed else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the base class)
        """Say nothing."""


class OpenBackend(Backend):
    """The same, with its guard broken."""

    open_ = True


@contextlib.contextmanager
def serving(handler: type[Backend], pem: Path | None = None) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if pem is not None:
        server.socket = server_context(pem).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def read(name: str, url: str, **settings: Any) -> Reading | ProbeError | NotJudged:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENHAS_CHECKS_SECRET", SECRET)
        patch.setenv("PENHAS_CHECKS_ADMIN", f"admin:{SECRET}")
        table = {"targets": [{"name": "api1", "url": url}], "probes": [{"path": "/"}], **settings}
        kept = Kept(Environment.model_validate({"name": "t", "api": table}), Target("api", "api1"), (name,))
        api.read(kept)
    assert "SEGREDO" not in repr(kept.outcomes)
    return kept.outcomes[name]


def stats(port: int, **settings: Any) -> ApiMinionStats:
    found = read("api_minion_stats", f"http://127.0.0.1:{port}", **settings)
    assert isinstance(found, ApiMinionStats), found
    return found


def test_the_guides_statistics_are_asked_for_with_the_secret() -> None:
    with serving(Backend) as port:
        found = stats(
            port, minion_stats="/maintenance/minion-stats", maintenance_secret={"env": "PENHAS_CHECKS_SECRET"}
        )

    assert (found.http_status, found.inactive, found.source) == (200, 7, "GET /maintenance/minion-stats")


def test_the_public_ones_with_user_and_password() -> None:
    with serving(Backend) as port:
        found = stats(port, minion_stats="/minion/stats", admin_credentials={"env": "PENHAS_CHECKS_ADMIN"})

    assert found.inactive == 8


def test_a_refusal_has_no_number() -> None:
    with serving(Backend) as port:
        found = stats(port, minion_stats="/minion/other")

    assert (found.http_status, found.inactive) == (403, None)


@pytest.mark.parametrize(("handler", "status"), [(Backend, 403), (OpenBackend, 200)])
def test_the_guard_is_tried_without_and_with_a_wrong_secret(handler: type[Backend], status: int) -> None:
    with serving(handler) as port:
        found = read("api_guard", f"http://127.0.0.1:{port}", guarded="/maintenance/tags-clear-cache")
        page = read("api_admin", f"http://127.0.0.1:{port}", admin="/minion")

    assert isinstance(found, ApiGuard)
    assert isinstance(page, ApiAdmin)
    assert (found.without, found.wrong, page.status) == (status, status, status)


@pytest.mark.parametrize(
    ("without", "wrong", "state"),
    [
        (403, 403, "OK"),
        (401, 403, "OK"),
        (404, 404, "not judged"),
        (403, 404, "not judged"),
        (404, 200, "CRITICAL"),
        (403, 200, "CRITICAL"),
        (200, 403, "CRITICAL"),
        (500, 403, "UNKNOWN"),
        (302, 302, "UNKNOWN"),
    ],
)
def test_a_path_that_is_not_there_guards_nothing(without: int, wrong: int, state: str) -> None:
    found = ApiGuard(without=without, wrong=wrong, source="t", sampled_at=0.0)

    assert says(operators.test_api_maintenance_guarded, found)[0].value == state


@pytest.mark.parametrize(
    ("own", "others", "state"),
    [
        ("2", ("2", "2"), "OK"),
        ("2", ("1", "2"), "OK"),
        ("2", ("1", "1"), "WARNING"),
        (None, ("2",), "WARNING"),
        (None, (), "not judged"),
        ("2", (), "not judged"),
    ],
)
def test_versions_agree_where_there_are_two(own: str | None, others: tuple[str, ...], state: str) -> None:
    found = ApiVersions(own=own, others=others, source="t", sampled_at=0.0)

    assert says(operators.test_api_versions_agree, found)[0].value == state


@pytest.mark.parametrize(
    ("status", "state"),
    [(401, "OK"), (403, "OK"), (404, "not judged"), (200, "CRITICAL"), (302, "UNKNOWN"), (500, "UNKNOWN")],
)
def test_a_page_that_is_not_there_refuses_nobody(status: int, state: str) -> None:
    found = ApiAdmin(status=status, source="t", sampled_at=0.0)

    assert says(operators.test_api_admin_guarded, found)[0].value == state


def test_the_guard_is_tried_under_maintenance_only() -> None:
    with pytest.raises(ValueError, match="guarded"):
        read("api_guard", "http://127.0.0.1:1", guarded="/clientes")


@pytest.mark.parametrize(
    "path",
    [
        *("/maintenance/housekeeping", "/maintenance", "/maintenance/minion-stats/../housekeeping"),
        *("//maintenance/housekeeping", "/x/../maintenance/housekeeping", "/%6Daintenance/housekeeping"),
    ],
)
@pytest.mark.parametrize("key", ["minion_stats", "metrics", "admin"])
def test_nothing_under_maintenance_is_asked_but_the_statistics(key: str, path: str) -> None:
    """The housekeeping least of all, which with the right secret would run."""
    with pytest.raises(ValueError, match="changes the backend when asked"):
        read("api_minion_stats", "http://127.0.0.1:1", **{key: path})


@pytest.mark.parametrize("above", ["/maintenance", "/api/maintenance/", "/x/../%6Daintenance"])
def test_an_address_under_maintenance_leads_there_too(above: str) -> None:
    with pytest.raises(ValueError, match="changes the backend when asked"):
        read("api_health", f"http://127.0.0.1:1{above}", health="/housekeeping")


def test_what_is_only_called_alike_may_be_asked() -> None:
    settings = {"minion_stats": "/maintenance-stats", "guarded": "/maintenance/housekeeping-log"}
    with serving(Backend) as port:
        found = read("api_guard", f"http://127.0.0.1:{port}", **settings)

    assert isinstance(found, ApiGuard)


@pytest.mark.parametrize("path", ["/maintenance/housekeeping", "/maintenance/x/../housekeeping", "/maintenance/../x"])
def test_the_guard_is_not_tried_on_the_housekeeping(path: str) -> None:
    with pytest.raises(ValueError, match="guarded must be"):
        read("api_guard", "http://127.0.0.1:1", guarded=path)


@pytest.mark.parametrize(
    ("days", "address", "trusted", "problem"),
    [
        (30, "127.0.0.1", True, ""),
        (30, "127.0.0.1", False, "is signed by itself"),
        (-1, "127.0.0.1", True, "has expired"),
        (30, "127.0.0.2", True, "is for another address"),
    ],
)
def test_the_certificate_is_judged_as_served(  # noqa: PLR0917 (each a case's)
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, address: str, trusted: bool, problem: str
) -> None:
    pem = certificate(tmp_path, days=days, address=address)
    monkeypatch.setattr("checks.engine.probes.api.operators.roots", lambda: str(pem) if trusted else None)
    with serving(Backend, pem) as port:
        found = _certificate(f"https://127.0.0.1:{port}")

    assert isinstance(found, ApiCertificate), found
    assert found.problem == problem
    if problem == "":
        assert found.expires_in == pytest.approx(days * 86400, abs=100)


def _certificate(url: str) -> object:
    """Ask for the certificate alone: a client that verifies does not get as far as a page."""
    from checks.engine.probes.api.operators import certificate as look  # noqa: PLC0415 (the name is taken above)

    table = {"name": "t", "api": {"targets": [{"name": "api1", "url": url}], "probes": [{"path": "/"}]}}
    environment = Environment.model_validate(table)
    assert environment.api is not None
    return look(Kept(environment, Target("api", "api1"), ()), environment.api, lambda: None)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    ("days", "address", "trusted", "problem"),
    [
        (30, "127.0.0.1", False, "is signed by itself"),
        (-1, "127.0.0.1", True, "has expired"),
        (30, "127.0.0.2", True, "is for another address"),
        (2, "127.0.0.1", True, ""),
    ],
)
def test_a_certificate_that_keeps_us_out_is_judged_all_the_same(  # noqa: PLR0917 (each a case's)
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, address: str, trusted: bool, problem: str
) -> None:
    pem = certificate(tmp_path, days=days, address=address)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with serving(Backend, pem) as port:
        found = read("api_certificate", f"https://127.0.0.1:{port}")

    assert isinstance(found, ApiCertificate), found
    assert found.problem == problem
    assert says(operators.test_api_certificate, found)[0].value == "CRITICAL"


def test_a_dead_instance_has_no_certificate_to_judge() -> None:
    found = read("api_certificate", "https://127.0.0.1:1")

    assert isinstance(found, ProbeError)
    assert found.why == "no connection (connection refused)"


def test_without_tls_there_is_no_certificate() -> None:
    with serving(Backend) as port:
        found = read("api_certificate", f"http://127.0.0.1:{port}")

    assert isinstance(found, NotJudged)
