"""Tests of summary.html as text: small, static, complete, and everything that comes in goes out as text."""

import dataclasses
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from checks.engine.model import Bound, Limits, State
from checks.engine.report import summary
from checks.engine.report.summary import Extras
from checks.engine.report.summary.sparkline import sparkline
from checks.engine.report.words import Words
from tests.report.made import hostile, large, ordinary, past, result, run


class Page(HTMLParser):
    """Every tag with its attributes, and the text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember a tag."""
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        """Remember text."""
        self.text += data


def page(made: object = None, **extras: object) -> Page:
    return Page(summary.render(made or ordinary(), Extras(**extras)))  # type: ignore[arg-type]


def test_it_says_what_a_person_needs_in_their_order() -> None:
    text = page(past=past()).text
    order = [
        "CRITICAL: 1 critical, 1 warning",
        "What to do",
        "postgresql-connection@primary",
        "Start PostgreSQL on the primary",
        "new, was OK",
        "blocks 3 checks",
        "backup-freshness@postgresql",
        "since 2026-11-27 03:00 UTC, 2 runs",
        "capacity-redis-memory@cache",
        "83.4 %",
        "warning above 80 %, critical above 90 %",
        "90 % in about 12 days (10 to 17)",
        "changed state 4 times in the last 30 runs",
        "Recovered since the run before",
        "By service",
        "Waived findings",
        "waived by data team until 2027-02-26 03:00 UTC: legacy tables, dropped in the spring",
        "Not covered, not judged",
        "elasticsearch",
        "Passed checks (2)",
        "About this run",
    ]
    at = -1
    for words in order:
        found = text.find(words, at + 1)
        assert found > at, words
        at = found


@pytest.mark.parametrize("state", [None, *State])
def test_150_results_stay_under_60_kb(state: State | None) -> None:
    made = large(150, state)
    course = past()["capacity-redis-memory@cache"]
    source = summary.render(made, Extras({result.key: course for result in made.results}))
    assert len(source.encode()) <= 60_000


def test_no_finding_is_left_out_when_there_are_many() -> None:
    made = large(5000, State.CRITICAL)
    text = page(made).text
    assert all(result.key in text for result in made.results[::97])
    assert made.results[-1].key in text


def test_there_is_no_script_no_request_and_a_strict_policy() -> None:
    for made in (ordinary(), hostile()):
        tags = page(made, past=past()).tags
        assert {tag for tag, _ in tags}.isdisjoint({"script", "img", "link", "iframe", "object", "form", "base"})
        policy = next(attrs["content"] for _, attrs in tags if attrs.get("http-equiv") == "Content-Security-Policy")
        assert policy == "default-src 'none'; style-src 'unsafe-inline'"
        for _, attrs in tags:
            assert not any(name.startswith("on") for name in attrs)
            assert attrs.get("href", "#do") == "#do"
            assert "src" not in attrs
            assert "style" not in attrs


def test_hostile_text_comes_out_as_text() -> None:
    tags = {tag for tag, _ in page(ordinary(), past=past()).tags}
    got = page(hostile())
    assert {tag for tag, _ in got.tags} <= tags
    assert "<script>alert(1)</script>" in got.text
    assert "⟨U+202E⟩gnp.exe" in got.text
    assert re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", got.text) is None


def test_a_guide_link_is_a_web_address_or_none() -> None:
    assert [a["href"] for t, a in page(guide_url="https://x.org/g").tags if t == "a"] == [
        "#do",
        *["https://x.org/g"] * 3,
    ]
    assert [a["href"] for t, a in page(guide_url="javascript:alert(1)").tags if t == "a"] == ["#do"]


def test_a_baseline_shows_new_still_and_recovered() -> None:
    before = run(result("a", "x", State.CRITICAL), result("b", "x", State.WARNING), result("c", "x", State.OK))
    now = run(result("a", "x", State.OK), result("b", "x", State.WARNING), result("c", "x", State.UNKNOWN))
    text = page(now, baseline=before).text
    assert "1 new, 1 still, 1 recovered" in text


def test_emergency_mode_and_the_lab_are_said_at_the_top() -> None:
    text = page(dataclasses.replace(ordinary(), emergency="read_only_mode is set", lab=True)).text
    assert (
        text.index("EMERGENCY MODE IS ON: read_only_mode is set")
        < text.index("LAB: CRITICAL")
        < text.index("What to do")
    )


def test_nothing_to_do_is_said() -> None:
    assert "Nothing to do" in page(run(result("a", "x", State.OK))).text


def test_portuguese() -> None:
    got = page(dataclasses.replace(ordinary(), language="pt-BR"), past=past())
    assert ("html", {"lang": "pt-BR"}) in got.tags
    for words in (
        "CRÍTICO",
        "O que fazer",
        "90 % em cerca de 12 dias",
        "Verificações aprovadas",
        "dispensado por data team",
    ):
        assert words in got.text


@pytest.mark.parametrize("values", [(), (1.0,)])
def test_fewer_than_two_values_have_no_course(values: tuple[float, ...]) -> None:
    assert sparkline(values, None, "%", Words("en")) == ""


@pytest.mark.parametrize("values", [(0.0, 0.0), (1.0, 2.0), (-5.0, 1e300), (5.0,) * 90, tuple(map(float, range(90)))])
def test_a_course_stays_in_its_frame(values: tuple[float, ...]) -> None:
    for limits in (None, Limits("%", above=Bound(0, 1)), Limits("%", below=Bound(None, -1e9))):
        drawn = sparkline(values, limits, "%", Words("en"))
        (points,) = re.findall(r'points="([^"]*)"', drawn)
        for point in points.split():
            x, y = map(int, point.split(","))
            assert 0 <= x <= 120
            assert 0 <= y <= 24
        assert len(points.split()) == min(len(values), 30)


def test_a_course_is_said_in_words() -> None:
    drawn = sparkline((70.0, 80.5, 75.0), None, "%", Words("en"))
    assert 'aria-label="the last 3 runs: from 70 to 75 %, lowest 70, highest 80.5"' in drawn


def _colours(source: str, scheme: str) -> dict[str, str]:
    block = re.search(scheme + r".*?:root \{(.*?)\}", source, re.DOTALL)
    assert block is not None
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block.group(1)))


def _luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _pairs() -> Iterator[tuple[str, str, str]]:
    for scheme in ("^/\\*", "prefers-color-scheme: dark", "@media print"):
        for text in ("fg", "soft", "link", "crit", "unk", "warn", "ok", "grey"):
            for ground in ("bg", "card"):
                yield scheme, text, ground
        for ground in ("crit", "unk", "warn", "ok"):
            yield scheme, "on", ground


@pytest.mark.parametrize(("scheme", "text", "ground"), list(_pairs()))
def test_every_text_has_contrast(scheme: str, text: str, ground: str) -> None:
    source = Path(summary.__file__).with_name("style.css").read_text()
    colours = _colours(source, scheme)
    light, dark = sorted((_luminance(colours[text]), _luminance(colours[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_what_was_not_judged_for_one_reason_is_one_line() -> None:
    why = "the environment has no prometheus"
    made = run(*(result(f"prometheus-{n}", "not-covered", State.NOT_COVERED, why) for n in range(60)))
    got = page(made)
    assert got.text.count(why) == 1
    assert "60 checks" in got.text
    assert "20 more are in results.json" in got.text
