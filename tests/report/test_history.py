"""Tests of the history: since when, and that nothing which happens to it costs more than the past."""

import dataclasses
import sqlite3
import stat
import time
from pathlib import Path

import pytest

from checks.engine.foresight import warned
from checks.engine.history import History
from checks.engine.model import Bound, Limits, Measure, Run, State
from checks.engine.report.past import Past, recovered
from tests.report.made import NOW, result, run

DAY = 86400.0


def nth(day: float, state: State, value: float | None = None, check: str = "a") -> Run:
    measure = None if value is None else Measure(value, "%", "made", NOW)
    limits = None if value is None else Limits("%", above=Bound(80, 90))
    made = run(result(check, "x", state, measure=measure, limits=limits))
    return dataclasses.replace(made, run_id=f"r{day}", started=NOW + day * DAY)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "production/history.sqlite3")


def after(history: History, *states: State) -> Past:
    past: dict[str, Past] = {}
    for day, state in enumerate(states):
        past = history.record(nth(day, state))
    assert history.problem == ""
    return past["a@x"]


def test_the_first_run_has_no_past(history: History) -> None:
    assert after(history, State.OK) == Past(since=NOW, runs=1, before=None, values=(), changes=0, seen=1)


def test_since_when_is_the_first_run_in_this_state(history: History) -> None:
    past = after(history, State.OK, State.WARNING, State.WARNING, State.WARNING)
    assert (past.since, past.runs, past.before, past.changes) == (NOW + DAY, 3, State.OK, 1)
    assert not past.is_new


def test_a_history_of_the_version_before_goes_on(history: History) -> None:
    after(history, State.OK, State.WARNING)
    with sqlite3.connect(history._path) as store:
        store.execute("alter table subject drop column low")
        store.execute("alter table subject drop column high")
        store.execute("pragma user_version = 1")
    past = history.record(nth(9, State.WARNING, 85))["a@x"]
    assert (history.problem, past.runs, past.before, past.values) == ("", 2, State.OK, (85,))


def test_a_recovery_is_seen_once(history: History) -> None:
    fine = result("a", "x", State.OK)
    assert recovered(fine, after(history, State.CRITICAL, State.OK))
    assert not recovered(fine, history.record(nth(9, State.OK))["a@x"])


def test_flapping_is_counted(history: History) -> None:
    assert after(history, *[State.OK, State.WARNING] * 4).changes == 7


def test_values_come_in_order_and_are_thirty_at_most(history: History) -> None:
    for day in range(40):
        past = history.record(nth(day, State.OK, day))["a@x"]
    assert past.values == tuple(float(day) for day in range(10, 40))
    assert past.forecast is not None
    assert past.forecast.days == pytest.approx(51)


@pytest.mark.parametrize("state", [State.NOT_JUDGED, State.NOT_COVERED])
def test_what_was_not_judged_is_no_change(history: History, state: State) -> None:
    past = after(history, State.WARNING)
    history.record(nth(1, state))
    assert history.record(nth(2, State.WARNING))["a@x"].since == past.since


def test_what_a_stopped_run_did_not_come_to_is_no_change(history: History) -> None:
    after(history, State.WARNING)
    history.record(dataclasses.replace(nth(1, State.UNKNOWN), complete=False))
    assert history.record(nth(2, State.WARNING))["a@x"].runs == 2


def test_recording_a_run_twice_counts_it_once(history: History) -> None:
    history.record(nth(0, State.OK))
    assert history.record(nth(0, State.OK))["a@x"].runs == 1


def test_a_clock_that_moved_back_breaks_nothing(history: History) -> None:
    for day in (100, 101, 1, 2):
        past = history.record(nth(day, State.WARNING, 50.0 + day))["a@x"]
    assert (past.runs, past.since) == (4, NOW + DAY)
    assert past.forecast is None


def test_a_renamed_check_begins_anew_and_the_old_one_is_forgotten(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checks.engine.history._KEPT_RUNS", 5)
    history.record(nth(0, State.OK, 1.0, check="old"))
    for day in range(1, 8):
        past = history.record(nth(day, State.OK, 1.0, check="new"))
    assert past["new@x"].runs == 7
    with sqlite3.connect(history._path) as store:
        assert store.execute("select key from subject").fetchall() == [("new@x",)]
        assert store.execute("select count(*) from run").fetchone() == (5,)
        assert store.execute("select count(*) from result").fetchone() == (5,)


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to be read as one" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_broken_history_is_put_aside_and_begins_anew(history: History, content: bytes) -> None:
    history._path.parent.mkdir()
    history._path.write_bytes(content)
    assert history.record(nth(0, State.OK)) == {}
    assert "broken" in history.problem
    again = History(history._path)
    assert again.record(nth(1, State.OK))["a@x"].runs == 1
    assert again.problem == ""


def test_a_locked_history_costs_the_past_only_and_little_time(history: History) -> None:
    history.record(nth(0, State.OK))
    with sqlite3.connect(history._path) as other:
        other.execute("begin exclusive")
        begun = time.monotonic()
        assert history.record(nth(1, State.OK)) == {}
        assert time.monotonic() - begun < 2
    assert "SQLITE_BUSY" in history.problem


def test_a_folder_that_cannot_be_made_costs_the_past_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    history = History(tmp_path / "file/history.sqlite3")
    assert history.record(nth(0, State.OK)) == {}
    assert "could not be opened" in history.problem


def test_the_file_is_private(history: History) -> None:
    history.record(nth(0, State.OK))
    assert stat.S_IMODE(history._path.stat().st_mode) == 0o600
    assert stat.S_IMODE(history._path.parent.stat().st_mode) == 0o700


def test_a_year_of_200_checks_stays_small_and_fast(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits("%", above=Bound(80, 90))
    results = [result(f"a-{n}", "x", State.OK, measure=Measure(n, "%", "made", NOW), limits=limits) for n in range(200)]
    seconds = []
    for day in range(365):
        values = [dataclasses.replace(r, measure=Measure(day * 0.1, "%", "made", NOW)) for r in results]
        made = dataclasses.replace(run(*values), run_id=str(day), started=NOW + day * DAY)
        with monkeypatch.context() as patch:
            if day < 350:  # the first runs only fill it
                patch.setattr("checks.engine.history._past", lambda *_: ())
            begun = time.process_time()
            history.record(made)
            seconds.append(time.process_time() - begun)
    assert history.problem == ""
    assert history._path.stat().st_size < 10_000_000
    assert sorted(seconds[350:])[7] < 0.06  # 20 ms is meant and measured by the bench; a busy machine takes longer


def test_what_is_about_to_meet_its_limit_is_a_warning_and_never_more(history: History) -> None:
    for day in range(10):
        history.record(nth(day, State.OK, 60 + 2 * day))
    today = nth(10, State.OK, 80)
    found = history.foreseen(today)
    assert found["a@x"].days == pytest.approx(5)
    (result,) = warned(today, found, 14).results
    assert (result.state, warned(today, found, 14).verdict) == (State.WARNING, State.WARNING)
    assert result.message == "x: as it should be, 90 % in about 5 days (5 to 5) as it grows now"
    assert warned(today, found, 5) == today
    assert history.foreseen(nth(10, State.WARNING, 80)) == {}


def test_nothing_is_foreseen_without_a_history(history: History) -> None:
    assert history.foreseen(nth(0, State.OK, 80)) == {}
    history._path.parent.mkdir()
    history._path.write_bytes(b"not a database" * 500)
    assert history.foreseen(nth(0, State.OK, 80)) == {}
