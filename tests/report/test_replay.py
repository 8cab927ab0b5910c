"""Tests of judging again what an earlier run read, with nothing contacted."""

import dataclasses
import json

from checks.engine.environment import Environment
from checks.engine.judge import judge_field
from checks.engine.model import Bound, Failure, Limits, NotJudged, Reading, Reason, State, Target
from checks.engine.readings.host import HostDisk
from checks.engine.replay import Replay, record
from checks.engine.report.results_json import dump, load_readings
from tests.report.made import NOW, ordinary

DISK = HostDisk(used_ratio=0.41, inodes_used_ratio=None, available=10, size=20, source="statvfs", sampled_at=NOW)
TARGET = Target("host", "pgdata", "mount")
ENVIRONMENT = Environment.model_validate(
    {"name": "made", "host": {"name": "db1", "mounts": [{"name": "pgdata", "path": "/"}]}}
)


def replayed(*records: dict[str, object]) -> Replay:
    """Return a replay of records that went through a file."""
    return Replay(ENVIRONMENT, load_readings(dump(ordinary(), records)))


def test_a_reading_comes_back_equal() -> None:
    replay = replayed(record("host_disk", TARGET, [DISK]))
    assert replay.outcome("host_disk", TARGET) == DISK
    assert replay.again("host_disk", TARGET, 2.0) == DISK
    assert replay.sample(1, "host_disk", TARGET, 2.0) is None
    assert replay.readings() == [("host_disk", TARGET, DISK)]


def test_other_limits_judge_it_differently() -> None:
    reading = replayed(record("host_disk", TARGET, [DISK])).outcome("host_disk", TARGET)
    assert isinstance(reading, Reading)
    for critical, state in ((41, State.OK), (40.9, State.CRITICAL)):
        limits = Limits("%", above=Bound(None, critical))
        assert judge_field(reading, "host_disk", "used_ratio", "disk", limits).state is state


def test_a_failure_and_what_was_not_judged_come_back_too() -> None:
    failure = Failure("host_disk", TARGET, Reason.DENIED, "may not be seen", "Grant it.")
    assert replayed(record("host_disk", TARGET, [failure])).outcome("host_disk", TARGET) == failure
    nothing = NotJudged("first sample")
    assert replayed(record("host_disk", TARGET, [nothing])).outcome("host_disk", TARGET) == nothing


def test_what_was_not_read_is_a_failure_that_says_so() -> None:
    outcome = replayed().outcome("host_disk", TARGET)
    assert isinstance(outcome, Failure)
    assert "that run did not read it" in outcome.message


def test_a_reading_of_another_shape_is_a_failure_that_says_so() -> None:
    strange: list[dict[str, object]] = [
        {"reading": "host_disk", "target": "host pgdata", "value": {"used": 1}},
        {"reading": "host_disk", "target": "host pgdata", "failure": {"reason": "tired"}},
        {"reading": "host_disk", "target": "host pgdata"},
    ]
    for table in strange:
        outcome = replayed(table).outcome("host_disk", TARGET)
        assert isinstance(outcome, Failure)
        assert outcome.reason is Reason.PROTOCOL


def test_a_reading_or_target_that_is_no_more_is_passed_over() -> None:
    other = json.loads(json.dumps(record("host_disk", Target("host", "gone", "mount"), [DISK])))
    assert replayed(other, {"reading": "gone", "target": "host pgdata", "value": {}}).readings() == []


def test_extra_samples_come_back_in_their_order() -> None:
    later = dataclasses.replace(DISK, used_ratio=0.5)
    failure = Failure("host_disk", TARGET, Reason.TIMEOUT, "no answer", "")
    replay = replayed(record("host_disk", TARGET, [DISK, later, failure]))
    assert [replay.sample(number, "host_disk", TARGET, 2.0) for number in (1, 2, 3)] == [later, failure, None]
