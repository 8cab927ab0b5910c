"""Every fault changes exactly the checks that it says, to the states that it says, and mended nothing is left of it.

Faults that cannot touch each other share a run. Without --full so many are broken that every check is seen to fail.
The faults of what watches the backend are proven in tests/monitoring.
"""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest

from checks.engine.readings.api import MINIMUM_REQUESTS
from lab import Lab
from lab import postgresql as lab_postgresql
from lab.api_processes import VERSION
from lab.faults import FAULTS, Fault
from lab.state import LabError
from tests.faults.batches import batches, enough
from tests.faults.suite import Check, Outcome, age, leaks, run, stands_for_long

WINDOW = 31.0  # seconds between two scrapes before a percentile is judged
APART = 10.5  # seconds between two samples that are compared
# Seconds of a run of one batch's checks: a reading that hangs, noisy ones read again, a second sample; and as a process
# on a machine that does something else too. A restore has deadlines of its own.
WITHIN, RESTORED_WITHIN = 40.0, 120.0
_PASSED = re.compile(r"(?P<value>-?[\d.]+(e-?\d+)?)[^\d]*, (?P<state>\w+) (?P<way>above|below) (?P<limit>-?[\d.]+)")
Batch = tuple[Fault, ...]


@dataclass(slots=True)
class Stage:
    """A lab, the folder of its reports, what a healthy run of everything said, and what one without a restore."""

    lab: Lab
    reports: Path
    unrestored: Outcome
    healthy: Outcome
    since: float
    broken: list[str] = field(default_factory=list)

    def run(self, services: set[str], *, restore: bool) -> Outcome:
        """Run the checks of some services only."""
        chosen = [check.nodeid for check in self.healthy.checks.values() if check.service in services]
        return run(self.lab, self.reports, chosen, ["--restore"] if restore else [])


def _stage(tmp: Path, flavour: str, postgresql: str = "auto") -> Iterator[Stage]:
    with Lab.up(folder=tmp / "lab", flavour=flavour, postgresql=postgresql, traffic=4) as lab:
        stands_for_long(lab)
        reports = tmp / "reports"
        first = run(lab, reports)  # also a first sample of every counter
        time.sleep(APART)
        yield Stage(lab, reports, first, run(lab, reports, options=["--restore"]), time.monotonic())


@pytest.fixture(scope="session")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Give a lab as the guide says."""
    yield from _stage(tmp_path_factory.mktemp("guide"), "guide")


@pytest.fixture(scope="session")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Give a lab as the public backend is."""
    yield from _stage(tmp_path_factory.mktemp("public"), "public")


@pytest.fixture(scope="session")
def embedded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Give a lab as the guide says, of the newest PostgreSQL, which comes from PyPI."""
    if not request.config.getoption("--full"):
        pytest.skip("the embedded PostgreSQL is tried as a whole with --full")
    try:
        lab_postgresql.find("debian")
    except LabError:
        pytest.skip("no PostgreSQL of Debian's is installed: the other labs are of the embedded one already")
    yield from _stage(tmp_path_factory.mktemp("embedded"), "guide", "pypi")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each batch of faults a test of its own; on other stages than the guide's only in the whole matrix."""
    if "batch" not in metafunc.fixturenames:
        return
    full = metafunc.config.getoption("--full")
    faults = [fault for fault in FAULTS.values() if not fault.monitoring]
    named = metafunc.config.getoption("--fault")
    if named:
        alone = [(FAULTS[name],) for name in named if "guide" in metafunc.fixturenames]
        metafunc.parametrize("batch", alone, ids=[batch[0].name for batch in alone])
        return
    if "guide" not in metafunc.fixturenames and not full:
        faults = []
    if "embedded" in metafunc.fixturenames:
        faults = [fault for fault in faults if "postgresql" in fault.services]
    made = batches(faults if full else enough(faults))
    metafunc.parametrize("batch", made, ids=["+".join(fault.name for fault in batch) for batch in made])


def test_healthy_is_green(guide: Stage) -> None:
    """Nothing is broken: not one finding, and nothing marked is left anywhere."""
    assert guide.healthy.findings == {}, guide.healthy.explain(list(guide.healthy.findings))
    assert guide.healthy.code == 0
    assert leaks(guide.lab, guide.reports, guide.healthy) == []
    assert list(guide.healthy.temporary) == []


def test_what_is_marked_is_found_wherever_it_is_left(guide: Stage) -> None:
    """Each marker would be found on the terminal, in a report, and in a temporary file or its name."""
    for marker in guide.lab.markers:
        (guide.reports / "left").write_text(f"as {marker} said")
        said = replace(guide.healthy, terminal=marker, temporary={"a": marker.encode(), f"b-{marker}": b""})
        places = {place.removesuffix(f" ({marker[:6]}…)") for place in leaks(guide.lab, guide.reports, said)}
        (guide.reports / "left").unlink()
        assert places >= {"terminal", "left", "temporary a", f"temporary b-{marker}"}


