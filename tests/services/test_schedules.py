"""Two schedules are the same when they mean the same times, however they are written."""

import pytest

from checks.engine.schedules import same


@pytest.mark.parametrize(
    ("one", "other", "are"),
    [
        ("0 4 * * *", "00 04 * * *", True),
        ("0 2 * * 0", "0 2 * * 7", True),
        ("0 2 * * 0", "0 2 * * sun", True),
        ("0 2 * * 1-5", "0 2 * * Mon-Fri", True),
        ("0 1 1 1 *", "0 1 1 jan *", True),
        ("*/15 * * * *", "0,15,30,45 * * * *", True),
        ("0 0 * * 0", "@weekly", True),
        ("0 * * * *", "@hourly", True),
        ("0 4 1-31 * *", "0 4 * * *", True),
        ("0 4 1-31 * 0", "0 4 * * *", True),
        ("@reboot", "@reboot", True),
        ("0 4 * * *", "0 5 * * *", False),
        ("0 4 * * *", "4 0 * * *", False),
        ("0 2 * * 0", "0 2 * * 1", False),
        ("0 4 1 * *", "0 4 1 * 0", False),
        ("0 4 1-31 * 0", "0 4 * * 0", False),
        ("0 4 * * *", "@reboot", False),
        ("0 4 * * *", "0~9 4 * * *", False),
        ("0 4 * * *", "60 4 * * *", False),
        ("0 4 * * *", "*/0 4 * * *", False),
    ],
)
def test_the_same_times_are_the_same_schedule(one: str, other: str, are: bool) -> None:
    assert same(one, other) is are
    assert same(other, one) is are
