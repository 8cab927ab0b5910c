"""A server that answers what a test says, and what a probe settles when it asks that server."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from checks.engine.environment import Environment
from checks.engine.model import NotJudged, ProbeError, Reading, Target
from checks.engine.probes import alertmanager, elasticsearch, prometheus

Answer = tuple[int, bytes]


class Server:
    """Answers every GET as `answer(path)` says, and keeps what was asked with which authorization."""

    def __init__(self) -> None:
        self.answer: Callable[[str], Answer] = lambda _: (200, b"{}")
        self.asked: list[tuple[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append((self.path, self.headers.get("Authorization", "")))
                status, body = server.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing on stderr."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"


class Kept:
    """The Context of one batch, which keeps what is settled."""

    def __init__(self, environment: Environment, target: Target, names: tuple[str, ...]) -> None:
        self.environment, self.target, self.names, self.run_id = environment, target, names, "test"
        self.outcomes: dict[str, Reading | ProbeError | NotJudged] = {}

    def settle(self, name: str, outcome: Reading | ProbeError | NotJudged) -> None:
        """Keep the first outcome of a name, as the reader does."""
        self.outcomes.setdefault(name, outcome)

    def remaining(self, at_most: float) -> float:
        """Allow two seconds."""
        return min(at_most, 2.0)

    def peer(self, name: str, target: Target) -> Reading:
        """Nothing of these services asks another."""
        raise AssertionError(name, target)


def kept_of(
    server: Server, service: str, *names: str, credentials: bool = False, watched: bool = False, **more: object
) -> Kept:
    """Return what a probe settles of a service that this server stands for; `watched` by a Prometheus too."""
    table: dict[str, object] = {"url": server.url, **more}
    jobs = [{"name": "a", "targets": ["b:1"]}]
    if service == "prometheus":
        table["jobs"] = jobs
    if any(name.startswith("logstash_") for name in names):
        table["logstash_api"] = {"url": server.url}
    if credentials:
        table["credentials"] = {"env": "PENHAS_CHECKS_WATCHER"}
    others = {"prometheus": {"url": server.url, "jobs": jobs}} if watched else {}
    environment = Environment.model_validate({"name": "test", service: table, **others})
    kept = Kept(environment, Target(service, service), (f"{service}_connection", *names))
    {"prometheus": prometheus, "alertmanager": alertmanager, "elasticsearch": elasticsearch}[service].read(kept)
    assert set(kept.outcomes) == set(kept.names)
    return kept
