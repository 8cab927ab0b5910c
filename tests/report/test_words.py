"""Tests of the two languages: the same keys, the same fields, and no word left out."""

import re
from collections.abc import Iterator

import pytest

from checks.engine.model import Bound, Limits, State
from checks.engine.report.words import LANGUAGES, Words, amount, number, when


def leaves(table: dict[str, object], path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{path}/{key}")
        else:
            yield f"{path}/{key}", str(value)


def test_both_languages_have_the_same_keys_and_fields() -> None:
    english, portuguese = (dict(leaves(Words(language).keys())) for language in LANGUAGES)
    assert english.keys() == portuguese.keys()
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", portuguese[key])), key


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", list(State))
def test_every_state_has_a_word_and_both_counts(language: str, state: State) -> None:
    words = Words(language)
    assert words.state(state)
    assert words.count(state, 1).startswith("1 ")
    assert words.count(state, 2).startswith("2 ")


def test_an_unknown_language_falls_back_to_english() -> None:
    assert Words("xx").state(State.CRITICAL) == "CRITICAL"


def test_limits_are_said_in_both_directions_and_a_limit_of_zero_is_a_limit() -> None:
    said = Words("en").limits(Limits("%", above=Bound(0, 90), below=Bound(None, 5)))
    assert said == "warning above 0 %, critical above 90 %, critical below 5 %"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.0, "0"), (93.44, "93.44"), (93.0, "93"), (1234567, "1234567"), (0.00421, "0.00421"), (None, "–"),
     (float("nan"), "nan"), (float("inf"), "inf"), ("on", "on"), (True, "True")],
)  # fmt: skip
def test_numbers_as_people_read_them(value: float | str | None, shown: str) -> None:
    assert number(value) == shown


def test_an_amount_without_a_unit_ends_with_its_number() -> None:
    assert amount(3, "") == "3"


def test_a_moment_outside_the_calendar_is_shown_as_its_number() -> None:
    assert when(1e20) == "1e+20"
