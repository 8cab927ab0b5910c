"""What systemctl tells of units and timers: of a real systemd, and of what cannot be had of one within a test."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from checks.engine.environment import Environment
from checks.engine.model import ProbeError, Reason, State
from checks.engine.probes import systemd
from checks.engine.readings.host_units import HostUnits, Timer, Waits
from checks.troubleshooting import test_host as checks
from lab import systemd as real
from lab.processes import Launcher
from tests.services.saying import says

DAY = 86400.0


@pytest.fixture(scope="module")
def machine() -> Iterator[real.Systemd]:
    """Give the folder of a host with a systemd of its own."""
    data = Path(tempfile.mkdtemp(prefix="penhas-checks-systemd-"))
    (data / "logs").mkdir()
    machine = real.Systemd(data / "host")
    try:
        if not machine.start(Launcher(data)):
            pytest.skip("this machine lets nobody have a systemd of his own")
        yield machine
    finally:
        machine.remove()
        shutil.rmtree(data)


def read(machine: real.Systemd) -> HostUnits:
    return systemd.units(str(machine.runtime), lambda at_most: at_most)


def waits(found: HostUnits) -> dict[str, Waits]:
    return {timer.name.removesuffix(".timer"): timer.waits for timer in found.timers}


def read_until(machine: real.Systemd, there: Callable[[HostUnits], bool]) -> HostUnits:
    until = time.monotonic() + 5
    while not there(found := read(machine)) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def test_what_comes_once_or_is_not_for_this_machine_is_no_finding(machine: real.Systemd) -> None:
    found = read_until(machine, lambda found: waits(found).get("penhas-boot") is Waits.SET)
    assert found.loaded > 10
    assert found.failed == ()
    expected = {"penhas-nightly": Waits.SET, "penhas-boot": Waits.SET, "penhas-metal": Waits.OFF}
    assert {name: state for name, state in waits(found).items() if name in expected} == expected
    assert says(checks.test_host_units, found)[0] is State.OK
    assert says(checks.test_host_timers, found) == (
        State.OK,
        "2 timers wait for their next time, or what they started is at work",
    )


def test_a_failed_unit_is_named_and_nothing_that_it_wrote_is(machine: real.Systemd) -> None:
    machine.flag.touch()
    for unit in (real.FAILING, real.MARKED):
        machine.control("start", unit, failing=True)
    found = read(machine)
    machine.control("reset-failed")
    assert sorted(found.failed) == ["penhas-mail@….service", real.FAILING]
    assert "MARCADA" not in repr(found)
    assert says(checks.test_host_units, found)[0] is State.WARNING
    assert read(machine).failed == ()


@pytest.mark.parametrize(
    ("unit", "state"), [("penhas-reminders", Waits.NEVER), ("penhas-once", Waits.NEVER), ("penhas-long", Waits.SET)]
)
def test_a_timer_that_will_not_come_again_is_told_from_one_at_work(
    machine: real.Systemd, unit: str, state: Waits
) -> None:
    machine.control("start", f"{unit}.timer")
    found = read_until(
        machine, lambda found: waits(found)[unit] is state and (unit != "penhas-long" or late(found) > 0)
    )
    machine.control("stop", f"{unit}.timer", f"{unit}.service")
    assert waits(found)[unit] is state
    assert (late(found) > 0) is (unit == "penhas-long")


def late(found: HostUnits) -> float:
    return sum(timer.late for timer in found.timers)


def test_an_enabled_timer_that_nobody_started_is_told(machine: real.Systemd) -> None:
    machine.control("stop", real.NIGHTLY)
    found = read(machine)
    machine.control("start", real.NIGHTLY)
    assert waits(found)["penhas-nightly"] is Waits.STOPPED
    state, text = says(checks.test_host_timers, found)
    assert (state, "penhas-nightly.timer is enabled and not started" in text) == (State.WARNING, True)


@pytest.mark.parametrize(
    ("plight", "late_by", "state"),
    [
        (Waits.SET, 0.0, State.OK),
        (Waits.SET, DAY, State.OK),
        (Waits.SET, DAY + 1, State.WARNING),
        (Waits.FAILED, 0.0, State.WARNING),
        (Waits.OFF, 0.0, State.NOT_JUDGED),
    ],
)
def test_a_timer_may_be_late_by_a_day(plight: Waits, late_by: float, state: State) -> None:
    found = HostUnits(
        loaded=9, failed=(), timers=(Timer("t.timer", plight, late_by),), source="systemctl", sampled_at=0.0
    )
    assert says(checks.test_host_timers, found)[0] is state


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("nginx.service", "nginx.service"),
        ("postgresql@15-main.service", "postgresql@15-main.service"),
        ("user@1000.service", "user@1000.service"),
        ("backup@12345678901.service", "backup@….service"),
        ("mail@ana\\x40example.org.timer", "mail@….timer"),
    ],
)
def test_an_instance_that_may_be_a_person_is_not_shown(name: str, shown: str) -> None:
    assert systemd.shown(name) == shown


LISTED = "t.timer loaded active waiting a description\n-.mount loaded active mounted Root Mount\n"
SHOWN = "Id=t.timer\nActiveState=active\nSubState=waiting\nNextElapseUSecRealtime="


def program(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Have `systemctl` be a script: what it would print is what the manual has of versions that are not here."""
    path = folder / "systemctl"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def outcome(remaining: float = 5.0) -> HostUnits | ProbeError:
    try:
        return systemd.units(systemd.SYSTEM, lambda at_most: min(at_most, remaining))
    except ProbeError as error:
        return error


