"""--deployed-at takes a time with its zone, and refuses what would judge nothing."""

import pytest

from checks.engine.environment import InvalidFileError
from checks.engine.plugin.options import _moment

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, 0.0),
        ("1799999000", 1799999000.0),
        ("2027-01-15T08:00:00Z", 1800000000.0),
        ("2027-01-15T05:00:00-03:00", 1800000000.0),
    ],
)
def test_a_time(text: str | None, expected: float) -> None:
    assert _moment("--deployed-at", text, NOW) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("yesterday", "must be a time such as"),
        ("", "must be a time such as"),
        ("2027-01-15T08:00:00", "needs a time zone"),
        ("2027-01-15T09:00:00Z", "lies in the future"),
        ("-5", "lies in the future, or is no time"),
        ("nan", "lies in the future, or is no time"),
    ],
)
def test_what_is_none(text: str, why: str) -> None:
    with pytest.raises(InvalidFileError, match=why):
        _moment("--deployed-at", text, NOW)
