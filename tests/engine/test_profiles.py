"""A profile's run loads only what the profile holds, and holds the same as if it had loaded everything."""

import re
from pathlib import Path

import pytest

from tests.engine.backend import Backend, running
from tests.engine.inside import Inside
from tests.engine.suites import ROOT

MADE = """
PROFILES = ("smoke", "nightly")
held = pytest.mark.profiles(*PROFILES)


@pytest.mark.profiles(
    "smoke",
    "triage",
)
def test_made_on_lines(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    judged.ok("is well")


@held
def test_made_by_name(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    judged.ok("is well")


@pytest.mark.profiles(*PROFILES)
def test_made_computed(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    judged.ok("is well")


@pytest.mark.profiles("nightly")
def test_made_nightly(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    judged.ok("is well")


def test_made_of_none(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    judged.ok("is well")
"""
MODULE = """
pytestmark = [pytest.mark.profiles("{profile}")]


def test_{name}(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    judged.ok("is well")
"""


HIDDEN = """
held = getattr(pytest.mark, "profiles")("smoke")


@pytest.mark.profiles("nightly")
def test_plain(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    judged.ok("is well")


@held
def test_hidden(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    judged.ok("is well")
"""


@pytest.mark.parametrize("profile", ["smoke", "triage", "nightly"])
def test_the_suite_holds_what_its_marks_and_rows_say(suite: Inside, tmp_path: Path, profile: str) -> None:
    with running(tmp_path) as backend:
        listed = _listed(suite, backend)
        only = _listed(suite, backend, f"--profile={profile}")
    assert set(only) == {check for check, profiles in listed.items() if profile in profiles}
    assert len(only) >= 20


def _listed(suite: Inside, backend: Backend, *more: str) -> dict[str, list[str]]:
    suite.environment(backend.tables)
    ran = suite.inside("checks", "--list", "--list-format=markdown", *more, cwd=ROOT)
    rows = re.findall(r"^\| [a-z]+ \| `([a-z0-9-]+)` \| .* \| ([a-z ]*) \| .*\|$", ran.output, re.MULTILINE)
    return {check: profiles.split() for check, profiles in rows}


def test_marks_may_be_written_in_any_way(suite: Inside) -> None:
    suite.check(MADE)
    suite.check(MODULE.format(profile="nightly", name="night"), file="backup/test_night.py")
    suite.check(MODULE.format(profile="smoke", name="smoke"), file="capacity/test_smoke.py")
    ran = suite.inside("--profile=smoke", ".")
    held = {"made-on-lines@db1", "made-by-name@db1", "made-computed@db1", "smoke@db1"}
    assert {key for key, state in ran.states().items() if state == "OK"} == held, ran.output


def test_a_file_is_loaded_unless_each_of_its_checks_is_marked_in_plain_words(suite: Inside) -> None:
    suite.check(HIDDEN)
    ran = suite.inside("--profile=smoke", ".")
    assert ran.states() == {"hidden@db1": "OK"}, ran.output


def test_a_file_of_another_profile_is_not_loaded(suite: Inside) -> None:
    suite.check(MODULE.format(profile="smoke", name="smoke"))
    suite.check(MODULE.format(profile="nightly", name="night") + "\nraise RuntimeError\n", file="backup/test_night.py")
    assert suite.inside("--profile=smoke", ".").states() == {"smoke@db1": "OK"}
    broken = suite.inside("--profile=nightly", ".")
    assert broken.states() == {"collection@test-night": "UNKNOWN"}, broken.output


def test_who_names_a_check_of_another_profile_is_told(suite: Inside) -> None:
    suite.check(MODULE.format(profile="nightly", name="night"), file="backup/test_night.py")
    ran = suite.inside("--profile=smoke", "backup/test_night.py::test_night")
    assert (ran.code != 0, "1 deselected" in ran.output) == (True, True), ran.output