def test_faults_change_what_they_say(guide: Stage, batch: Batch) -> None:
    """Healthy, broken, mended, on the flavour of the guide."""
    _prove(guide, batch)


def test_canaries_write_and_leave_nothing(guide: Stage) -> None:
    """With --allow-writes an object and a job come and go; that nobody takes them is seen, and nothing is left."""
    canaries = {"s3-canary@media": "OK", "minion-canary@queue": "OK"}
    nodeids = [
        "checks/health/test_s3.py::test_s3_canary[media]",
        "checks/troubleshooting/test_minion.py::test_minion_canary[queue]",
    ]
    lab = guide.lab
    if any("Minion worker" in line for line in lab.missing):
        pytest.skip("no Minion worker is installed, and nobody else takes a job")
    for fault, failing in (("", ""), ("s3-read-only", "s3-canary@media"), ("minion-no-worker", "minion-canary@queue")):
        with lab.broken(fault) if fault else contextlib.nullcontext():
            outcome = run(lab, guide.reports, nodeids, ["--allow-writes"])
        expected = canaries | ({failing: "CRITICAL"} if failing else {})
        assert {key: check.state for key, check in outcome.checks.items()} == expected, outcome.explain(list(expected))
        assert leaks(lab, guide.reports, outcome) == []
    assert not canaries.keys() & guide.healthy.checks.keys()
    with psycopg.connect(lab.admin["primary"]) as connection:
        left = connection.execute("SELECT count(*) FROM minion_jobs WHERE notes ? 'penhas_checks'").fetchone()
    assert left == (0,)


def test_the_version_that_was_deployed_is_looked_for(guide: Stage) -> None:
    """With --expect-version the instance that runs another is named, and those that run it are well."""
    nodeids = [f"checks/health/test_api.py::test_api_version_expected[{name}]" for name in ("api1", "api2", "api3")]
    with guide.lab.broken("api2-version-old"):
        outcome = run(guide.lab, guide.reports, nodeids, [f"--expect-version={VERSION}"])
    expected = {f"api-version-expected@{name}": "OK" for name in ("api1", "api3")}
    expected |= {"api-version-expected@api2": "CRITICAL"}
    assert {key: check.state for key, check in outcome.checks.items()} == expected, outcome.explain(list(expected))
    assert f"api api2: runs 2.13.9, not {VERSION}" in outcome.checks["api-version-expected@api2"].message
    assert outcome.code == 1


def test_after_a_deploy_old_code_and_new_errors_are_seen(guide: Stage) -> None:
    """After a deploy a worker from before is seen until it is restarted, and errors until their process is."""
    instance, worker = "api-errors-since-deploy@api2", "minion-workers-current@queue"
    version = "api-version-expected@api2"
    nodeids = [
        "checks/health/test_api.py::test_api_version_expected[api2]",
        "checks/health/test_api_operators.py::test_api_errors_since_deploy[api2]",
        "checks/troubleshooting/test_minion.py::test_minion_workers_current[queue]",
    ]
    lab = guide.lab
    if any("Minion worker" in line for line in lab.missing):
        pytest.skip("no Minion worker is installed, and none can be restarted")
    options = [f"--deployed-at={time.time():.0f}", f"--expect-version={VERSION}"]
    time.sleep(1.1)  # a process tells the second in which it started
    well = dict.fromkeys((instance, worker, version), "OK")
    for restarted, broken, changed in (
        ("api2-down", "api2-version-old", {worker: "CRITICAL", version: "CRITICAL"}),
        ("minion-worker-restarted", "api2-errors", {instance: "CRITICAL"}),
        ("api2-down", "", {}),
    ):
        with lab.broken(restarted):
            pass  # what is mended was started anew
        with lab.broken(broken) if broken else contextlib.nullcontext():
            _visit(lab, "api2")
            outcome = run(lab, guide.reports, nodeids, options)
        assert {key: check.state for key, check in outcome.checks.items()} == well | changed, outcome.explain(
            list(well)
        )
        assert leaks(lab, guide.reports, outcome) == []
    assert not well.keys() & guide.healthy.checks.keys()


def _visit(lab: Lab, instance: str) -> None:
    """Ask an instance for so much that a share of errors means something."""
    port = lab.status()["proxies"][instance]["port"]
    for _ in range(MINIMUM_REQUESTS):
        with contextlib.suppress(HTTPError), urlopen(f"http://127.0.0.1:{port}/pontos-de-apoio-dados-auxiliares") as it:
            it.read()


