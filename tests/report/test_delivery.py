"""Tests of what happens around a run, by whole runs of a small suite: history, outlets, exit codes, replay."""

import dataclasses
import json
import re
import time
from pathlib import Path

import pytest

from checks.engine.environment import InvalidFileError, load
from checks.engine.history import History
from checks.engine.model import Bound, Limits, Measure, State
from tests.engine.suites import Suite
from tests.report.made import NOW
from tests.report.made import result as made_result
from tests.report.made import run as made_run
from tests.report.test_outlets import SECRET, Listener, listener

__all__ = ["listener"]
CHECKS = """
@pytest.mark.guide("capacity.disk")
@pytest.mark.profiles("smoke", "nightly")
def test_disk_read(host_disk: HostDisk, judged: Judge) -> None:
    \"\"\"The mount can be read.\"\"\"
    if os.environ.get("MADE_BAD"):
        judged.critical("MARKED text of a finding")
    judged.ok("was read")
"""
GROWING = """
@pytest.mark.profiles("smoke")
def test_jobs(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    \"\"\"There are few jobs.\"\"\"
    judged(80, unit="jobs", subject="jobs", reading=host_cpu_times, above=(None, 90))
"""
REPORT = """
[report]
textfile = "{folder}/penhas.prom"
heartbeat = {{ smoke = {{ env = "PENHAS_CHECKS_HEARTBEAT" }} }}
notify = {{ env = "PENHAS_CHECKS_NOTIFY" }}
"""


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """A suite with one check of two mounts, which a variable turns bad."""
    made = Suite(tmp_path)
    made.check(CHECKS)
    return made


def test_a_run_knows_the_runs_before_it_and_retires_old_ones(suite: Suite) -> None:
    suite.environment("[report]\nkeep = 1")
    assert suite.run("--exit-codes=graded").code == 0
    assert suite.run("--exit-codes=graded", MADE_BAD="1").code == 1
    assert "new, was OK" in text_of(suite, "summary.html")
    suite.run(MADE_BAD="1")
    assert "since 20" in text_of(suite, "summary.html")
    suite.run()
    assert "Recovered since the run before" in text_of(suite, "summary.html")
    assert "MARKED" not in (suite.reports / "here/history.sqlite").read_bytes().decode("latin-1")
    kept = [path for path in (suite.reports / "here").iterdir() if path.is_dir() and not path.is_symlink()]
    assert len(kept) == 2  # the newest, and the last that was not OK


def test_a_broken_history_changes_no_exit_code(suite: Suite) -> None:
    (suite.reports / "here").mkdir(parents=True)
    (suite.reports / "here/history.sqlite").write_bytes(b"not a database" * 500)
    ran = suite.run()
    assert ran.code == 0
    assert "the history is broken" in ran.output


@pytest.mark.parametrize("more", [(), ("-n2",)])
def test_q_prints_the_verdict_and_what_is_not_ok(suite: Suite, more: tuple[str, ...]) -> None:
    ran = suite.run("-q", *more, MADE_BAD="1")
    lines = ran.output.splitlines()
    assert lines[:3] == ["CRITICAL disk-read@root", "    host root: MARKED text of a finding", "    → Add storage."]
    assert lines[8].startswith("CRITICAL: 2 critical in ")
    assert len(lines) == 11


def test_a_limit_about_to_be_met_is_a_warning_at_night(suite: Suite) -> None:
    suite.check(GROWING)
    history = History(suite.reports / "here/history.sqlite")
    for days in range(10, 0, -1):
        limits, measure = Limits("jobs", above=Bound(None, 90)), Measure(60 + 2 * (10 - days), "jobs", "made", NOW)
        night = made_run(made_result("jobs", "db1", State.OK, limits=limits, measure=measure))
        history.record(dataclasses.replace(night, run_id=str(days), started=time.time() - days * 86400))
    ran = suite.run("--exit-codes=graded")
    assert ran.code == 10
    assert "host db1: jobs 80 jobs, 90 jobs in about 5 days (5 to 5) as it grows now" in ran.messages().values()
    assert suite.run("--exit-codes=graded", "--profile=smoke").code == 0


def test_every_file_says_at_its_top_that_emergency_mode_is_on(suite: Suite) -> None:
    suite.environment(f'[report]\ntextfile = "{suite.folder}/penhas.prom"')
    suite.check(CHECKS.replace("test_disk_read", "test_emergency_mode"))
    suite.run(MADE_BAD="1")
    latest, said = suite.reports / "here/latest", "host root: MARKED text of a finding; host data: MARKED text"
    assert f"<p><b>EMERGENCY MODE IS ON:</b> {said}" in (latest / "report.html").read_text()
    assert f'<property name="emergency" value="{said}' in (latest / "junit.xml").read_text()
    metrics = (suite.folder / "penhas-all.prom").read_text()
    assert re.search(r"^penhas_checks_emergency_mode\{.*\} 1$", metrics, re.MULTILINE)


