"""The history of an environment: what each check was, run by run, so that a report can say since when.

SQLite, one file an environment, written by the controller only. A broken, locked or missing history never changes a
verdict: the reports then show no past. `record` is called once a run, before the reports are written.
"""

import operator
import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from checks.engine.foreseeing import NO_COURSES, Course, finite, forecast_of, foreseen
from checks.engine.model import Result, Run, State
from checks.engine.report.past import Forecast, Past

_SCHEMA = """
create table if not exists run (
    number integer primary key, run_id text not null unique, profile text not null, started real not null
);
create table if not exists subject (
    number integer primary key, key text not null unique,
    state text not null, before text, since real not null, runs integer not null, last_run integer not null,
    low real, high real
);
create table if not exists result (
    subject integer not null, run integer not null, state text not null, value real,
    primary key (subject, run)
) without rowid;
create table if not exists point (
    subject integer not null, bucket integer not null, moment real not null, value real not null,
    primary key (subject, bucket)
) without rowid;
"""
_VERSION = 2
_KEPT_RUNS = 400  # of each profile
_SHOWN = 30
_BUCKET = 6 * 3600.0  # seven points in three days are enough for a forecast
_REMEMBERED = 120 * 4  # buckets: what lies before them is forgotten
_SILENT = (State.NOT_JUDGED, State.NOT_COVERED)
_STATES = {state.value: state for state in State}


class History:
    """The history of one environment; `problem` says why it could not be used, and is empty while it could.

    What was read before `since` (Unix time) is of other servers: no forecast goes by it.
    """

    def __init__(self, path: Path, since: float = 0.0) -> None:
        self._path = path
        self._since = since
        self.problem = ""

    def record(self, run: Run, courses: Mapping[str, Course] = NO_COURSES) -> dict[str, Past]:
        """Store a finished run and return each check's past by its key; recording a run again changes nothing.

        `courses` are what others kept, by key: forecasts go by them where this history does not reach back so far.
        What was not judged, and what an incomplete run did not come to, says nothing about the subject and is not kept.
        """
        try:
            return self._record(run, courses)
        except sqlite3.OperationalError as error:
            self.problem = f"the history could not be used ({_code(error)})"
        except sqlite3.DatabaseError as error:
            self.problem = f"the history is broken ({_code(error)}); it was put aside and begins anew with the next run"
            self._put_aside()
        except OSError as error:
            self.problem = f"the history could not be opened ({error.strerror})"
        return {}

    def foreseen(self, run: Run, courses: Mapping[str, Course] = NO_COURSES) -> dict[str, Forecast]:
        """Return when the readings of a finished run that are within their limits meet them; stores nothing."""
        if not self._path.exists():
            return dict(foreseen(None, run, courses, self._since))
        try:
            with closing(sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True, timeout=0.5)) as store:
                return dict(foreseen(store, run, courses, self._since))
        except sqlite3.Error:
            return dict(foreseen(None, run, courses, self._since))  # `record` says what is the matter

    def _record(self, run: Run, courses: Mapping[str, Course]) -> dict[str, Past]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(self._path, timeout=0.5)) as store:
            _prepare(store)
            with store:
                store.execute("begin immediate")
                known = store.execute("select 1 from run where run_id = ?", (run.run_id,)).fetchone()
                kept = [r for r in run.results if _says_something(r, run)]
                if known is None:
                    _store(store, run, kept)
                    _forget(store, run.profile)
                return dict(_past(store, kept, (self._since, run.started), courses))

    def _put_aside(self) -> None:
        try:
            self._path.replace(self._path.with_suffix(".broken"))
        except OSError:
            self.problem += "; it could not be put aside either"


def _prepare(store: sqlite3.Connection) -> None:
    store.execute("pragma synchronous = normal")
    version = store.execute("pragma user_version").fetchone()[0]
    if version == 1:  # it had no range of a subject's values
        store.execute("alter table subject add column low real")
        store.execute("alter table subject add column high real")
    if version != _VERSION:
        store.executescript(_SCHEMA)
        store.execute(f"pragma user_version = {_VERSION}")


