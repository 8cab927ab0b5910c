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


@pytest.mark.parametrize("days", [8, 15, 21, 22, 28, 31])
def test_a_silence_of_weeks_stays_one(days: int) -> None:
    hours = course(DAY)
    hours[: days * 24] = [0] * days * 24

    assert weigh(hours).silent


def test_how_long_it_lasts_and_what_was_before_is_told() -> None:
    hours = course(DAY)
    hours[: 22 * 24] = [0] * 22 * 24

    found = weigh(hours)

    assert (found.hours, found.now, found.expected) == (22 * 24, 0, 7 * 70)


def test_a_rare_figure_that_ceased_two_weeks_ago_is_silent() -> None:
    hours = [1 if ago % 12 == 0 else 0 for ago in range(HOURS)]  # two a day
    hours[: 20 * 24] = [0] * 20 * 24

    assert weigh(hours).silent


@pytest.mark.parametrize("days", [9, 16, 23])
def test_what_was_tried_on_one_day_never_was_in_use(days: int) -> None:
    hours = [0] * HOURS
    hours[days * 24 : days * 24 + 24] = [20] * 24

    assert weigh(hours).hours is None


def test_one_in_three_days_is_too_few_also_for_a_silence_of_weeks() -> None:
    hours = [1 if ago % 72 == 0 else 0 for ago in range(HOURS)]
    hours[: 14 * 24] = [0] * 14 * 24

    assert weigh(hours).hours is None


def test_what_never_happens_is_not_weighed() -> None:
    assert weigh([0] * HOURS).hours is None


@pytest.mark.parametrize(("count", "mean", "expected"), [(0, 10, 4.54e-5), (5, 5, 0.616), (10, 5, 0.9863)])
def test_poisson(count: int, mean: float, expected: float) -> None:
    assert poisson_at_most(count, mean) == pytest.approx(expected, rel=0.01)
