"""Forecasts by what Prometheus kept before the suite first ran: a real Prometheus with a week of samples."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from checks.engine.foresight import usable
from checks.engine.history import History
from checks.engine.model import Bound, Limits, Measure, NotJudged, Result, Run, State
from checks.engine.readings.prometheus_history import Course, PrometheusCourses
from lab.processes import free_port
from tests.engine.inside import Inside
from tests.monitoring.asked import Server, kept_of

HOUR = 3600
STEP = 6 * HOUR
COUNT = 30


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that kept `trend`, which rose by 0.1 every six hours up to 0, for a week, and `several` twice."""
    if shutil.which("promtool") is None or shutil.which("prometheus") is None:
        pytest.skip("promtool and prometheus come with Debian's prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    began = time.time()
    lines = {"trend": list[str](), "several": list[str]()}
    for back in reversed(range(COUNT)):
        for late in range(0, 1200, 120):  # Prometheus looks back five minutes from when it is asked
            at = f"{began - back * STEP + late:.0f}"
            lines["trend"].append(f"trend {-0.1 * back:.1f} {at}")
            lines["several"] += [f'several{{of="{of}"}} 1 {at}' for of in "ab"] if back == 0 else []
    text = "".join(f"# TYPE {name} gauge\n" + "\n".join(lines[name]) + "\n" for name in lines)
    (folder / "samples").write_text(f"{text}# EOF\n")
    made = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(folder / "samples"), str(folder / "data")]
    subprocess.run(made, check=True, capture_output=True)
    (folder / "prometheus.yml").write_text("global: {}\n")
    port = free_port()
    command = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with subprocess.Popen(
        ["prometheus", *command, f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        until = time.monotonic() + 20
        while not ready(port) and time.monotonic() < until:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        process.kill()


def ready(port: int) -> bool:
    """Return whether a Prometheus has read what it kept."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=1):
            return True
    except OSError:
        return False


class Real(Server):
    """Where a real server listens."""

    def __init__(self, url: str) -> None:
        self.url = url


def read(url: str, *expressions: str) -> object:
    """Return what comes of reading these of a Prometheus."""
    history = [{"check": "capacity-disk", "target": "root", "expr": expr} for expr in expressions]
    return kept_of(Real(url), "prometheus", "prometheus_courses", history=history).outcomes["prometheus_courses"]


def courses(url: str, *expressions: str) -> tuple[Course, ...]:
    """Return what a Prometheus kept of these."""
    found = read(url, *expressions)
    assert isinstance(found, PrometheusCourses), found
    return found.courses


def test_one_that_has_just_started_may_not_have_scraped_yet(url: str) -> None:
    found = read(url, "nothing_of_the_kind")
    assert isinstance(found, NotJudged)
    assert found.why.endswith("its first scrapes are not in yet")


def test_a_course_is_one_series_of_a_week(url: str) -> None:
    trend, several, broken = courses(url, "trend + 50", "several", "sum(")

    assert (trend.key, trend.series, trend.problem, len(trend.points)) == ("capacity-disk@root", 1, "", COUNT)
    assert trend.points[-1][1] == pytest.approx(50.0)
    assert trend.points[0][1] == pytest.approx(47.1)
    assert trend.points[1][0] - trend.points[0][0] == pytest.approx(STEP)
    assert trend.lately == pytest.approx((50.0, 50.0))
    assert (several.series, several.points, several.lately) == (2, (), None)
    assert (broken.points, broken.problem) == ((), "Prometheus cannot evaluate its expression")


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("trend / 0", "none of its values is a number"),
        ("trend and (time() - timestamp(trend) < -1)", "0 series, one is needed"),
        ("trend and on() (vector(time()) < {})", "it ends 1."),
    ],
)
def test_a_course_of_which_nothing_is_left_cannot_be_used(
    url: str, suite: Inside, expression: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checks.engine.probes.prometheus.courses.YOUNG", -1e9)  # as if it had not just started
    suite.check(CHECKS, "capacity/test_limits.py")
    suite.environment(
        f'[prometheus]\nurl = "{url}"\njobs = [{{ name = "a", targets = ["b:1"] }}]\n'
        '[[prometheus.history]]\ncheck = "capacity-disk"\ntarget = "root"\n'
        f'expr = "{expression.format(time.time() - 86400 - 2 * STEP)}"\n'
    )
    ran = suite.inside("--profile=nightly", "-p", "no:html", "-k", "history")
    assert ran.states() == {"metrics-history-kept@prometheus": "WARNING"}, ran.output
    assert said in "".join(suite_results(suite)[0]["evidence"])


CHECKS = """
from checks.monitoring.test_metrics import test_metrics_history_kept

def test_limit(threshold: Row, judged: Judge) -> None:
    '''Within limits.'''
    judged.row(threshold)
"""


def test_the_first_run_of_all_foretells_what_prometheus_saw_coming(url: str, suite: Inside) -> None:
    prometheus = f'[prometheus]\nurl = "{url}"\njobs = [{{ name = "a", targets = ["b:1"] }}]\n'
    limits = '[[threshold]]\nid = "capacity-disk"\nabove = {{ critical = {:.3f} }}\n'
    history = '[[prometheus.history]]\ncheck = "capacity-disk"\ntarget = "root"\nexpr = "{}"\n'

    def judge(more: str) -> tuple[dict[str, str], dict[str, str]]:
        shutil.rmtree(suite.reports, ignore_errors=True)
        suite.environment(prometheus + more)
        ran = suite.inside(
            "--profile=nightly", "-p", "no:html", "-k", "history or (capacity-disk and root and not inodes)"
        )
        return ran.states(), ran.messages()

    suite.check(CHECKS, "capacity/test_limits.py")
    disk, kept = "capacity-disk@root", "metrics-history-kept@prometheus"
    states, messages = judge("")
    assert states[kept] == "not judged"
    assert states[disk] != "UNKNOWN", messages
    used = next(c["reading"]["value"] for c in suite_results(suite) if c["id"] == "capacity-disk")

    near = limits.format(used + 2)  # five days at 0.4 a day
    assert judge(near)[0] == {disk: "OK", kept: "not judged"}
    states, messages = judge(near + history.format(f"trend + {used}"))
    assert states == {disk: "WARNING", kept: "OK"}
    actions = {c["id"]: c["action"] for c in suite_results(suite)}
    assert actions["capacity-disk"] != ""
    assert actions["metrics-history-kept"] == ""
    assert f"{used + 2:g} % in about 5 days (5 to 5) as it grows now" in messages[disk]
    assert messages[kept] == "prometheus prometheus: histories that are kept: 1"

    states, messages = judge(near + history.format(f"trend + {used + 200}"))
    assert states == {disk: "OK", kept: "WARNING"}
    assert "[[prometheus.history]]" in {c["id"]: c["action"] for c in suite_results(suite)}["metrics-history-kept"]
    assert messages[kept] == "prometheus prometheus: histories that are not of what the checks read: 1"

    until = (datetime.now(UTC) + timedelta(days=7)).isoformat(timespec="seconds")
    waiver = '[[waiver]]\ncheck = "metrics-history-kept"\ntargets = "all"\nreason = "known"\nowner = "us"\n'
    states, messages = judge(near + history.format(f"trend + {used + 200}") + f"{waiver}until = {until}\n")
    assert states == {disk: "OK", kept: "waived"}

    states, messages = judge(near + history.format("several"))
    assert states == {disk: "OK", kept: "WARNING"}
    assert messages[kept] == "prometheus prometheus: histories that cannot be used: 1 of 1"


def test_workers_bring_the_courses_too(url: str, suite: Inside) -> None:
    suite.check(CHECKS, "capacity/test_limits.py")
    suite.environment(
        f'[prometheus]\nurl = "{url}"\njobs = [{{ name = "a", targets = ["b:1"] }}]\n'
        '[[prometheus.history]]\ncheck = "capacity-disk"\ntarget = "root"\nexpr = "trend + 500"\n'
    )
    ran = suite.run("--profile=nightly", "-n2", "-k", "history or (capacity-disk and root and not inodes)")
    assert ran.states()["metrics-history-kept@prometheus"] == "WARNING", ran.output


LIMITS = Limits("%", Bound(None, 90.0), None)
NOW = 1_800_000_000.0


def judged(value: float, state: State = State.OK, check: str = "capacity-disk") -> Result:
    """Return a result of a check on the disk."""
    names: dict[str, Any] = {
        "title": "t",
        "service": "host",
        "chapter": "capacity",
        "guide": (),
        "profiles": ("nightly",),
    }
    measure, target = Measure(value, "%", "t", 0.0), "root" if check == "capacity-disk" else "prometheus"
    return Result(
        id=check, target=target, state=state, message=f"{target}: said", measure=measure, limits=LIMITS,
        file="f", nodeid=f"f::{check}", **names,
    )  # fmt: skip


def run_of(*results: Result, started: float = NOW, run_id: str = "r") -> Run:
    """Return a finished nightly run."""
    return Run("here", False, "nightly", run_id, started, started + 1, State.OK, True, "0", results)


def course(*values: float, check: str = "capacity-disk") -> Course:
    """Return a course that ends now with the last of these values."""
    times = [NOW - STEP * back for back in reversed(range(len(values)))]
    return Course(check, "root", tuple(zip(times, values, strict=True)), 1)


@pytest.mark.parametrize(
    ("says", "read", "alike"),
    [(50, 50, True), (75, 50, True), (76, 50, False), (25, 50, True), (24, 50, False), (11, 2, True), (12, 2, False)],
)
def test_a_course_counts_where_it_ends_near_what_the_check_read(says: float, read: float, alike: bool) -> None:
    found, kept = usable(run_of(judged(read), judged(1, check="metrics-history-kept")), [course(1, says)])
    assert set(kept) == ({"capacity-disk@root"} if alike else set())
    assert found.verdict is (State.OK if alike else State.WARNING)
    assert found.results[1].evidence == (
        () if alike else (f"capacity-disk@root: Prometheus says {says:g}, we read {read:g} %",)
    )


def test_what_moved_in_the_last_minutes_is_still_of_the_same_thing() -> None:
    moved = replace(course(1, 60), lately=(0.0, 60.0))
    assert set(usable(run_of(judged(0)), [moved])[1]) == {"capacity-disk@root"}
    assert usable(run_of(judged(85)), [replace(moved, lately=(0.0, 20.0))])[1] == {}


def test_one_that_cannot_be_used_does_not_hide_one_that_is_of_something_else() -> None:
    unusable = replace(
        judged(1, State.WARNING, check="metrics-history-kept"), evidence=("a: 2 series",), message="p: one"
    )
    found, _ = usable(run_of(judged(50), unusable), [course(1, 5)])
    assert found.results[1].message == "p: one; histories that are not of what the checks read: 1"
    assert found.results[1].evidence == ("a: 2 series", "capacity-disk@root: Prometheus says 5, we read 50 %")


def test_nothing_is_foretold_by_what_was_read_before_the_servers_were_these(tmp_path: Path) -> None:
    rising = {"capacity-disk@root": course(*(60 + 0.5 * n for n in range(COUNT))).points}
    for back in range(COUNT - 1, 0, -1):
        History(tmp_path / "own.sqlite").record(
            run_of(judged(74.5 - back / 2), started=NOW - back * STEP, run_id=f"r{back}")
        )
    for since, known in ((NOW - 8 * 86400, True), (NOW - 86400, False)):
        run = run_of(judged(74.5))
        own, theirs = (History(tmp_path / name, since) for name in ("own.sqlite", f"none-{known}.sqlite"))
        assert (own.foreseen(run) != {}) is known
        assert (theirs.foreseen(run, rising) != {}) is known
        assert (theirs.record(run, rising)["capacity-disk@root"].forecast is not None) is known


def test_a_course_of_what_was_not_read_is_passed_over() -> None:
    run = run_of(replace(judged(50), measure=None))
    assert usable(run, [course(50)]) == (run, {})
    assert usable(run_of(), [course(50)]) == (run_of(), {})
    assert usable(run_of(judged(50)), [course()]) == (run_of(judged(50)), {})


def test_our_own_points_take_the_place_of_those_of_a_course(tmp_path: Path) -> None:
    rising = {"capacity-disk@root": course(*(60 + 0.5 * n for n in range(COUNT))).points}  # to 74.5, 2 a day
    history = History(tmp_path / "history.sqlite")
    run = run_of(judged(74.5))
    assert history.foreseen(run) == {}
    assert round(history.foreseen(run, rising)["capacity-disk@root"].days) == 8
    for back in range(COUNT, 0, -1):  # ours say that it has not moved for a week
        history.record(run_of(judged(74.5), started=NOW - back * STEP, run_id=f"r{back}"))
    assert history.foreseen(run, rising) == {}
    assert history.record(run, rising)["capacity-disk@root"].forecast is None


def test_a_broken_history_costs_no_course(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").write_text("no database")
    rising = {"capacity-disk@root": course(*(60 + 0.5 * n for n in range(COUNT))).points}
    assert set(History(tmp_path / "history.sqlite").foreseen(run_of(judged(74.5)), rising)) == {"capacity-disk@root"}


def test_the_report_shows_what_prometheus_foretells_from_the_first_run_on(tmp_path: Path) -> None:
    rising = {"capacity-disk@root": course(*(60 + 0.5 * n for n in range(COUNT))).points}
    past = History(tmp_path / "history.sqlite").record(run_of(judged(74.5)), rising)
    found = past["capacity-disk@root"].forecast
    assert found is not None
    assert (found.limit, round(found.days)) == ("90 %", 8)


def suite_results(suite: Inside) -> list[dict[str, Any]]:
    """Return what results.json of the latest run says of each check."""
    found: list[dict[str, Any]] = json.loads((suite.reports / "here/latest/results.json").read_text())["checks"]
    return found
