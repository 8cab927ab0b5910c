"""A lab with what watches it, and the suite run against it."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from checks.engine.readings.prometheus import YOUNG
from lab import Lab
from lab.faults import FAULTS
from lab.faults.watching import stamp
from lab.monitoring import PROGRAMS
from lab.prometheus import INTERVAL
from tests.faults.suite import Outcome, leaks, run
from tests.monitoring.asked import Server

# The checks of these services, and what of the host and the database the watchers' faults change too.
SERVICES = ("prometheus", "alertmanager", "logs", "elasticsearch")
# These compare with the run before: what was broken then is in the difference once more.
COUNTED = {
    "prometheus-storage@prometheus",
    "prometheus-notifications-lost@prometheus",
    "prometheus-evaluations-missed@prometheus",
    "prometheus-rules-failed@prometheus",
    "alertmanager-notifications-failed@alertmanager",
}
# What Alertmanager gives up at a reload is excused: a failure that lies between the same samples would be too.
RELOADED = {"alertmanager-configured@alertmanager", "alertmanager-routes@alertmanager"}
APART = 4.0  # seconds that two samples of theirs lie apart at least
_SEVERITY = ("not judged", "WARNING", "UNKNOWN", "CRITICAL")


def pytest_configure(config: pytest.Config) -> None:
    """Know the marks of the checks, whose bodies are tried here on made readings."""
    for mark in ("guide", "profiles", "only_with"):
        config.addinivalue_line("markers", f"{mark}(*names): of a check")


@dataclass(slots=True)
class Watched:
    """A lab, the folder of its reports, and what a healthy run of everything said."""

    lab: Lab
    reports: Path
    healthy: Outcome
    tried: set[str] = field(default_factory=set)  # the faults that this run set out to prove
    settled: float = 0.0  # on the monotonic clock: before that a difference would reach back to what was broken

    @property
    def delivered(self) -> list[dict[str, str]]:
        """Return what Alertmanager delivered so far."""
        file = self.lab.places.data / "monitoring" / "delivered.jsonl"
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]

    def run(self, services: Sequence[str], options: Sequence[str] = ()) -> Outcome:
        """Run the checks of some services only."""
        time.sleep(max(0.0, self.settled - time.monotonic()))
        chosen = [check.nodeid for check in self.healthy.checks.values() if check.service in services]
        return run(self.lab, self.reports, chosen, options)

    def evidence(self, key: str) -> list[str]:
        """Return the evidence of one check in the last run."""
        found = json.loads((self.reports / "lab/latest/results.json").read_text(encoding="utf-8"))
        return next(list(c["evidence"]) for c in found["checks"] if f"{c['id']}@{c['target']}" == key)

    def prove(self, names: Sequence[str]) -> Outcome:
        """Break some things at once and see that exactly the checks that they name change; mend them."""
        self.tried.update(names)
        faults = [FAULTS[name] for name in names]
        expected: dict[str, str] = {}
        for fault in faults:
            for key, state in fault.expect.items():
                if key in self.healthy.checks:
                    expected[key] = max(state, expected.get(key, state), key=_SEVERITY.index)
        services = tuple(dict.fromkeys(service for fault in faults for service in fault.services))
        broken: list[str] = []
        try:
            for name in names:
                self.lab.break_(name)
                broken.append(name)
            outcome = self.run(services)
        finally:
            for name in reversed(broken):
                self.lab.mend(name)
            if (COUNTED | RELOADED) & expected.keys():
                self.run(("prometheus", "alertmanager"))
                self.settled = time.monotonic() + APART
        found = dict(outcome.findings)
        found |= {key: outcome.checks[key].state for key, state in expected.items() if state == "not judged"}
        different = [key for key in {*found, *expected} if found.get(key) != expected.get(key)]
        assert found == expected, outcome.explain(different)
        assert leaks(self.lab, self.reports, outcome) == []
        return outcome


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Give a lab with Prometheus, Alertmanager, logs and an index, once Prometheus has scraped everything."""
    yield from _watched(tmp_path_factory.mktemp("watched"), "guide")


@pytest.fixture(scope="session")
def watched_public(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Give the same of the public backend, which has no metrics and no log in the guide's layout; with --full only."""
    if not pytestconfig.getoption("--full"):
        pytest.skip("the public flavour is part of --full")
    yield from _watched(tmp_path_factory.mktemp("public"), "public")


def _watched(folder: Path, flavour: str) -> Iterator[Watched]:
    with Lab.up(folder=folder / "lab", flavour=flavour, traffic=5, monitoring=True) as lab:
        if any(line.startswith(tuple(f"no {part}:" for part in PROGRAMS)) for line in lab.missing):
            pytest.skip(f"Debian's {', '.join(PROGRAMS)} programs are not all installed: python -m lab.packages")
        _await_requests(lab, metrics=flavour == "guide")
        reports = folder / "reports"
        run(lab, reports, ["checks/monitoring", "checks/logs"])  # the first sample of what is counted
        yield Watched(lab, reports, run(lab, reports, ["checks"]))


def _await_requests(lab: Lab, *, metrics: bool) -> None:
    """Return when Prometheus has been up for long enough, and has seen requests enough, to be judged."""
    url = f"http://127.0.0.1:{lab.status()['proxies']['prometheus']['port']}/api/v1"
    promql = 'sum(increase(http_request_duration_seconds_count{endpoint!~"/health.*|/metrics"}[5m])) > 60'
    old_enough = stamp(_asked(f"{url}/status/runtimeinfo")["startTime"]) + YOUNG + INTERVAL
    until = time.monotonic() + 60 + YOUNG
    while time.monotonic() < until:
        seen = not metrics or _asked(f"{url}/query?{urlencode({'query': promql})}")["result"]
        if time.time() > old_enough and seen:
            return
        time.sleep(0.3)
    raise AssertionError(f"Prometheus has seen no requests within {60 + YOUNG:.0f} s")


def _asked(url: str) -> Any:
    with urlopen(url, timeout=5) as answer:  # noqa: S310 (our own lab's, over http)
        return json.loads(answer.read())["data"]


@pytest.fixture
def server() -> Iterator[Server]:
    """Give a server."""
    made = Server()
    threading.Thread(target=made.http.serve_forever, args=(0.05,), daemon=True).start()
    yield made
    made.http.shutdown()
    made.http.server_close()