def test_a_run_that_selects_nothing_is_graded_unknown(suite: Suite) -> None:
    assert suite.run("--exit-codes=graded", "-k", "nothing").code == 11


def test_every_outlet_is_served_and_says_ids_and_states_only(suite: Suite, listener: Listener) -> None:
    pytest.importorskip("apprise", reason="apprise is an optional extra")
    suite.environment(REPORT.format(folder=suite.folder))
    url = f"http://{listener.host}/{SECRET}"
    variables = {
        "PENHAS_CHECKS_HEARTBEAT": url,
        "PENHAS_CHECKS_NOTIFY": f"json://{listener.host}/{SECRET}-notify",
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(suite.folder / "summary.md"),
    }
    ran = suite.run("--profile=smoke", cwd=None, **variables, MADE_BAD="1")
    assert ran.code == 1
    asked = [path for path, _ in listener.asked]
    assert sorted(asked) == [f"/{SECRET}-notify", f"/{SECRET}/fail", f"/{SECRET}/start"]
    body = next(json.loads(body) for path, body in listener.asked if path.endswith("notify"))
    assert "CRITICAL disk-read@root (new)" in body["message"]
    assert "MARKED" not in body["message"]
    assert re.search(r"^::error title=CRITICAL disk-read@data::CRITICAL disk-read@data$", ran.output, re.MULTILINE)
    assert "MARKED" not in (suite.folder / "summary.md").read_text()
    assert 'check="disk-read",service="host",target="root"} 2' in (suite.folder / "penhas-smoke.prom").read_text()
    listener.asked.clear()
    assert suite.run("--profile=smoke", cwd=None, **variables).code == 0
    assert f"/{SECRET}" in [path for path, _ in listener.asked]
    assert SECRET not in ran.output
    for file in suite.reports.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes()


def test_an_outlet_that_fails_is_said_and_fails_nothing(suite: Suite) -> None:
    suite.environment(REPORT.format(folder=suite.folder))
    ran = suite.run("--profile=smoke", PENHAS_CHECKS_HEARTBEAT="http://127.0.0.1:9/x")
    assert ran.code == 0
    assert "heartbeat could not be written: the heartbeat did not arrive" in ran.output
    assert "the variable PENHAS_CHECKS_NOTIFY is not set" in ran.output


def test_a_textfile_that_cannot_be_written_is_a_report_error(suite: Suite) -> None:
    suite.environment(f'[report]\ntextfile = "{suite.folder}/not/there.prom"')
    assert suite.run("--exit-codes=graded").code == 13


def test_the_notification_can_be_tried(suite: Suite, listener: Listener) -> None:
    pytest.importorskip("apprise", reason="apprise is an optional extra")
    suite.environment(REPORT.format(folder=suite.folder))
    ran = suite.run("--notify-test", PENHAS_CHECKS_NOTIFY=f"json://{listener.host}/{SECRET}")
    assert (ran.code, ran.output.strip()) == (0, "the test notification left")
    assert not (suite.reports / "here/latest").exists()
    assert suite.run("--notify-test").code == 1


def test_a_run_is_judged_again_with_nothing_contacted(suite: Suite) -> None:
    suite.run()
    stored = suite.reports / "here/latest/results.json"
    before = stored.read_bytes()
    suite.hang()
    ran = suite.run(f"--replay={stored}", MADE_BAD="1")
    assert ran.code == 1
    assert set(ran.states("here-replay").values()) == {"CRITICAL"}
    assert stored.read_bytes() == before
    assert (suite.reports / "here/latest").resolve() == stored.resolve().parent


def test_a_replay_of_nothing_is_refused_in_one_line(suite: Suite) -> None:
    (suite.folder / "bad.json").write_text("{}")
    ran = suite.run("--replay=bad.json")
    assert ran.code == 4
    assert "--replay bad.json: schema: this is not penhas-checks/results/1" in ran.output


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('textfile = "x.prom"', "report.textfile: must be the full path of a file that ends .prom"),
        ('textfile = "/x.txt"', "report.textfile: must be the full path of a file that ends .prom"),
        ('guide_url = "javascript:alert(1)"', "report.guide_url: must be a URL"),
        ('notify = "json://x"', "report.notify: a literal secret"),
        ('heartbeat = { night = { env = "PENHAS_CHECKS_X" } }', "report.heartbeat"),
        ("keep = 0", "report.keep"),
    ],
)
def test_a_wrong_table_is_refused_in_one_line(tmp_path: Path, table: str, says: str) -> None:
    file = tmp_path / "here.toml"
    file.write_text(f'name = "here"\n[report]\n{table}\n')
    with pytest.raises(InvalidFileError) as error:
        load(file)
    assert len(error.value.lines) == 1
    assert says in error.value.lines[0]


def text_of(suite: Suite, report: str) -> str:
    """Return a report of the latest run without its tags."""
    return re.sub("<[^>]*>", "", (suite.reports / "here/latest" / report).read_text(encoding="utf-8"))