@pytest.mark.parametrize(
    ("written", "late_by"),
    [
        ("Thu 2020-01-02 03:04:05 UTC", 1_577_934_245.0),
        ("Thu 2099-01-01 00:00:00 UTC", None),
        ("n/a", None),
        ("", None),
    ],
)
def test_a_time_that_has_passed_is_how_late_the_timer_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, late_by: float | None
) -> None:
    script = f"case \"$*\" in *list-units*) printf '{LISTED}';; *) printf '{SHOWN}{written}\\n';; esac"
    program(tmp_path, monkeypatch, script)
    found = outcome()
    assert isinstance(found, HostUnits)
    (timer,) = found.timers
    assert timer.late == pytest.approx(found.sampled_at - late_by if late_by is not None else 0, abs=1)


def test_a_mark_before_a_unit_is_no_part_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(
        tmp_path, monkeypatch, "printf '● a.service not-found failed failed text\\n  b.service loaded active x y\\n'"
    )
    found = outcome()
    assert isinstance(found, HostUnits)
    assert (found.loaded, found.failed, found.timers) == (2, ("a.service",), ())


@pytest.mark.parametrize(("systemd", "valid"), [("system", True), ("/run/user/1000", True), ("user", False)])
def test_the_environment_names_the_system_s_or_a_folder(systemd: str, valid: bool) -> None:
    with contextlib.nullcontext() if valid else pytest.raises(ValidationError, match="runtime folder of a user's own"):
        Environment.model_validate({"name": "t", "host": {"name": "db1", "systemd": systemd}})


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'Failed to connect to bus: Host is down' >&2; exit 1", Reason.OURS),
        ("true", Reason.NO_DATA),
        ("echo '<html>no'", Reason.PROTOCOL),
        ("echo 'a.service loaded rubbish dead text'", Reason.PROTOCOL),
        (f"case \"$*\" in *list-units*) printf '{LISTED}';; esac", Reason.PROTOCOL),
        (f"case \"$*\" in *list-units*) printf '{LISTED}';; *) printf '{SHOWN}soon\\n';; esac", Reason.PROTOCOL),
        ("sleep 60", Reason.TIMEOUT),
    ],
)
def test_another_answer_is_no_reading_and_is_not_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: Reason
) -> None:
    program(tmp_path, monkeypatch, script)
    began = time.monotonic()
    error = outcome(0.3)
    assert isinstance(error, ProbeError)
    assert error.reason is reason
    assert "Host is down" not in f"{error.why}{error.mend}"
    assert time.monotonic() - began < 3


def test_a_host_without_systemctl_is_ours_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = outcome()
    assert isinstance(error, ProbeError)
    assert error.mend.startswith("Leave systemd out under [host] where there is none")


def test_what_is_asked_changes_nothing_and_speaks_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    program(tmp_path, monkeypatch, f'echo "$LC_ALL $TZ $*" >>{log}; printf "{LISTED}"')
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    outcome()
    lines = log.read_text().splitlines()
    assert len(lines) == 2
    assert all(line.startswith("C UTC --system --no-pager --no-ask-password ") for line in lines)
    assert {line.split()[5] for line in lines} == {"list-units", "show"}
