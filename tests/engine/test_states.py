"""Tests of the seven states from end to end: letter, exit code, one line each, and nothing of what was printed."""

import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from checks.engine.model import ProbeError, Reason
from checks.engine.probes import Context
from tests.engine.inside import Inside
from tests.engine.scripted import Probes, connection

SECRET = "maria.da.silva@example.org"
CHECKS = f'''
SECRET = "{SECRET}"

def test_made_ok(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    """The host is well."""
    judged.ok("is well")

def test_made_passes(host_cpu_times: HostCpuTimes) -> None:
    """The host passes."""
    assert host_cpu_times.busy >= 0

def test_made_warning(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    """The host is quiet."""
    judged(3, unit="jobs", subject="jobs", reading=host_cpu_times, above=(2, 5))

@pytest.mark.guide("capacity.database-cpu")
def test_made_critical(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    """The host is not busy."""
    judged.critical("is too busy", ("seen twice",))

def test_made_asserts(host_cpu_times: HostCpuTimes) -> None:
    """Nothing secret is there."""
    value = {{"dsn": SECRET}}
    assert value == {{}}

def test_made_asserts_with_words(host_cpu_times: HostCpuTimes) -> None:
    """Nothing is there."""
    assert not SECRET, "something is there"

def test_made_fails(host_cpu_times: HostCpuTimes) -> None:
    """Nothing fails."""
    pytest.fail("it failed, and says so")

def test_made_unknown(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    """The host can be read."""
    judged.unknown("cannot be told")

def test_made_not_judged(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    """The host has a history."""
    judged.not_judged("first sample")

def test_made_not_covered(redis_memory) -> None:
    """Redis has memory."""

def test_made_waived(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    """The host is new."""
    judged.warning("is old")

def test_made_waived_unknown(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    """The host is new."""
    judged.unknown("is blind")

def test_made_returns(host_cpu_times: HostCpuTimes) -> bool:
    """The check returns."""
    return host_cpu_times.busy < 0

def test_made_raises(host_cpu_times: HostCpuTimes) -> None:
    """The check raises."""
    {{}}[SECRET]

def test_made_raises_assertion_elsewhere(host_cpu_times: HostCpuTimes) -> None:
    """A library asserts."""
    import unittest
    unittest.TestCase().assertEqual(SECRET, "")

def test_made_prints(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    """The check prints, logs and warns."""
    import logging, sys, warnings
    print(SECRET)
    print(SECRET, file=sys.stderr)
    logging.getLogger("driver").error(SECRET)
    warnings.warn(SECRET)
    judged.warning("printed")

@pytest.fixture
def falls_over():
    yield
    raise KeyError(SECRET)

def test_made_teardown(host_cpu_times: HostCpuTimes, falls_over, judged: Judge) -> None:
    """The check cleans up."""
    judged.ok("is well")

def test_made_skips(host_cpu_times: HostCpuTimes) -> None:
    """The check skips."""
    pytest.skip(SECRET)

@pytest.mark.skip(reason="later")
def test_made_marked_skip(host_cpu_times: HostCpuTimes) -> None:
    """The check is left out."""

@pytest.mark.xfail(reason="known", strict=False)
def test_made_expected_to_fail(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    """The check is expected to fail."""
    judged.critical("failed")

async def test_made_async(host_cpu_times: HostCpuTimes) -> None:
    """Nobody awaits the check."""

def test_made_lacks(host_cpu_times: HostCpuTimes, no_such_fixture) -> None:
    """The check asks for what is not there."""

def test_made_reads_nothing() -> None:
    """The check reads nothing."""

def test_made_reads_nothing_but_judges(judged: Judge) -> None:
    """The check reads nothing, and judges."""
    judged.ok("all is well")
'''
EXPECTED = {
    "made-ok@db1": "OK",
    "made-passes@db1": "OK",
    "made-warning@db1": "WARNING",
    "made-critical@db1": "CRITICAL",
    "made-asserts@db1": "CRITICAL",
    "made-asserts-with-words@db1": "CRITICAL",
    "made-fails@db1": "CRITICAL",
    "made-unknown@db1": "UNKNOWN",
    "made-not-judged@db1": "not judged",
    "made-not-covered@not-covered": "not covered",
    "made-waived@db1": "waived",
    "made-waived-unknown@db1": "waived",
    "made-returns@db1": "UNKNOWN",
    "made-raises@db1": "UNKNOWN",
    "made-raises-assertion-elsewhere@db1": "UNKNOWN",
    "made-prints@db1": "WARNING",
    "made-teardown@db1": "UNKNOWN",
    "made-skips@db1": "UNKNOWN",
    "made-marked-skip@db1": "UNKNOWN",
    "made-expected-to-fail@db1": "CRITICAL",
    "made-async@db1": "UNKNOWN",
    "made-lacks@db1": "UNKNOWN",
    "made-reads-nothing@none": "UNKNOWN",
    "made-reads-nothing-but-judges@none": "UNKNOWN",
    "collection@test-broken": "UNKNOWN",
    "waiver-valid@made-nothing": "WARNING",
}
WAIVERS = """
[[waiver]]
check = "made-waived"
target = "db1"
reason = "known"
owner = "us"
until = {until}
[[waiver]]
check = "made-waived-unknown"
targets = "all"
reason = "known"
owner = "us"
until = {until}
[[waiver]]
check = "made-nothing"
targets = "all"
reason = "known"
owner = "us"
until = {until}
"""
LOUD = (
    "-vv",
    "--showlocals",
    "--tb=long",
    "-rA",
    "--capture=no",
    "--log-cli-level=DEBUG",
    "--full-trace",
    "-Wignore",
    "--durations=3",
)