def _says_something(result: Result, run: Run) -> bool:
    return result.state not in _SILENT and (run.complete or result.state is not State.UNKNOWN)


def _store(store: sqlite3.Connection, run: Run, results: Iterable[Result]) -> None:
    insert = "insert into run (run_id, profile, started) values (?, ?, ?)"
    number = store.execute(insert, (run.run_id, run.profile, run.started)).lastrowid
    upsert = (
        "insert into subject (key, state, before, since, runs, last_run, low, high)"
        " values (:key, :state, null, :now, 1, :run, :value, :value)"
        " on conflict (key) do update set"
        " before = case when state = :state then before else state end,"
        " since = case when state = :state then min(since, :now) else :now end,"
        " runs = case when state = :state then runs + 1 else 1 end,"
        " state = :state, last_run = :run,"
        " low = case when low is null or :value < low then :value else low end,"
        " high = case when high is null or :value > high then :value else high end"
    )
    kept, bucket = list(results), int(run.started // _BUCKET)
    values = [finite(result.measure) for result in kept]
    store.executemany(
        upsert,
        [
            {"key": result.key, "state": result.state.value, "now": run.started, "run": number, "value": value}
            for result, value in zip(kept, values, strict=True)
        ],
    )
    subjects: dict[str, int] = dict(store.execute("select key, number from subject"))
    rows = [(subjects[r.key], r.state.value, value, r.limits) for r, value in zip(kept, values, strict=True)]
    store.executemany(
        "insert or replace into result values (?, ?, ?, ?)", [(row[0], number, row[1], row[2]) for row in rows]
    )
    limited = [(subject, value) for subject, _, value, limits in rows if value is not None and limits is not None]
    store.executemany(
        "insert or replace into point values (?, ?, ?, ?)",
        [(subject, bucket, run.started, value) for subject, value in limited],
    )
    store.executemany(
        "delete from point where subject = ? and bucket < ?",
        [(subject, bucket - _REMEMBERED) for subject, _ in limited],
    )


def _forget(store: sqlite3.Connection, profile: str) -> None:
    """Forget the runs past the newest of this profile, and each subject that none of the rest has (a renamed check)."""
    old = store.execute(
        "select number from run where profile = ? order by number desc limit -1 offset ?", (profile, _KEPT_RUNS)
    ).fetchall()
    if old == []:
        return
    store.executemany("delete from run where number = ?", old)
    oldest = store.execute("select min(number) from run").fetchone()[0]
    subjects = store.execute("select number from subject").fetchall()
    store.executemany(
        "delete from result where subject = ? and run = ?", [(s[0], run[0]) for s in subjects for run in old]
    )
    gone = store.execute("select number from subject where last_run < ?", (oldest,)).fetchall()
    for table, column in (("result", "subject"), ("point", "subject"), ("subject", "number")):
        store.executemany(f"delete from {table} where {column} = ?", gone)  # noqa: S608 (names from the line above)


def _past(
    store: sqlite3.Connection, results: Iterable[Result], span: tuple[float, float], courses: Mapping[str, Course]
) -> Iterable[tuple[str, Past]]:
    columns = "key, number, before, since, runs, low, high"
    subjects = {row[0]: row[1:] for row in store.execute(f"select {columns} from subject")}  # noqa: S608 (ours)
    for result in results:
        if result.key not in subjects:
            continue
        subject, before, since, runs, low, high = subjects[result.key]
        course = store.execute(
            "select state, value from result where subject = ? order by run desc limit ?", (subject, _SHOWN)
        ).fetchall()[::-1]
        states = [state for state, _ in course]
        yield (
            result.key,
            Past(
                since=since,
                runs=runs,
                before=_STATES.get(before),
                values=tuple([value for _, value in course if value is not None]),
                changes=sum(map(operator.ne, states, states[1:])),
                seen=len(states),
                forecast=forecast_of(
                    store, subject, result, span=span, ends=(low, high), course=courses.get(result.key)
                ),
            ),
        )


def _code(error: sqlite3.Error) -> str:
    return getattr(error, "sqlite_errorname", "") or type(error).__name__
