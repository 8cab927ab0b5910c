"""Tests of the end of the terminal's output."""

import dataclasses
import re

import pytest

from checks.engine.model import State
from checks.engine.report.terminal import verdict
from tests.report.made import hostile, large, ordinary, result, run


def test_an_ordinary_run_at_80_columns() -> None:
    assert verdict(ordinary(), 80, colour=False, reports="reports/production/latest") == [
        "CRITICAL postgresql-connection@primary (blocks 3 checks)",
        "    postgresql primary: the connection was refused",
        "    → Start PostgreSQL on the primary and look at its log for the reason of the",
        "      stop.",
        "",
        "UNKNOWN backup-freshness@postgresql",
        "    backup postgresql: the variable PENHAS_CHECKS_S3_KEY is not set",
        "    → Set PENHAS_CHECKS_S3_KEY and run again.",
        "",
        "WARNING capacity-redis-memory@cache",
        "    redis cache: memory 83.4 % of 4.0 GiB, warning above 80 %",
        "    → Add memory, or find what grows.",
        "",
        "CRITICAL: 1 critical, 1 warning, 4 unknown (3 of them blocked by",
        "  postgresql-connection@primary), 2 OK, 1 waived, 1 not judged, 1 not covered in",
        "  1.9 s",
        "What to do: Start PostgreSQL on the primary and look at its log for the reason",
        "  of the stop. (postgresql-connection@primary)",
        "Reports: reports/production/latest",
    ]


@pytest.mark.parametrize("width", [80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    for made in (ordinary(), large(150)):
        assert max(len(line) for line in verdict(made, width, colour=False)) <= width


def test_colour_changes_nothing_but_the_codes() -> None:
    plain = verdict(ordinary(), 80, colour=False)
    painted = verdict(ordinary(), 80, colour=True)
    assert "\x1b" not in "".join(plain)
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in painted] == plain
    assert painted != plain


@pytest.mark.parametrize("width", [1, 80])
def test_hostile_text_moves_no_cursor_and_ends_no_line(width: int) -> None:
    text = "".join(verdict(hostile(), width, colour=False, evidence=True))
    assert re.search("[\x00-\x1f\x7f-\x9f\u202e\ud800]", text) is None
    assert len(text) < 60_000


def test_the_lab_says_so_first() -> None:
    made = dataclasses.replace(run(result("a", "x", State.OK)), lab=True)
    assert verdict(made, 80, colour=False)[0] == "LAB: OK: 1 OK in 1.9 s"


def test_emergency_mode_is_said_at_the_top() -> None:
    made = dataclasses.replace(ordinary(), emergency="penhas:read_only_mode is set")
    assert verdict(made, 80, colour=False)[0] == "EMERGENCY MODE IS ON: penhas:read_only_mode is set"


def test_a_stopped_run_says_by_what() -> None:
    made = dataclasses.replace(run(result("a", "x", State.UNKNOWN)), complete=False, stopped_by="SIGTERM")
    assert "UNKNOWN: not complete, stopped by SIGTERM: 1 unknown in 1.9 s" in verdict(made, 80, colour=False)


def test_a_run_that_judged_nothing_says_so() -> None:
    assert "UNKNOWN: nothing was judged in 1.9 s" in verdict(run(), 80, colour=False)
    absent = run(result("a", "x", State.NOT_COVERED))
    assert "UNKNOWN: nothing was judged: 1 not covered in 1.9 s" in verdict(absent, 80, colour=False)


def test_portuguese() -> None:
    made = dataclasses.replace(ordinary(), language="pt-BR")
    text = "\n".join(verdict(made, 200, colour=False))
    assert "CRÍTICO: 1 crítico, 1 alerta, 4 desconhecidos (3 deles bloqueados por" in text
    assert "O que fazer: " in text


def test_triage_shows_evidence() -> None:
    assert "    · the replica answers" in verdict(ordinary(), 80, colour=False, evidence=True)


@pytest.mark.parametrize(("blocked", "said"), [(1, "blocked by a@x"), (2, "all blocked by a@x")])
def test_when_everything_unknown_has_one_cause_the_verdict_says_so(blocked: int, said: str) -> None:
    root = result("a", "x", State.CRITICAL)
    under = [result(f"b-{n}", "x", State.UNKNOWN, blocked_by="a@x") for n in range(blocked)]
    assert f"CRITICAL: 1 critical, {blocked} unknown ({said}) in 1.9 s" in verdict(run(root, *under), 80, colour=False)


def test_a_baseline_says_what_is_new() -> None:
    before = run(result("a", "x", State.CRITICAL), result("b", "x", State.WARNING), result("c", "x", State.OK))
    now = run(result("a", "x", State.OK), result("b", "x", State.WARNING), result("c", "x", State.UNKNOWN))
    lines = verdict(now, 80, colour=False, baseline=before)
    assert "UNKNOWN c@x, new" in lines
    assert "WARNING b@x" in lines
    assert "Compared with the run of 2026-11-28 03:00 UTC: 1 new, 1 still, 1 recovered" in lines