@pytest.fixture
def states(suite: Inside, soon: str) -> Inside:
    suite.check(CHECKS)
    suite.check(f"raise KeyError('{SECRET}')\n", "health/test_broken.py")
    suite.environment(WAIVERS.format(until=soon))
    return suite


def everything(folder: Path) -> str:
    """Return all that a run left behind."""
    return "".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())


def test_every_state_and_every_way_to_break_a_check(states: Inside) -> None:
    ran = states.inside("--junitxml=junit.xml")
    assert ran.states() == EXPECTED
    assert ran.code == 1
    assert "health/test_made.py ..WCCCCU-swwUUUW.UUUCUUUU" in ran.output.replace(".U UUCUUUU", ".UUUCUUUU")
    said = ran.messages()
    assert said["made-warning@db1"] == "host db1: jobs 3 jobs, warning above 2 jobs"
    assert said["made-asserts@db1"] == "host db1: not so: Nothing secret is there."
    assert said["made-asserts-with-words@db1"] == "host db1: something is there"
    assert said["made-waived@db1"] == "WARNING, waived: host db1: is old"
    assert said["made-raises@db1"].startswith("host db1: the check is broken: KeyError at test_made.py:")
    assert said["made-not-covered@not-covered"] == "the environment here has no redis"
    assert said["collection@test-broken"] == (
        "health/test_broken.py: the file of checks cannot be read (KeyError); mend it"
    )
    assert said["made-reads-nothing@none"].startswith("the check reads nothing")
    assert all("\n" not in message for message in said.values())
    critical = next(check for check in ran.latest()["checks"] if check["id"] == "made-critical")
    assert critical["evidence"] == ["seen twice"]
    assert critical["action"] != ""
    tags = {
        str(case.get("name")).split("@")[0]: [child.tag for child in case if child.tag != "properties"]
        for case in ET.parse(states.folder / "junit.xml").iter("testcase")  # noqa: S314 (our own file)
    }
    assert [tags[f"made-{name}"] for name in ("ok", "warning", "critical", "unknown", "not-judged", "waived")] == [
        [], ["skipped"], ["failure"], ["error"], ["skipped"], ["skipped"],
    ]  # fmt: skip


@pytest.mark.parametrize("workers", [False, True])
def test_nothing_of_a_value_reaches_terminal_or_reports(states: Inside, workers: bool) -> None:
    ran = states.run(*LOUD, "-n2") if workers else states.inside(*LOUD)
    assert ran.states() == EXPECTED, ran.output
    assert SECRET not in ran.output
    assert SECRET not in everything(states.reports)
    assert "Traceback" not in ran.output
    assert "FAILURES" not in ran.output
    assert ran.output.rstrip().splitlines()[-1].startswith("Reports: ")


def test_nothing_selected_is_no_success(suite: Inside) -> None:
    suite.check("def test_made_ok(host_cpu_times):\n    '''Well.'''\n")
    ran = suite.inside("-k", "nothing_is_called_this")
    assert ran.code == 5
    assert ran.latest()["verdict"] == "UNKNOWN"
    assert "UNKNOWN: nothing was judged" in ran.output


def test_everything_not_covered_is_no_success(suite: Inside) -> None:
    suite.check("def test_made_memory(redis_memory):\n    '''Well.'''\n")
    ran = suite.inside()
    assert (ran.code, ran.latest()["verdict"]) == (5, "UNKNOWN")


def test_a_warning_fails_only_when_asked(suite: Inside) -> None:
    suite.check("def test_made_old(host_cpu_times, judged):\n    '''New.'''\n    judged.warning('is old')\n")
    assert suite.inside().code == 0
    assert suite.inside("--fail-on=warning").code == 1
    baseline = suite.inside().reports / "here" / "latest" / "results.json"
    suite.check(
        "def test_made_new(host_cpu_times, judged):\n    '''New.'''\n    judged.critical('new')\n", "health/test_new.py"
    )
    assert suite.inside("--fail-on=new", f"--baseline={baseline}").code == 1
    assert suite.inside("--fail-on=new", f"--baseline={suite.reports}/here/latest/results.json").code == 0


