"""The words of the reports in English and Brazilian Portuguese, from words.toml.

Machine formats (results.json, JUnit, the textfile) never ask here: their words do not change with the reader.
"""

import datetime
import functools
import math
import tomllib
from pathlib import Path
from typing import Any

from checks.engine.model import Bound, Limits, State

LANGUAGES = ("en", "pt-BR")


class Words:
    """The words of one language; a language that is not known falls back to English."""

    __slots__ = ("_table", "language")

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._table: dict[str, Any] = _catalogue()[self.language]

    def say(self, key: str, /, **values: object) -> str:
        """Return the words for `key` with `values` filled in."""
        text: str = self._table[key]
        return text.format(**values) if values else text

    def many(self, key: str, n: int, /, **values: object) -> str:
        """Return the words for `n` of something."""
        forms: dict[str, str] = self._table[key]
        return forms["one" if n == 1 else "other"].format(n=n, **values)

    def state(self, state: State) -> str:
        """Return the word that people see for a state."""
        word: str = self._table["state"][state.value]
        return word

    def count(self, state: State, n: int) -> str:
        """Return «2 critical»."""
        forms: dict[str, str] = self._table["count"][state.value]
        return forms["one" if n == 1 else "other"].format(n=n)

    def limits(self, limits: Limits) -> str:
        """Return «warning above 80 %, critical above 90 %», or "" when no limit is set."""
        parts = []
        for direction, bound in (("above", limits.above), ("below", limits.below)):
            for grade in ("warning", "critical"):
                limit = _limit(bound, grade)
                if limit is not None:
                    parts.append(self.say(f"{grade}_{direction}", limit=amount(limit, limits.unit)))
        return ", ".join(parts)

    def keys(self) -> dict[str, Any]:
        """Return the whole table, for the test that holds both languages together."""
        return self._table


def _limit(bound: Bound | None, grade: str) -> float | None:
    if bound is None:
        return None
    return bound.warning if grade == "warning" else bound.critical


def amount(value: float | str | None, unit: str) -> str:
    """Return a value with its unit, short enough to read and exact enough to compare: «93.4 %», «1024», «0.0042 s»."""
    return f"{number(value)} {unit}".strip()


def number(value: float | str | None) -> str:
    """Return a value with four significant digits, whole numbers as they are, as the messages have it; «–» for none."""
    if value is None:
        return "–"
    if isinstance(value, (bool, str)) or not math.isfinite(value):
        return str(value)
    return str(int(value)) if value == int(value) else f"{float(f'{value:.4g}'):g}"


def when(moment: float) -> str:
    """Return a Unix time as «2026-11-28 03:12 UTC»; a moment outside the calendar as its number."""
    try:
        return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return str(moment)


def seconds(value: float) -> str:
    """Return a duration in seconds with one digit after the point: «1.9»."""
    return f"{max(value, 0):.1f}"


@functools.cache
def _catalogue() -> dict[str, dict[str, Any]]:
    return tomllib.loads((Path(__file__).with_name("words.toml")).read_text(encoding="utf-8"))
