"""Tests of judging: every limit just inside, on, just past and at 0, in every unit."""

import math

import pytest

from checks.engine import judge
from checks.engine.model import Bound, Limits, Reading, State, Unit
from checks.engine.readings.host import HostDisk
from checks.engine.readings.redis import RedisServer

READ = Reading(source="made", sampled_at=1.0)
ABOVE = Limits("%", above=Bound(70, 85))
BELOW = Limits("%", below=Bound(30, 15))
BOTH = Limits("s", above=Bound(5, None), below=Bound(None, -5))


@pytest.mark.parametrize(
    ("limits", "value", "state"),
    [
        (ABOVE, 69.999, State.OK),
        (ABOVE, 70, State.OK),
        (ABOVE, 70.001, State.WARNING),
        (ABOVE, 85, State.WARNING),
        (ABOVE, 85.001, State.CRITICAL),
        (ABOVE, 0, State.OK),
        (ABOVE, -1, State.OK),
        (BELOW, 30.001, State.OK),
        (BELOW, 30, State.OK),
        (BELOW, 29.999, State.WARNING),
        (BELOW, 15, State.WARNING),
        (BELOW, 14.999, State.CRITICAL),
        (BELOW, 0, State.CRITICAL),
        (BOTH, 5, State.OK),
        (BOTH, 5.1, State.WARNING),
        (BOTH, -5, State.OK),
        (BOTH, -5.1, State.CRITICAL),
        (Limits("jobs", above=Bound(0, None)), 0, State.OK),
        (Limits("jobs", above=Bound(0, None)), 1, State.WARNING),
        (Limits("jobs", above=Bound(None, 0)), 0, State.OK),
        (Limits("jobs", above=Bound(None, 0)), 0.0001, State.CRITICAL),
        (Limits("jobs", below=Bound(0, 0)), 0, State.OK),
        (Limits("jobs", below=Bound(0, None)), -0.5, State.WARNING),
        (ABOVE, math.nan, State.UNKNOWN),
    ],
)
def test_a_limit_is_inclusive_as_written(limits: Limits, value: float, state: State) -> None:
    assert judge.state_of(value, limits) is state
    assert judge.judge_value(value, "host: disk", limits, READ).state is state


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_is_unknown_and_shown_as_none(value: float) -> None:
    found = judge.judge_value(value, "host: disk", ABOVE, READ)
    assert (found.state, found.message, found.measure) == (State.UNKNOWN, "host: disk: no number was reported", None)


def test_a_null_where_a_number_is_due_is_unknown() -> None:
    disk = HostDisk(source="made", sampled_at=1.0, used_ratio=0.1, inodes_used_ratio=None, available=1, size=2)
    found = judge.judge_field(disk, "host_disk", "inodes_used_ratio", "host root: inodes used", ABOVE)
    assert (found.state, found.measure) == (State.UNKNOWN, None)


@pytest.mark.parametrize("percent", range(101))
def test_a_ratio_on_its_limit_is_on_it_after_conversion(percent: int) -> None:
    disk = HostDisk(
        source="made", sampled_at=1.0, used_ratio=percent / 100, inodes_used_ratio=None, available=1, size=2
    )
    found = judge.judge_field(disk, "host_disk", "used_ratio", "x", Limits("%", above=Bound(percent, None)))
    assert found.state is State.OK
    assert found.measure is not None
    assert found.measure.value == percent


def test_the_message_has_value_limit_and_unit_and_shows_how_far_past() -> None:
    said = [judge.judge_value(value, "host root: disk used", ABOVE, READ).message for value in (70, 70.004, 93.46)]
    assert said == [
        "host root: disk used 70 %",
        "host root: disk used 70.004 %, warning above 70 %",
        "host root: disk used 93.46 %, critical above 85 %",
    ]


def test_a_field_keeps_its_other_numbers_as_evidence_and_no_text() -> None:
    server = RedisServer(
        source="INFO", sampled_at=1.0, version="7.0.15", role="master", loading=False, uptime=7200.0,
        connected_clients=0, ops_per_second=3.0,
    )  # fmt: skip
    found = judge.judge_field(
        server, "redis_server", "connected_clients", "redis cache: clients", Limits("clients", above=Bound(10, 20))
    )
    assert found.message == "redis cache: clients 0 clients"
    assert found.evidence == ("uptime 2.0 h", "ops per second 3 /s")


@pytest.mark.parametrize(
    ("base", "unit", "factor"),
    [
        (Unit.RATIO, "%", 100),
        (Unit.SECONDS, "ms", 1000),
        (Unit.SECONDS, "h", 1 / 3600),
        (Unit.BYTES, "MiB", 2**-20),
        (Unit.PER_SECOND, "/min", 60),
        (Unit.COUNT, "jobs", 1),
        (Unit.COUNT, "idle transactions", 1),
    ],
)
def test_a_unit_fits_its_base(base: Unit, unit: str, factor: float) -> None:
    assert judge.factor(base, unit) == factor


@pytest.mark.parametrize(
    ("base", "unit"), [(Unit.RATIO, "s"), (Unit.SECONDS, "%"), (Unit.COUNT, ""), (Unit.COUNT, "%"), (Unit.BYTES, "MB")]
)
def test_a_unit_that_does_not_fit_is_refused(base: Unit, unit: str) -> None:
    with pytest.raises(ValueError, match=r"fit|no word"):
        judge.factor(base, unit)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (93, "%", "93 %"),
        (93.0, "%", "93 %"),
        (1.23456, "s", "1.235 s"),
        (0, "jobs", "0 jobs"),
        (-0.5, "s", "-0.5 s"),
        (640, "jobs", "640 jobs"),
        (12345.6, "MiB", "12346 MiB"),
        (123456789.4, "", "123456789"),
        (99.996, "%", "100 %"),
    ],
)
def test_a_value_is_shown_without_noise(value: float, unit: str, shown: str) -> None:
    assert judge.show(value, unit) == shown


@pytest.mark.parametrize(
    ("value", "base", "shown"),
    [
        (0.5, Unit.RATIO, "50 %"),
        (0.004, Unit.SECONDS, "4 ms"),
        (0, Unit.SECONDS, "0 s"),
        (90, Unit.SECONDS, "90 s"),
        (300, Unit.SECONDS, "5.0 min"),
        (86400 * 3, Unit.SECONDS, "3.0 d"),
        (0, Unit.BYTES, "0 B"),
        (4 * 2**30, Unit.BYTES, "4.0 GiB"),
        (7, Unit.COUNT, "7"),
        (1.5, Unit.PER_SECOND, "1.5 /s"),
    ],
)
def test_a_base_value_is_shown_in_a_unit_of_its_size(value: float, base: Unit, shown: str) -> None:
    assert judge.show_base(value, base) == shown
