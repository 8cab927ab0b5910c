"""The WSGI application: finds the route, applies the faults, counts and logs."""

import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import psycopg

from lab.api import control as faults
from lab.api.config import Config
from lab.api.control import Control
from lab.api.counters import Counters
from lab.api.database import Database
from lab.api.keyvalue import RedisError
from lab.api.logs import Logs
from lab.api.operations import Operations
from lab.api.pages import Pages
from lab.api.wire import NOT_FOUND, SERVER_ERROR, Answer, Request

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]


class Application:
    """One instance."""

    def __init__(self, config: Config) -> None:
        self.logs = Logs(config.log, config.flavour)
        self._config = config
        self._counters = Counters()
        database = Database(config.database)
        self.operations = Operations(config, database, self._counters, self.logs)
        self._pages = Pages(database, config.version)
        self._numbers = count(1)
        self._due_errors = 0.0

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        began = time.monotonic()
        self._counters.begin()
        query = environ.get("QUERY_STRING", "")
        request = Request(
            environ["REQUEST_METHOD"],
            environ.get("PATH_INFO", "") or "/",
            query,
            environ.get("HTTP_AUTHORIZATION", ""),
            dict(parse_qsl(query)),
        )
        try:
            answer = self._answer(request)
        except (psycopg.Error, RedisError, OSError, LookupError, ValueError) as error:
            text = f"{request.method} {request.path}: {error}".replace("\n", " ")
            self.logs.write("ERROR", "Penhas.Controller", text)
            answer = Answer(SERVER_ERROR, _template(request.path), {"error": "internal_server_error"})
        content = answer.content
        seconds = time.monotonic() - began
        self._counters.end(request.method, answer.endpoint, answer.status, seconds)
        self.logs.request(next(self._numbers), request, answer.status, seconds)
        headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(content)))]
        if answer.challenge:
            headers.append(("WWW-Authenticate", answer.challenge))
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
        return [content]

    def _answer(self, request: Request) -> Answer:
        control = faults.read(self._config.control)
        answer = self.operations.answer(request, control)
        return self._page(request, control) if answer is None else answer

    def _page(self, request: Request, control: Control) -> Answer:
        """Answer one of the application's own paths, late or with an error where a fault says so."""
        template = _template(request.path)
        page = self._pages.routes.get(template)
        if page is None:
            return NOT_FOUND
        if request.method not in {"GET", "HEAD"}:
            return Answer(405, template, {"error": "method_not_allowed"})
        if control.latency > 0:
            time.sleep(control.latency)
        self._due_errors += control.errors
        if self._due_errors >= 1:
            self._due_errors -= 1
            return Answer(SERVER_ERROR, template, {"error": "internal_server_error"})
        status, document = page({**request.asked, "id": request.path.rsplit("/", 1)[1]})
        return Answer(status, template, document)


def _template(path: str) -> str:
    """Return the path with an id folded, so that the labels of the metrics stay few."""
    head, _, last = path.rpartition("/")
    return f"{head}/:id" if last.isdigit() else path
