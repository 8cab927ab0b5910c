"""Silence of a business figure: a night without events is fine, an afternoon without is not."""

import pytest

from checks.engine.silence import WEEK, poisson_at_most, weigh

HOURS = 34 * 24


def course(by_hour: "dict[int, int]", now_hour: int = 15) -> list[int]:
    """Return hours, newest first, with so many events at each hour of the day; the newest hour is `now_hour`."""
    return [by_hour.get((now_hour - ago) % 24, 0) for ago in range(HOURS)]


DAY = dict.fromkeys(range(8, 22), 5)


def test_a_night_without_searches_is_fine() -> None:
    found = weigh(course(DAY, now_hour=5))

    assert not found.silent
    assert not found.low
    assert found.hours == 24  # six hours of night expect nothing, so the day counts


def test_an_afternoon_without_any_is_silence() -> None:
    hours = course(DAY)
    hours[:6] = [0] * 6

    found = weigh(hours)

    assert (found.hours, found.now, found.silent) == (6, 0, True)
    assert found.expected == 30


def test_a_fifth_of_what_is_expected_is_low() -> None:
    hours = course(DAY)
    hours[:6] = [1] * 6

    found = weigh(hours)

    assert not found.silent
    assert found.low


def test_two_thirds_of_what_is_expected_is_fine() -> None:
    hours = course(DAY)
    hours[:6] = [3, 4, 3, 3, 4, 3]

    assert not weigh(hours).low


@pytest.mark.parametrize("week", [1, 2, 3])
def test_one_holiday_among_three_weeks_hides_no_silence(week: int) -> None:
    hours = course(DAY)
    hours[:6] = [0] * 6
    hours[week * WEEK : week * WEEK + 24] = [0] * 24

    assert weigh(hours).silent


@pytest.mark.parametrize("week", [1, 2, 3])
def test_one_campaign_among_three_weeks_makes_no_silence(week: int) -> None:
    hours = course(DAY)
    hours[week * WEEK : week * WEEK + 24] = [500] * 24

    assert not weigh(hours).low


def test_a_rare_figure_is_weighed_over_days() -> None:
    hours = [1 if ago % 8 == 0 else 0 for ago in range(HOURS)]  # three a day
    hours[:WEEK] = [0] * WEEK

    found = weigh(hours)

    assert (found.hours, found.silent) == (168, True)


def test_what_never_happens_is_not_weighed() -> None:
    assert weigh([0] * HOURS).hours is None


@pytest.mark.parametrize(("count", "mean", "expected"), [(0, 10, 4.54e-5), (5, 5, 0.616), (10, 5, 0.9863)])
def test_poisson(count: int, mean: float, expected: float) -> None:
    assert poisson_at_most(count, mean) == pytest.approx(expected, rel=0.01)
