"""Tests of the suite's own checks against a small real backend: options, workers, one dead service, --lf."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.engine.backend import Backend, running, silent
from tests.engine.inside import Inside
from tests.engine.suites import ROOT, Ran, Suite

# Chapters whose readings need no second sample, which would take five seconds.
PLAIN = ("checks/health", "checks/emergency", "checks/backup", "checks/troubleshooting/test_redis.py")


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with running(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture
def whole(suite: Inside, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Inside:
    suite.environment(backend.tables)
    monkeypatch.setenv("PENHAS_CHECKS_REDIS_URL", backend.url)
    return suite


def normal(ran: Ran) -> str:
    """Return results.json without times, without the run's id, and without the numbers that a server says anew."""
    text = (ran.reports / "here" / "latest" / "results.json").read_text()
    table = json.loads(text)
    table.update(run_id="", started=0, finished=0)
    for check in table["checks"]:
        check["seconds"] = 0
        if check["reading"] is not None:
            check["reading"].update(sampled_at=0, value=0)
    plain = json.dumps({**table, "readings": numberless(table["readings"])}, indent=1)
    return re.sub(r"[\d.]+(e-\d+)? (ms|s|%|B|KiB|MiB|GiB|h|min|d|/s)(?!\w)", "N", plain)


def numberless(value: object) -> object:
    """Return what was read with every number as 0: they are this moment's."""
    if isinstance(value, dict):
        return {key: numberless(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [numberless(inner) for inner in value]
    return 0 if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def test_workers_find_the_same_byte_for_byte(whole: Inside, backend: Backend) -> None:
    plain = whole.inside(*PLAIN, cwd=ROOT)
    first = normal(plain)
    distributed = whole.run(*PLAIN, "-n2", cwd=ROOT, PENHAS_CHECKS_REDIS_URL=backend.url)
    assert normal(distributed) == first
    assert plain.code == distributed.code
    states = plain.states()
    assert len(states) > 70  # a test that hides a check from collection hides it from the suites run in this process
    assert states["api-connection@api1"] == states["redis-is-master@cache"] == states["redis-clients@cache"] == "OK"
    assert states["postgresql-connection@not-covered"] == "not covered"
    assert len(plain.latest()["readings"]) > 5


@pytest.mark.parametrize("more", [("-n0",), ("-p", "no:xdist"), ("-p", "no:html"), ("-p", "no:cacheprovider")])
def test_the_suite_runs_without_its_companions(whole: Inside, more: tuple[str, ...]) -> None:
    ran = whole.inside("checks/health", *more, cwd=ROOT)
    assert ran.states()["redis-connection@cache"] == "OK", ran.output
    assert (ran.reports / "here" / "latest" / "report.html").exists() == ("no:html" not in more)


def test_what_only_asks_contacts_nothing_and_leaves_no_report(whole: Inside) -> None:
    for args, said in (
        (("checks", "--co", "-q"), "checks/health/test_api.py::test_api_connection[api1]"),
        (("checks", "--list"), "capacity-disk  "),
        (("checks", "--list", "--list-format=markdown"), "| capacity | `capacity-disk` |"),
    ):
        ran = whole.inside(*args, cwd=ROOT)
        assert (ran.code, said in ran.output) == (0, True), ran.output
        assert not whole.reports.exists()


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_need_no_environment(option: str) -> None:
    variables = Suite.variables
    command = [sys.executable, "-m", "pytest", option]
    done = subprocess.run(
        command, cwd=ROOT, env=variables(), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0
    if option == "--help":
        assert "--environment=NAME|FILE" in done.stdout
        assert "Write --environment=FILE" in " ".join(done.stdout.split())


def test_a_file_given_after_a_space_is_taken_where_checks_are_named_too(whole: Inside) -> None:
    file = str(whole.folder / "here.toml")
    base = [sys.executable, "-m", "pytest", "--check-config", f"--reports-dir={whole.reports}"]
    named = [*base, "checks", "--environment", file]
    bare = [*base, "--environment", file]
    done = [
        subprocess.run(command, cwd=ROOT, env=whole.variables(), capture_output=True, text=True, check=False)
        for command in (named, bare)
    ]
    assert done[0].returncode == 4
    assert "the variable PENHAS_CHECKS_REDIS_URL is not set" in done[0].stdout
    # pytest takes the file's folder for its own: nothing of the suite is loaded, and nothing can be green.
    assert done[1].returncode == 4


def test_an_unset_secret_costs_its_service_only(whole: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENHAS_CHECKS_REDIS_URL")
    ran = whole.inside("checks/health", cwd=ROOT)
    states = ran.states()
    assert (states["redis-connection@cache"], states["redis-is-master@cache"]) == ("UNKNOWN", "UNKNOWN")
    assert states["api-connection@api1"] == "OK"
    assert "the variable PENHAS_CHECKS_REDIS_URL is not set" in ran.messages()["redis-connection@cache"]
    blocked = {check["id"]: check["blocked_by"] for check in ran.latest()["checks"]}
    assert (blocked["redis-connection"], blocked["redis-is-master"]) == (None, "redis-connection@cache")
    assert ran.code == 1


def test_a_service_that_hangs_is_critical_and_the_others_do_not_wait(whole: Inside, backend: Backend) -> None:
    with silent() as port:
        whole.environment(Backend(port, backend.redis).tables)
        ran = whole.inside("checks/health", "-v", "--deadline=20", cwd=ROOT)
    states = ran.states()
    assert (states["api-connection@api1"], states["api-health@api1"]) == ("CRITICAL", "UNKNOWN")
    assert (states["redis-connection@cache"], states["redis-is-master@cache"]) == ("OK", "OK")
    lines = [line for line in ran.output.splitlines() if line.startswith("checks/health/")]
    redis, api = (next(n for n, line in enumerate(lines) if name in line) for name in ("_is_master", "_api_connection"))
    assert redis < api
    assert ran.latest()["checks"][0]["id"] == "api-connection"
    assert ran.code == 1


def test_last_failed_is_kept_apart_for_each_environment(suite: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.check(
        "def test_made_a(host_cpu_times):\n    '''Fine.'''\n"
        "def test_made_b(host_cpu_times):\n    '''Fine.'''\n    assert os.environ['MADE_FINE'] == '1', 'no'\n"
    )
    monkeypatch.setenv("MADE_FINE", "0")
    assert suite.inside().code == 1
    monkeypatch.setenv("MADE_FINE", "1")
    suite.environment(name="there")
    assert suite.inside().code == 0
    suite.environment(name="here")
    assert suite.inside("--lf").states() == {"made-b@db1": "OK"}
