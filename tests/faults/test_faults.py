"""Every fault changes exactly the checks that it says, to the states that it says, and mended nothing is left of it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab import Lab
from lab.faults import FAULTS, Fault
from tests.faults.suite import Outcome, leaks, run

WINDOW = 31.0  # seconds between two scrapes before a percentile is judged
APART = 10.5  # seconds between two samples that are compared
_OFTEN = ("-refused", "-hangs")  # of the five things that a network does, the two that differ most


@dataclass(slots=True)
class Stage:
    """A lab, the folder of its reports, and what a healthy run of everything said."""

    lab: Lab
    reports: Path
    healthy: Outcome
    since: float
    broken: list[str] = field(default_factory=list)

    def run(self, services: tuple[str, ...]) -> Outcome:
        """Run the checks of some services only."""
        chosen = [check.nodeid for check in self.healthy.checks.values() if check.service in services]
        options = ["--restore"] if "backup" in services else []
        return run(self.lab, self.reports, chosen, options)


def _stage(tmp: Path, flavour: str) -> Iterator[Stage]:
    with Lab.up(folder=tmp / "lab", flavour=flavour, traffic=4) as lab:
        reports = tmp / "reports"
        yield Stage(lab, reports, run(lab, reports, options=["--restore"]), time.monotonic())


@pytest.fixture(scope="session")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Give a lab as the guide says."""
    yield from _stage(tmp_path_factory.mktemp("guide"), "guide")


@pytest.fixture(scope="session")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Give a lab as the public backend is."""
    yield from _stage(tmp_path_factory.mktemp("public"), "public")


def _faults(config: pytest.Config) -> list[Fault]:
    """Return the faults to run: all, or without the network's rarer ones and those of the API's other instances."""
    network = ("-refused", "-hangs", "-slow", "-cut", "-rubbish")
    chosen = []
    for name, fault in FAULTS.items():
        rare = name.endswith(network) and not (name.endswith(_OFTEN) or name.startswith("postgresql-primary"))
        other = name.startswith(("api1-", "api3-"))
        if not fault.monitoring and (config.getoption("--full") or not (rare or other)):
            chosen.append(fault)
    return sorted(chosen, key=lambda fault: fault.services)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each fault a test of its own; the public flavour's only in the whole matrix."""
    if "fault" in metafunc.fixturenames:
        left_out = "public" in metafunc.fixturenames and not metafunc.config.getoption("--full")
        faults = [] if left_out else _faults(metafunc.config)
        metafunc.parametrize("fault", faults, ids=[fault.name for fault in faults])


def test_healthy_is_green(guide: Stage) -> None:
    """Nothing is broken: not one finding, and nothing marked is left anywhere."""
    assert guide.healthy.findings == {}, guide.healthy.explain(list(guide.healthy.findings))
    assert guide.healthy.code == 0
    assert leaks(guide.lab, guide.reports, guide.healthy) == []


def test_healthy_public_is_green(public: Stage) -> None:
    """The same of the public backend."""
    assert public.healthy.findings == {}, public.healthy.explain(list(public.healthy.findings))
    assert leaks(public.lab, public.reports, public.healthy) == []


def test_fault_changes_what_it_says(guide: Stage, fault: Fault) -> None:
    """Healthy, broken, mended, on the flavour of the guide."""
    _prove(guide, fault)


def test_fault_changes_what_it_says_on_public(public: Stage, fault: Fault, request: pytest.FixtureRequest) -> None:
    """Healthy, broken, mended, on the public flavour; what it does not have is left out."""
    if not request.config.getoption("--full"):
        pytest.skip("only with --full")
    _prove(public, fault)


def _prove(stage: Stage, fault: Fault) -> None:
    expected = {key: state for key, state in fault.expect.items() if key in stage.healthy.checks}
    outside = [key for key in expected if stage.healthy.checks[key].service not in fault.services]
    assert outside == [], f"{fault.name} changes checks of services that it does not name"
    if any(key.startswith("capacity-api-response-time@") for key in expected):
        time.sleep(max(0.0, stage.since + WINDOW - time.monotonic()))
    with stage.lab.broken(fault.name):
        outcome = stage.run(fault.services)
    missing = [key for key in expected if key not in outcome.checks]
    assert missing == []
    found = dict(outcome.findings)
    found |= {key: outcome.checks[key].state for key, state in expected.items() if state == "not judged"}
    different = [key for key in {*found, *expected} if found.get(key) != expected.get(key)]
    assert found == expected, outcome.explain(different)
    for key in expected:
        target = key.rpartition("@")[2]
        assert target in outcome.checks[key].message, outcome.explain([key])
    assert outcome.code == (1 if {"CRITICAL", "UNKNOWN"} & set(expected.values()) else 0)
    assert leaks(stage.lab, stage.reports, outcome) == []
    stage.broken.append(fault.name)
    if fault.lingers:
        time.sleep(APART)
        stage.run(fault.services)
        time.sleep(APART)


def test_mended_is_as_before(guide: Stage) -> None:
    """After all of them were broken and mended the lab is as healthy as at first."""
    if not guide.broken:
        pytest.skip("nothing was broken in this run")
    again = run(guide.lab, guide.reports, options=["--restore"])
    assert again.findings == {}, again.explain(list(again.findings))
