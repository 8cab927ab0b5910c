"""Asking one of the watchers over HTTP: its connection first, then JSON or metrics, every answer bounded.

Used by the probes of Prometheus, Alertmanager, Elasticsearch and Logstash. What a query says is never shown: only its
path is.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from checks.engine.environment.monitoring import Asked
from checks.engine.model import NotJudged, ProbeError, Reading, Reason
from checks.engine.probes import Context
from checks.engine.probes.api.client import Answer, Client, NoAnswer
from checks.engine.probes.settling import not_connected, settle_all
from checks.engine.records import dataclass

Outcome = Reading | ProbeError | NotJudged
_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of an exposition: its labels and value."""

    labels: dict[str, str]
    value: float


class Asker:
    """One server; every answer is a ProbeError in our words where it is not what is due."""

    def __init__(self, context: Context, settings: Asked) -> None:
        self._context = context
        self._settings = settings
        self._client = Client(settings.url, context.run_id)
        self._headers = _headers(settings)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def ask(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to GET, whatever its status; raises NoAnswer where none came."""
        where = quote(path) + (f"?{urlencode(query)}" if query else "")
        return self._client.get(where, self._context.remaining(self._settings.timeout), self._headers)

    def json(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Return the JSON of an answer that is 200."""
        return _json(path, self._well(path, query))

    def json_or_none(self, path: str, query: Mapping[str, str] | None = None, *none: HTTPStatus) -> Any:
        """Return the JSON of an answer that is 200, None for one that is 404, or has one of these other statuses."""
        answer = self._well(path, query, HTTPStatus.NOT_FOUND, *none)
        return _json(path, answer) if answer.status == HTTPStatus.OK else None

    def metrics(self, path: str = "/metrics") -> dict[str, list[Sample]]:
        """Return the samples of an exposition by metric name."""
        found: dict[str, list[Sample]] = {}
        for line in self._well(path, None).body.decode("utf-8", "replace").splitlines():
            match = _SAMPLE.fullmatch(line.strip()) if line != "" and line[0] != "#" else None
            if match is not None:
                labels = dict(_LABEL.findall(match.group(2) or ""))
                found.setdefault(match.group(1), []).append(Sample(labels, _number(match.group(3))))
        if not found:
            raise ProbeError(Reason.PROTOCOL, f"GET {path} answers something that is not Prometheus' text format")
        return found

    def _well(self, path: str, query: Mapping[str, str] | None, *well: HTTPStatus) -> Answer:
        try:
            answer = self.ask(path, query)
        except NoAnswer as error:
            raise ProbeError(Reason.TIMEOUT if error.late else Reason.PROTOCOL, f"GET {path}: {error}") from None
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise ProbeError(Reason.DENIED, f"GET {path} is refused ({answer.status})", "Set credentials for it.")
        if answer.status not in {HTTPStatus.OK, *well}:
            raise ProbeError(Reason.NO_DATA, f"GET {path} answers {answer.status}")
        return answer


def visit(
    context: Context,
    settings: Asked | None,
    ready: str,
    connection: Callable[[str, float], Reading],
    readings: Callable[[Asker], Mapping[str, Callable[[], Outcome]]],
    *,
    without: tuple[str, ...] = (),
) -> None:
    """Settle every name of `context.names`: the connection from `ready`, then each of `readings` by itself.

    Those of `without` are read in another way, and settled already.

    `connection` is given our word for what is wrong ("" for nothing) and the seconds that the answer took.
    """
    service = context.target.service
    if settings is None:
        raise ProbeError(Reason.OURS, f"the environment file has no table {service}")
    name = f"{service}_connection"
    names = [n for n in context.names if n not in without]
    others = [n for n in names if n != name]
    started = time.monotonic()
    asker = Asker(context, settings)
    try:
        problem = ""
        try:
            answer = asker.ask(ready)
            if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                settle_all(context, names, refused(answer.status))
                return
            if answer.status != HTTPStatus.OK:
                problem = f"GET {ready} answers {answer.status}: not ready"
        except NoAnswer as error:
            problem = str(error)
        if name in names:
            context.settle(name, connection(problem, time.monotonic() - started))
        if problem != "":
            settle_all(context, others, not_connected(problem))
            return
        by_name = readings(asker)
        for other in others:
            context.settle(other, outcome(by_name[other]))
    except ProbeError as error:
        settle_all(context, names, error)
    finally:
        asker.close()


def total(found: dict[str, list[Sample]], metric: str) -> float:
    """Return the sum of a metric's samples, 0 where it has none: a counter that never counted is not exported."""
    return sum(sample.value for sample in found.get(metric, ()))


def due(found: dict[str, list[Sample]], metric: str) -> float:
    """Return the sum of a metric's samples; a metric that does not exist is not a metric of 0."""
    if metric not in found:
        raise ProbeError(Reason.NO_DATA, f"/metrics has no {metric}", "See which version it is.")
    return total(found, metric)


def largest(found: dict[str, list[Sample]], metric: str) -> float:
    """Return the largest of a metric's samples; raises ProbeError where there is none."""
    due(found, metric)
    return max(sample.value for sample in found[metric])


def outcome(read: Callable[[], Outcome]) -> Outcome:
    """Return what `read` gives; a ProbeError in its place where that is not of the shape that it should have."""
    try:
        return read()
    except ProbeError as error:
        return error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        # The JSON is not of the shape that its documentation gives it.
        return ProbeError(Reason.PROTOCOL, "an answer does not have the documented shape", "See which version it is.")


def refused(status: int) -> ProbeError:
    """Return the error of everything that is asked for with credentials that are refused."""
    return ProbeError(Reason.OURS, f"our credentials are refused ({status})", "Mend the credentials in the variable.")


def _json(path: str, answer: Answer) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise ProbeError(
            Reason.PROTOCOL, f"GET {path} answers something that is not JSON", "See what stands on its port."
        ) from None


def _headers(settings: Asked) -> dict[str, str]:
    if settings.credentials is None:
        return {}
    secret = settings.credentials.text().reveal()
    if ":" in secret:
        return {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
    return {"Authorization": f"Bearer {secret}"}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