def test_mended_is_as_before(guide: Stage) -> None:
    """After all of them were broken and mended the lab is as healthy as at first."""
    _as_before(guide)


def test_healthy_public_is_green(public: Stage) -> None:
    """The same of the public backend."""
    assert public.healthy.findings == {}, public.healthy.explain(list(public.healthy.findings))
    assert leaks(public.lab, public.reports, public.healthy) == []


def test_faults_change_what_they_say_on_public(public: Stage, batch: Batch) -> None:
    """Healthy, broken, mended, on the public flavour; what it does not have is left out."""
    _prove(public, batch)


def test_mended_is_as_before_on_public(public: Stage) -> None:
    """The same of the public backend."""
    _as_before(public)


def test_healthy_embedded_is_green(embedded: Stage) -> None:
    """The same of the newest PostgreSQL."""
    assert embedded.lab.postgresql.startswith("pypi")
    assert embedded.healthy.findings == {}, embedded.healthy.explain(list(embedded.healthy.findings))
    assert leaks(embedded.lab, embedded.reports, embedded.healthy) == []


def test_faults_change_what_they_say_on_embedded(embedded: Stage, batch: Batch) -> None:
    """Healthy, broken, mended, of PostgreSQL's faults on its newest version; Debian's is that of the other labs."""
    _prove(embedded, batch)


def test_mended_is_as_before_on_embedded(embedded: Stage) -> None:
    """The same of the newest PostgreSQL."""
    _as_before(embedded)


def _as_before(stage: Stage) -> None:
    if not stage.broken:
        pytest.skip("nothing was broken in this run")
    again = run(stage.lab, stage.reports, options=["--restore"])
    assert again.findings == {}, again.explain(list(again.findings))


def _prove(stage: Stage, batch: Batch) -> None:
    known = stage.healthy.checks
    # What is waived stays so, whatever is broken.
    judged = {key for key, check in known.items() if check.state != "waived"}
    expected = {key: state for fault in batch for key, state in fault.expect.items() if key in judged}
    services = {service for fault in batch for service in fault.services}
    for fault in batch:
        outside = [key for key in fault.expect if key in known and known[key].service not in fault.services]
        assert outside == [], f"{fault.name} changes checks of services that it does not name"
    if any(key.startswith("capacity-api-response-time@") for key in expected):
        time.sleep(max(0.0, stage.since + WINDOW - time.monotonic()))
    for fault in batch:
        if fault.since is not None:
            age(stage.reports, *fault.since)
    restore = any("nothing is restored" in stage.unrestored.checks[key].message for key in expected)
    with contextlib.ExitStack() as broken:
        for fault in batch:
            broken.enter_context(stage.lab.broken(fault.name))
        outcome = stage.run(services, restore=restore)
    stage.broken += [fault.name for fault in batch]
    found_in = leaks(stage.lab, stage.reports, outcome)
    if any(fault.lingers for fault in batch):  # before anything can fail, so that the next test begins afresh
        time.sleep(APART)
        stage.run(services, restore=False)
        time.sleep(APART)
    assert [key for key in expected if key not in outcome.checks] == []
    _compare(outcome, expected, known)
    assert found_in == []
    assert list(outcome.temporary) == []
    assert outcome.seconds < (RESTORED_WITHIN if restore else WITHIN)


def _compare(outcome: Outcome, expected: dict[str, str], known: dict[str, Check]) -> None:
    found = dict(outcome.findings)
    found |= {key: outcome.checks[key].state for key, state in expected.items() if state == "not judged"}
    different = sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key))
    wanted = "".join(f"\n{key}: expected {expected.get(key, 'no finding')}" for key in different)
    assert found == expected, f"{outcome.explain(different)}{wanted}"
    assert [key for key in expected if not _told(outcome.checks[key], known)] == [], outcome.explain(list(expected))
    assert outcome.code == (1 if {"CRITICAL", "UNKNOWN"} & set(expected.values()) else 0)


def _told(check: Check, known: dict[str, Check]) -> bool:
    """Whether a message says of what it is, and a row's finding its number past its limit.

    What is blind speaks of whatever blinds it, which may be another service.
    """
    places = {f"{other.service} {other.key.rpartition('@')[2]}" for other in known.values()}
    own = f"{check.service} {check.key.rpartition('@')[2]}"
    if check.state == "UNKNOWN":
        return any(re.match(rf"{re.escape(place)}\b", check.message) for place in places)
    if own not in check.message or "::test_limit[" not in check.nodeid or check.state not in {"WARNING", "CRITICAL"}:
        return own in check.message
    passed = _PASSED.search(check.message)
    if passed is None or passed["state"] != check.state.lower():
        return False
    value, limit = float(passed["value"]), float(passed["limit"])
    return value > limit if passed["way"] == "above" else value < limit
