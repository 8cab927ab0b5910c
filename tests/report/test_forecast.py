"""Tests of the forecast on made series."""

import random
from collections.abc import Callable

import pytest

from checks.engine.forecast import forecast
from checks.engine.model import Bound, Limits

DAY = 86400.0
LIMITS = Limits("%", above=Bound(80, 90))


def series(value: Callable[[int], float], count: int = 30, step: float = DAY) -> list[tuple[float, float]]:
    return [(i * step, value(i)) for i in range(count)]


def days(points: list[tuple[float, float]], limits: Limits = LIMITS) -> float | None:
    found = forecast(points, limits)
    return None if found is None else found.days


def test_a_steady_growth_meets_the_critical_limit_when_it_says() -> None:
    found = forecast(series(lambda i: 40 + i), LIMITS)  # 69 % today, 1 % a day
    assert found is not None
    assert found.limit == "90 %"
    assert found.days == pytest.approx(21)


def test_noise_on_a_trend_moves_the_forecast_little() -> None:
    noise = random.Random(1)  # noqa: S311
    assert days(series(lambda i: 40 + i + noise.gauss(0, 1))) == pytest.approx(21, abs=2)


def test_the_range_is_that_of_the_middle_half_of_all_slopes() -> None:
    noise = random.Random(1)  # noqa: S311
    found = forecast(series(lambda i: 40 + i + noise.gauss(0, 1)), LIMITS)
    assert found is not None
    assert 15 < found.earliest < found.days - 0.2 < found.days + 0.2 < found.latest < 30
    steady = forecast(series(lambda i: 40 + i), LIMITS)
    assert steady is not None
    assert (steady.earliest, steady.latest) == pytest.approx((21, 21))


def test_a_fall_has_its_range_in_order_too() -> None:
    noise = random.Random(2)  # noqa: S311
    points = series(lambda i: 60 - i + noise.gauss(0, 1))
    found = forecast(points, Limits("GiB", below=Bound(20, 10)))
    assert found is not None
    assert found.earliest < found.days < found.latest


def test_a_single_outlier_moves_it_little() -> None:
    assert days(series(lambda i: 20 if i == 15 else 40 + i * 1.0)) == pytest.approx(21, abs=2)


def test_a_fall_towards_a_limit_below_is_met_too() -> None:
    assert days(series(lambda i: 60.0 - i), Limits("GiB", below=Bound(20, 10))) == pytest.approx(21)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(lambda _: 50.0, id="flat"),
        pytest.param(lambda i: 50 + random.Random(i).gauss(0, 5), id="noisy"),  # noqa: S311
        pytest.param(lambda i: 40.0 + 4 * (i % 7), id="saw-tooth"),
        pytest.param(lambda i: 40.0 if i < 15 else 60.0, id="step"),
        pytest.param(lambda i: 60.0 - i, id="away from the limit"),
        pytest.param(lambda i: 40.0 + 0.01 * i, id="too far away"),
        pytest.param(lambda i: 70.0 + i, id="past the limit already"),
    ],
)
def test_nothing_is_said_where_there_is_no_trend(value: Callable[[int], float]) -> None:
    assert days(series(value)) is None


def test_after_a_reset_only_what_follows_counts() -> None:
    assert days(series(lambda i: 50.0 + i if i < 20 else 30.0 + (i - 20) * 2)) == pytest.approx(21)  # 48 % at 2 a day


def test_a_reset_lately_leaves_too_little_to_say() -> None:
    assert days(series(lambda i: 50.0 + i if i < 26 else 30.0 + (i - 26) * 2)) is None


@pytest.mark.parametrize(
    ("count", "step", "said"),
    [(6, DAY, False), (7, DAY, True), (7, DAY / 2, True), (7, DAY / 2 - 1, False), (0, DAY, False), (1, DAY, False)],
)
def test_at_least_seven_points_and_three_days(count: int, step: float, said: bool) -> None:
    points = series(lambda i: 85.0 + i * 0.5, count, step)
    assert (days(points) is not None) is said


def test_limits_of_zero_and_none() -> None:
    assert days(series(lambda i: -30.0 + i * 0.9), Limits("x", above=Bound(None, 0))) == pytest.approx(3.9 / 0.9)
    assert days(series(lambda i: 40.0 + i), Limits("x")) is None


def test_equal_times_do_not_divide_by_zero() -> None:
    assert days([(0.0, float(i)) for i in range(10)]) is None
