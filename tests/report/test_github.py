"""Tests of annotations and the step summary: ids and states only, and hostile text stays text."""

import dataclasses
from pathlib import Path

from checks.engine.model import State
from checks.engine.report.github import annotations, append_summary, step_summary
from tests.report.made import hostile, large, ordinary, result, run


def test_annotations_hold_ids_and_states_only() -> None:
    assert annotations(ordinary(), detail=False) == [
        "::error title=CRITICAL postgresql-connection@primary::CRITICAL postgresql-connection@primary",
        "::error title=UNKNOWN backup-freshness@postgresql::UNKNOWN backup-freshness@postgresql",
        "::warning title=WARNING capacity-redis-memory@cache::WARNING capacity-redis-memory@cache",
    ]


def test_detail_adds_the_message() -> None:
    assert "memory 83.4 %25 of" in annotations(ordinary(), detail=True)[2]


def test_nothing_of_a_message_reaches_a_summary_without_detail() -> None:
    made = run(
        *(dataclasses.replace(r, message="MARKED", action="MARKED", evidence=("MARKED",)) for r in ordinary().results)
    )
    made = dataclasses.replace(made, emergency="MARKED")
    assert "MARKED" not in step_summary(made, detail=False)
    assert "MARKED" not in "".join(annotations(made, detail=False))
    assert "MARKED" in step_summary(made, detail=True)


def test_github_drops_what_is_past_ten_of_a_kind_so_the_worst_come_first() -> None:
    lines = annotations(large(600), detail=False)
    assert [line.split(" ")[0] for line in lines] == ["::error"] * 10 + ["::warning"] * 10


def test_a_hostile_name_makes_no_command_and_no_markup() -> None:
    for detail in (True, False):
        for line in annotations(hostile(), detail=detail):
            assert line.count("\n") == 0
            assert line.startswith(("::error title=", "::warning title="))
            assert "::" not in line.split("=", 1)[1].split("::", 1)[0]
        text = step_summary(hostile(), detail=detail)
        assert "<" not in text
        assert "javascript:" not in text


def test_a_mention_or_a_link_in_a_message_stays_text() -> None:
    made = run(result("a", "x", State.CRITICAL, "@team [x](https://x) `c` | ![i](u) #1"))
    row = step_summary(made, detail=True).splitlines()[-1]
    assert row.count("|") == 5
    for sign in ("@", "[", "`", "!", "://"):
        assert sign not in row


def test_the_summary_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    path.write_text("before\n")
    append_summary(path, step_summary(ordinary(), detail=False))
    text = path.read_text()
    assert text.startswith("before\n### CRITICAL")
    assert "| CRITICAL | postgresql-connection&#64;primary (blocks 3 checks) |" in text