DEAD = """
def test_made_{number}(redis_memory, judged):
    '''Redis has memory.'''
    judged.ok("has memory")
"""


def test_many_checks_of_a_dead_service_cost_under_a_second(suite: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: each of them is UNKNOWN, and 149 more cost no second more than one does."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("PENHAS_CHECKS_X", f"redis://127.0.0.1:{free.getsockname()[1]}")
    suite.environment('[redis]\ntargets = [{ name = "cache", env = "PENHAS_CHECKS_X" }]\n', host=False)
    seconds = {1: 9.0, 150: 9.0}
    for count in (1, 150, 1, 150):  # the better of two, because the processor is not ours alone
        suite.check("\n".join(DEAD.format(number=number) for number in range(count)))
        began = time.process_time()
        ran = suite.inside("--showlocals", "--tb=long", "-q")
        seconds[count] = min(seconds[count], time.process_time() - began)
        assert list(ran.states().values()) == ["UNKNOWN"] * count, ran.output
        assert all("redis cache: redis_memory could not be read" in said for said in ran.messages().values())
    assert seconds[150] - seconds[1] < 1, seconds


ONLY_WITH = """
def test_made_plain(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    '''The host is well.'''
    judged.ok("is well")

@pytest.mark.only_with("allow_writes")
def test_made_canary(redis_memory) -> None:
    '''Something can be written.'''

@pytest.mark.only_with("deployed_at")
def test_made_current(redis_memory) -> None:
    '''Nothing runs from before.'''
"""

ALSO_WITH = """
@pytest.mark.only_with("deployed_at")
def test_made_running(host_cpu_times: HostCpuTimes) -> None:
    '''The host is of now.'''
"""


def test_leave_to_write_demands_nothing_of_what_is_not_there(suite: Inside) -> None:
    """What the other options ask for must be verified, and a service that is not there can verify nothing."""
    suite.environment()
    suite.check(ONLY_WITH)

    allowed = suite.inside("--allow-writes")
    assert allowed.states() == {"made-plain@db1": "OK", "made-canary@not-covered": "not covered"}
    assert allowed.code == 0

    deployed = suite.inside("--deployed-at=1")
    assert deployed.states() == {"made-plain@db1": "OK", "made-current@not-covered": "UNKNOWN"}
    assert deployed.code == 1

    suite.check(f"{ONLY_WITH}\n{ALSO_WITH}")
    deployed = suite.inside("--deployed-at=1")
    assert deployed.states()["made-current@not-covered"] == "not covered"
    assert deployed.states()["made-running@db1"] == "OK"
    assert deployed.code == 0


REMEMBERS = """
def test_made_remembers(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    '''There is an earlier sample.'''
    if judged.last("host_cpu_times") is None:
        judged.not_judged("first sample")
    judged.ok("a second sample")
"""


def test_what_was_read_before_the_servers_were_these_is_no_sample(suite: Inside) -> None:
    suite.check(REMEMBERS)

    def state() -> str:
        return suite.inside("-p", "no:html").states()["made-remembers@db1"]

    assert [state(), state()] == ["not judged", "OK"]
    suite.environment(f"rebuilt_at = {datetime.now(UTC).isoformat()}")
    assert [state(), state()] == ["not judged", "OK"]


def test_statements_that_are_given_up_stand_alone_and_a_blind_role_is_one_alarm(
    suite: Inside, probes: Probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENHAS_CHECKS_D", "postgresql://h/d")

    def read(context: Context) -> None:
        connection(context)
        for name in set(context.names) - {"postgresql_connection"}:
            late = name in {"postgresql_indexes", "postgresql_constraints"}
            denied = ProbeError(Reason.DENIED, "our role may not read it", "GRANT pg_monitor TO us;")
            context.settle(name, ProbeError(Reason.GIVEN_UP, "too long (57014)") if late else denied)

    probes.set("postgresql", read)
    suite.environment('[postgresql]\nprimary = { name = "primary", env = "PENHAS_CHECKS_D" }\n')
    names = ("indexes", "constraints", "privileges", "wal_folder", "archiver")
    suite.check("".join(f"def test_postgresql_{n}(postgresql_{n}):\n    '''Well.'''\n" for n in names))
    ran = suite.inside("-p", "no:html")
    assert set(ran.states().values()) == {"UNKNOWN"}
    under = "postgresql-privileges@primary"
    assert {check["id"].removeprefix("postgresql-"): check["blocked_by"] for check in ran.latest()["checks"]} == {
        **dict.fromkeys(("indexes", "constraints", "privileges")), "wal-folder": under, "archiver": under,
    }  # fmt: skip
