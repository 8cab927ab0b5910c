"""Trends are robust to outliers, and say nothing where there is none."""

import pytest

from checks.engine.trend import days_until, thinned, trend

DAY = 86400.0


def test_a_line_has_its_slope_and_meets_its_limit() -> None:
    found = trend([(day * DAY, 10.0 * day) for day in range(30)])

    assert found is not None
    assert found.slope * DAY == pytest.approx(10)
    assert days_until(found, 390) == pytest.approx((10, 10, 10))


def test_outliers_do_not_move_it() -> None:
    points = [(day * DAY, 10.0 * day + (5000 if day % 7 == 3 else 0)) for day in range(30)]

    found = trend(points)

    assert found is not None
    assert found.slope * DAY == pytest.approx(10, rel=0.2)


def test_what_falls_meets_no_limit_above() -> None:
    found = trend([(day * DAY, -1.0 * day) for day in range(10)])

    assert found is not None
    assert days_until(found, 5) is None


def test_what_is_past_the_limit_meets_it_today() -> None:
    found = trend([(day * DAY, 1.0 * day) for day in range(10)])

    assert found is not None
    assert days_until(found, 3) == (0, 0, 0)


@pytest.mark.parametrize("points", [[], [(0.0, 1.0)], [(0.0, 1.0), (0.0, 2.0)]])
def test_too_few_points_have_none(points: list[tuple[float, float]]) -> None:
    assert trend(points) is None


def test_thinning_keeps_both_ends() -> None:
    points = [(float(n), 0.0) for n in range(1000)]

    few = thinned(points, 16)

    assert (len(few), few[0], few[-1]) == (16, points[0], points[-1])
