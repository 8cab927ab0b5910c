"""Tests of the history's rhythm: written in pieces or at once it is the same, and it has the shape of a week."""

from collections import Counter

import pytest

from lab.seed.rhythm import DAY, HOUR, Stream, moments

ORIGIN = 1_790_000_000 // HOUR * HOUR
STREAM = Stream("a stream", 40)


def events(start: float, end: float, stream: Stream = STREAM) -> list[tuple[float, float]]:
    return [(moment, rng.random()) for moment, rng in moments(stream, ORIGIN, start, end)]


@pytest.mark.parametrize("cut", [ORIGIN + 2 * DAY, ORIGIN + 2 * DAY + 0.5, ORIGIN + 50_000.25, ORIGIN])
def test_history_written_in_two_pieces_is_the_history_written_at_once(cut: float) -> None:
    end = ORIGIN + 5 * DAY + 1234
    assert events(ORIGIN, cut) + events(cut, end) == events(ORIGIN, end)


def test_events_lie_in_the_window_in_order() -> None:
    times = [moment for moment, _ in events(ORIGIN + 100, ORIGIN + DAY - 100)]
    assert times == sorted(times)
    assert times
    assert times[0] > ORIGIN + 100
    assert times[-1] <= ORIGIN + DAY - 100


def test_an_event_is_held_back_until_it_has_settled() -> None:
    settling = Stream(STREAM.name, STREAM.per_day, settle=60)
    end = ORIGIN + DAY
    held = [moment for moment, _ in events(ORIGIN, end, settling)]
    assert all(moment <= end - 60 for moment in held)
    assert [m for m, _ in events(ORIGIN, end + 60, settling) if m > ORIGIN] == [m for m, _ in events(ORIGIN, end)]


def test_nights_are_quiet_and_evenings_are_not() -> None:
    by_hour = Counter(int((moment - 3 * HOUR) // HOUR % 24) for moment, _ in events(ORIGIN, ORIGIN + 60 * DAY))
    assert by_hour[20] > 3 * by_hour[3] > 0


def test_it_grows() -> None:
    first = len(events(ORIGIN, ORIGIN + 28 * DAY))
    sixth = len(events(ORIGIN + 150 * DAY, ORIGIN + 178 * DAY))
    assert 1.05 < sixth / first < 1.3


def test_a_stream_without_growth_or_rate_is_empty() -> None:
    assert events(ORIGIN, ORIGIN + DAY, Stream("nothing", 0)) == []
