"""Reads one instance of the API, every path over the same connection, in the order in which people wait for answers."""

import json
import time

from checks.engine.environment import models
from checks.engine.model import NotJudged, ProbeError, Reading, Reason
from checks.engine.probes import Context
from checks.engine.probes.api import health, metrics, operators
from checks.engine.probes.api.client import Answer, Client, NoAnswer
from checks.engine.probes.settling import not_connected, settle_all
from checks.engine.readings.api import ApiConnection, ApiOwnLatency, ApiProbes, ProbePath

CONNECTION, CERTIFICATE = "api_connection", "api_certificate"
Outcome = Reading | ProbeError | NotJudged
LATENCY_REQUESTS = 4  # with health and the detailed path a visit stays within eight round trips, connecting included


def read(context: Context) -> None:
    """Settle every name of `context.names` for one instance."""
    settings = context.environment.api
    target = next((t for t in (settings.targets if settings else ()) if t.name == context.target.name), None)
    if settings is None or target is None:
        raise ProbeError(Reason.OURS, f"the environment file has no API target {context.target.name}")
    client = Client(target.url, context.run_id)
    try:
        _Visit(context, settings, client).run()
    finally:
        client.close()


class _Visit:
    """One visit to one instance; an answer that serves two readings is asked for once."""

    def __init__(self, context: Context, settings: models.Api, client: Client) -> None:
        self._context = context
        self._settings = settings
        self._client = client
        self._answers: list[tuple[models.Probe, Answer]] = []

    def run(self) -> None:
        names = self._context.names
        started = time.monotonic()
        first = self._settings.probes[0].path if self._settings.probes else self._settings.health or "/"
        try:
            answer = self._get(first)
        except NoAnswer as error:
            seconds = time.monotonic() - started
            left = [n for n in names if n != CONNECTION and not self._certified(n, str(error))]
            settle_all(self._context, left, not_connected(str(error)))
            self._settle(CONNECTION, _connection(first, str(error), seconds))
            return
        except ProbeError as error:
            settle_all(self._context, [n for n in names if not self._certified(n, error.why)], error)
            return
        self._settle(CONNECTION, _connection(first, "", time.monotonic() - started))
        if self._settings.probes:
            self._answers.append((self._settings.probes[0], answer))
        # Last what waits for other instances, which may wait for this one.
        for name in sorted(names, key=lambda name: name == "api_versions"):
            if name != CONNECTION:
                self._settle(name, self._outcome(name, answer))

    def _certified(self, name: str, why: str) -> bool:
        """Settle what the certificate is where it is what keeps us out; else it is of no connection, as all else."""
        if name != CERTIFICATE or "TLS certificate" not in why:
            return False
        try:
            self._settle(name, operators.READ[CERTIFICATE](self._context, self._settings, self._get))
        except ProbeError as error:
            self._settle(name, error)
        return True

    def _settle(self, name: str, outcome: Outcome) -> None:
        if name in self._context.names:
            self._context.settle(name, outcome)

    def _outcome(self, name: str, first: Answer) -> Outcome:
        try:
            return self._reading(name, first)
        except ProbeError as error:
            return error
        except NoAnswer as error:
            # It answered before: this is one path that fails, not the instance.
            return ProbeError(Reason.TIMEOUT if error.late else Reason.PROTOCOL, str(error))

    def _reading(self, name: str, first: Answer) -> Reading | NotJudged:
        if name == "api_health":
            path = _named(self._settings.health, "health")
            return health.health(first if first.path == path else self._get(path))
        if name == "api_probes":
            return self._probes()
        if name == "api_own_latency":
            return self._latency(first)
        if name == "api_detailed":
            return self._detailed()
        if name in operators.READ:
            return operators.READ[name](self._context, self._settings, self._get)
        path = _named(self._settings.metrics, "metrics")
        own = (self._settings.health, self._settings.detailed, path, self._settings.minion_stats)
        return metrics.histogram(self._get(path), tuple(p for p in own if p is not None))

    def _get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        return self._client.get(path, self._context.remaining(self._settings.timeout), headers)

    def _probes(self) -> ApiProbes:
        if not self._settings.probes:
            raise ProbeError(Reason.OURS, "the environment file names no probe paths", "Set probes under [api].")
        asked = {id(probe) for probe, _ in self._answers}
        for probe in self._settings.probes:
            if id(probe) not in asked:
                self._answers.append((probe, self._get(probe.path)))
        # More than one may be there, from timing: the first of each is the one.
        firsts = {id(probe): _probe_path(probe, answer) for probe, answer in reversed(self._answers)}
        return ApiProbes(
            paths=tuple(firsts[id(probe)] for probe in self._settings.probes),
            source="GET of the probe paths",
            sampled_at=time.time(),
        )

    def _latency(self, first: Answer) -> ApiOwnLatency:
        """Time a few requests, those that were made anyway among them; the time to connect does not count."""
        if not self._settings.probes:
            answers = [first, *(self._get(first.path) for _ in range(LATENCY_REQUESTS - 1))]
            where = f"GET {first.path}, for want of probe paths"
        else:
            while len(self._answers) < LATENCY_REQUESTS:
                probe = self._settings.probes[len(self._answers) % len(self._settings.probes)]
                self._answers.append((probe, self._get(probe.path)))
            answers = [answer for _, answer in self._answers]
            where = "GET of the probe paths"
        return ApiOwnLatency(
            slowest=max(answer.seconds for answer in answers),
            requests=len(answers),
            source=where,
            sampled_at=answers[-1].ended,
        )

    def _detailed(self) -> Reading:
        path = _named(self._settings.detailed, "detailed")
        without = self._get(path)
        try:
            token = self._token()
        except ProbeError:
            if without.status != 200:  # noqa: PLR2004 (OK: it is open, and that is to be said)
                raise
            return health.detailed(without.status, without)
        return health.detailed(without.status, self._get(path, {"Authorization": f"Bearer {token}"}))

    def _token(self) -> str:
        if self._settings.credentials is None:
            raise ProbeError(Reason.OURS, "the environment file names no credentials", "Set credentials under [api].")
        return self._settings.credentials.text().reveal()


def _named(path: str | None, key: str) -> str:
    if path is None:
        raise ProbeError(Reason.OURS, f"the environment file names no path for {key}", f"Set {key} under [api].")
    return path


def _connection(path: str, problem: str, seconds: float) -> ApiConnection:
    return ApiConnection(
        reachable=problem == "",
        problem=problem,
        seconds=seconds,
        source=f"GET {path}",
        sampled_at=time.time(),
    )


def _probe_path(probe: models.Probe, answer: Answer) -> ProbePath:
    return ProbePath(
        path=probe.path,
        expected_status=probe.status,
        http_status=answer.status,
        missing=_missing(probe.json_keys, answer.body),
        seconds=answer.seconds,
    )


def _missing(keys: tuple[str, ...], body: bytes) -> tuple[str, ...]:
    if keys == ():
        return ()
    try:
        table = json.loads(body)
    except (ValueError, RecursionError):
        return keys
    return tuple(key for key in keys if not isinstance(table, dict) or key not in table)
