"""Tests of waivers: what they accept stays visible, and one that accepts nothing is a finding."""

import time

import pytest

from tests.engine.inside import Inside

OLD = "def test_made_old(host_cpu_times, judged):\n    '''New.'''\n    judged.{state}('is old')\n"
SMOKE = "@pytest.mark.profiles('smoke')\ndef test_made_smoke(host_disk):\n    '''Fine.'''\n"


def waiver(check: str = "made-old", target: str = 'target = "db1"', days: float = 7) -> str:
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + days * 86400))
    return f'[[waiver]]\ncheck = "{check}"\n{target}\nreason = "known"\nowner = "data team"\nuntil = {until}\n'


@pytest.fixture
def inside(pytester: pytest.Pytester) -> Inside:
    made = Inside(pytester)
    made.check(OLD.format(state="warning"))
    return made


@pytest.mark.parametrize("state", ["warning", "critical", "unknown"])
@pytest.mark.parametrize("target", ['target = "db1"', 'targets = "all"'])
def test_a_waiver_accepts_a_finding_and_it_stays_visible(inside: Inside, state: str, target: str) -> None:
    inside.check(OLD.format(state=state))
    inside.environment(waiver(target=target))
    ran = inside.inside("--fail-on=warning", "-p", "no:html")
    assert (ran.code, ran.states()) == (0, {"made-old@db1": "waived"})
    assert ran.messages()["made-old@db1"] == f"{state.upper()}, waived: host db1: is old"
    assert ran.latest()["checks"][0]["waiver"]["owner"] == "data team"
    assert ran.latest()["verdict"] == "OK"


def test_an_expired_waiver_accepts_nothing_and_is_a_finding(inside: Inside) -> None:
    inside.environment(waiver(days=-2))
    ran = inside.inside("-p", "no:html")
    assert ran.states() == {"made-old@db1": "WARNING", "waiver-valid@made-old-db1": "WARNING"}
    assert "(owner data team) expired on 20" in ran.messages()["waiver-valid@made-old-db1"]
    assert ran.latest()["checks"][1]["action"] == "Mend or remove it in here.toml."


def test_a_waiver_of_nothing_is_a_finding_unless_a_part_was_asked_for(inside: Inside) -> None:
    inside.check(SMOKE, "capacity/test_smoke.py", head="import pytest\n")
    inside.environment(
        waiver() + waiver("made-ol") + waiver("made-old", 'target = "db2"') + waiver("made-smoke", 'targets = "all"')
    )
    found = {"waiver-valid@made-ol-db1": "WARNING", "waiver-valid@made-old-db2": "WARNING"}
    everything = {"made-old@db1": "waived", "made-smoke@root": "OK", "made-smoke@data": "OK", **found}
    assert inside.inside("-p", "no:html").states() == everything
    assert inside.inside("-k", "made_old", "-p", "no:html").states() == {"made-old@db1": "waived"}
    assert inside.inside("health", "-p", "no:html").states() == {"made-old@db1": "waived"}
    # Checks that a profile does not hold are there all the same; smoke itself judges no waivers.
    assert inside.inside("--profile=nightly", "-p", "no:html").states() == found
    assert inside.inside("--profile=smoke", "-p", "no:html").states() == {
        "made-smoke@root": "OK", "made-smoke@data": "OK",
    }  # fmt: skip
