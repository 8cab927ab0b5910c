"""The figures of /health/detailed agree with our own within their tolerance, its ends included."""

import pytest

from checks.engine.agreement import Direct, disagreements


@pytest.mark.parametrize(
    ("claimed", "holds"), [(85, True), (84.9, False), (100, True), (115, True), (115.1, False), (0, False)]
)
def test_the_least_tolerance_counts_near_zero(claimed: float, holds: bool) -> None:
    assert Direct(100, 100, 0.01, 15).holds(claimed) is holds


@pytest.mark.parametrize(("claimed", "holds"), [(700, True), (699, False), (1300, True), (1301, False)])
def test_the_share_counts_for_large_values(claimed: float, holds: bool) -> None:
    assert Direct(1000, 1000, 0.3, 15).holds(claimed) is holds


def test_a_range_allows_what_lies_between() -> None:
    assert Direct(0, 50, 0, 0).holds(25)
    assert not Direct(0, 50, 0, 0).holds(51)


def test_only_what_is_claimed_is_compared() -> None:
    direct = {"a": Direct(1, 1, 0, 0), "b": Direct(2, 2, 0, 0)}

    assert disagreements({}, direct) == ((), 0)
    assert disagreements({"a": 1, "c": 9}, direct) == ((), 1)
    assert disagreements({"a": 5, "b": 2}, direct) == (("a: it says 5, we read 1",), 2)
