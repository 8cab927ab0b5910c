"""Tests of every way in which a run ends before its time: no green file, and each unfinished check UNKNOWN with why."""

import os
import signal
import subprocess
import time
from xml.etree import ElementTree as ET

import pytest

from tests.engine.inside import Inside
from tests.engine.suites import Ran

FILES = ["junit.xml", "report.html", "results.json", "summary.html"]
ONE_WORKER = ("-n1", "-p", "no:html")
BUSY = """
def test_made_first(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    '''The host is well.'''
    judged.ok("is well")

def test_made_busy(host_cpu_times: HostCpuTimes) -> None:
    '''The host answers in time.'''
    open("begun", "w").close()
    try:
        time.sleep(60)
    except Exception:
        pass

def test_made_last(host_cpu_times: HostCpuTimes) -> None:
    '''The host is still well.'''
"""


@pytest.fixture
def busy(suite: Inside) -> Inside:
    suite.check(BUSY)
    return suite


def assert_not_green(ran: Ran, why: str) -> None:
    """Every file says that the run is not complete, and why."""
    run = ran.latest()
    assert (run["complete"], run["verdict"]) == (False, "UNKNOWN")
    assert ran.states() == {"made-first@db1": "OK", "made-busy@db1": "UNKNOWN", "made-last@db1": "UNKNOWN"}
    assert [ran.messages()[f"made-{name}@db1"] for name in ("busy", "last")] == [f"not finished: {why}"] * 2
    folder = ran.reports / "here" / "latest"
    errors = ET.parse(folder / "junit.xml").findall(".//testcase/error")  # noqa: S314 (our own file)
    assert [why in str(error.get("message")) for error in errors] == [True, True]
    assert why.removeprefix("stopped by ") in (folder / "summary.html").read_text()
    assert "Reports: " in ran.output


def assert_complete_within(ran: Ran, since: float, seconds: float = 5) -> None:
    """Every report was complete so many seconds after the run was ended."""
    folder = ran.reports / "here" / "latest"
    written = {path.name: path.stat().st_mtime - since for path in folder.iterdir()}
    assert written.keys() >= {"junit.xml", "results.json", "summary.html"}
    assert max(written.values()) < seconds, written


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda by: by.name)
def test_a_signal_leaves_complete_files_at_once(busy: Inside, by: signal.Signals) -> None:
    ran = busy.stop("--full-trace", by=by, once="begun")
    assert_not_green(ran, f"stopped by {by.name}")
    assert ran.code == 2
    assert_complete_within(ran, ran.sent)
    assert "HostCpuTimes(" not in ran.output
    assert sorted(path.name for path in (ran.reports / "here" / "latest").iterdir()) == FILES


def test_a_signal_stops_workers_too(busy: Inside) -> None:
    ran = busy.stop(*ONE_WORKER, by=signal.SIGTERM, once="begun")
    assert_not_green(ran, "stopped by SIGTERM")
    assert_complete_within(ran, ran.sent)
    assert ran.code == 2


def test_a_second_signal_changes_nothing(busy: Inside) -> None:
    command = "sleep 0.1; kill -TERM {pid}; kill -INT {pid}; kill -HUP {pid}; kill -TERM {pid}"
    busy.check(
        BUSY.replace('open("begun", "w").close()', f"os.system('(' + {command!r}.format(pid=os.getpid()) + ') &')")
    )
    ran = busy.run()
    first = ran.latest()["stopped_by"]  # of several that wait, Python hands over the one with the lowest number
    assert first in {"SIGTERM", "SIGINT", "SIGHUP"}
    assert_not_green(ran, f"stopped by {first}")
    assert ran.code == 2
    # A thread of ours may get them all while the main thread sleeps on: it is told all the same.
    assert ran.latest()["finished"] - ran.latest()["started"] < 10


def test_a_signal_that_another_thread_takes_ends_the_run_too(busy: Inside) -> None:
    """The kernel hands it to a thread while the main thread sleeps, whose system call nothing interrupts."""
    taker = "lambda: (time.sleep(0.2), signal.pthread_kill(threading.get_ident(), signal.SIGTERM), time.sleep(1))"
    take = f"import signal, threading; threading.Thread(target={taker}, daemon=True).start()"
    busy.check(BUSY.replace('open("begun", "w").close()', take))
    ran = busy.run()
    assert_not_green(ran, "stopped by SIGTERM")
    assert ran.latest()["finished"] - ran.latest()["started"] < 10


def test_a_signal_of_others_is_left_to_them(busy: Inside) -> None:
    """A plugin's alarm is handled once by its own handler, and ends nothing."""
    alarm = (
        "import signal; rung = []; signal.signal(signal.SIGALRM, lambda *_: rung.append(1));"
        " signal.setitimer(signal.ITIMER_REAL, 0.1); [time.sleep(0.1) for _ in range(8)]; assert rung == [1]"
    )
    busy.check(BUSY.replace('open("begun", "w").close()', alarm).replace("time.sleep(60)", "pass"))
    ran = busy.run()
    assert ran.states()["made-busy@db1"] == "OK", ran.output


def test_a_signal_that_the_run_was_started_to_ignore_ends_nothing(busy: Inside) -> None:
    """Nohup does so, and a shell with what it puts into the background."""
    busy.check(BUSY.replace("time.sleep(60)", "import signal; os.kill(os.getpid(), signal.SIGHUP)"))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        ran = busy.inside()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (ran.code, ran.latest()["stopped_by"]) == (0, ""), ran.output


def test_a_killed_run_leaves_its_placeholder(busy: Inside) -> None:
    ran = busy.stop("--junitxml=junit.xml", by=signal.SIGKILL, once="begun")
    assert ran.code == -signal.SIGKILL
    run = ran.latest()
    assert (run["complete"], run["verdict"]) == (False, "UNKNOWN")
    assert set(ran.states().values()) == {"UNKNOWN"}
    assert "run in progress" in (busy.folder / "junit.xml").read_text()
    assert "run in progress" in (ran.reports / "here" / "latest" / "summary.html").read_text()


@pytest.mark.parametrize("option", ["--setup-only", "--setup-plan"])
def test_what_only_sets_up_is_no_success_and_no_crash(busy: Inside, option: str) -> None:
    ran = busy.inside(option)
    assert set(ran.states().values()) == {"UNKNOWN"}
    assert {message.split(": ", 1)[1] for message in ran.messages().values()} == {f"stopped by {option}"}


def test_the_deadline_ends_a_check_that_hangs(busy: Inside) -> None:
    ran = busy.run("--deadline=1")
    assert_not_green(ran, "stopped by the deadline")
    assert_complete_within(ran, ran.latest()["started"] + 1)
    assert ran.code == 1


def test_a_deadline_before_the_workers_have_begun_is_no_empty_success(busy: Inside) -> None:
    busy.check("time.sleep(4)\n", file="health/test_a_slow_file.py")
    ran = busy.run("--deadline=0.1", *ONE_WORKER)
    assert ran.latest()["verdict"] == "UNKNOWN"
    assert set(ran.states().values()) == {"UNKNOWN"}
    ended = ("not finished: stopped by the deadline", "the deadline of the run was reached")
    assert [message for message in ran.messages().values() if not any(why in message for why in ended)] == []
    assert ran.code == 1


def test_a_reading_that_hangs_is_unknown_and_no_other_check_waits_for_it(suite: Inside) -> None:
    suite.check(
        "def test_made_cpu(host_cpu_times):\n    '''Read.'''\n"
        "def test_made_disk(host_disk):\n    '''Read.'''\n    open('disk', 'w').close()\n"
    )
    suite.hang()
    ran = suite.run("--deadline=6")
    assert ran.states() == {"made-cpu@db1": "UNKNOWN", "made-disk@root": "OK", "made-disk@data": "OK"}
    assert "the deadline of the run was reached" in ran.messages()["made-cpu@db1"]
    assert ran.code == 1
    assert [check["target"] for check in ran.latest()["checks"]] == ["db1", "root", "data"]
    before = (suite.folder / "disk").stat().st_mtime - ran.latest()["started"]
    assert before < 5  # one second of patience for the late ones; the rest is this machine's


@pytest.mark.parametrize("workers", [False, True])
def test_x_reports_what_it_left_out(busy: Inside, workers: bool) -> None:
    busy.check(BUSY.replace("time.sleep(60)", "raise KeyError").replace("except Exception:", "except OSError:"))
    ran = busy.run("-x", *ONE_WORKER) if workers else busy.inside("-x")
    assert ran.states() == {"made-first@db1": "OK", "made-busy@db1": "UNKNOWN", "made-last@db1": "UNKNOWN"}
    assert "KeyError" in ran.messages()["made-busy@db1"]
    assert ran.messages()["made-last@db1"] == "not finished: stopped by -x"
    assert_complete_within(ran, (busy.folder / "begun").stat().st_mtime)
    assert (ran.code, ran.latest()["complete"]) == (1, False)


def test_a_worker_that_dies_costs_its_checks_only(busy: Inside) -> None:
    busy.check(BUSY.replace("time.sleep(60)", "os._exit(3)"))
    busy.check("def test_made_other(host_disk):\n    '''Read.'''\n", "capacity/test_other.py")
    ran = busy.run("-n2", "-p", "no:html")
    states = ran.states()
    assert states["made-first@db1"] == "OK"
    assert (states["made-busy@db1"], states["made-last@db1"]) == ("UNKNOWN", "UNKNOWN")
    assert "the process that ran this check died" in ran.messages()["made-busy@db1"]
    assert ran.messages()["made-last@db1"] == "not finished: stopped by a crash"
    assert_complete_within(ran, (busy.folder / "begun").stat().st_mtime)
    assert (ran.code, ran.latest()["complete"]) == (1, False)


def test_a_worker_that_dies_before_it_has_said_what_there_is_leaves_no_empty_success(busy: Inside) -> None:
    busy.check(f"import os\nif 'PYTEST_XDIST_WORKER' in os.environ:\n    os._exit(3)\n{BUSY}")
    ran = busy.run(*ONE_WORKER)
    run = ran.latest()
    assert (run["complete"], run["verdict"], run["stopped_by"]) == (False, "UNKNOWN", "a crash")
    assert ran.messages() == {"run-finished@here": "here: not finished: stopped by a crash"}
    junit = ET.parse(ran.reports / "here/latest/junit.xml")  # noqa: S314 (our own file)
    assert junit.getroot().get("errors") == "1"
    assert ran.code == 1


BROKEN_HOOK = """
def pytest_runtest_logfinish(nodeid):
    secret = "maria@example.org"
    if "last" in nodeid:
        raise KeyError(secret)
"""


@pytest.mark.parametrize("workers", [False, True])
def test_an_internal_error_is_one_line_and_never_green(busy: Inside, workers: bool) -> None:
    busy.check(BUSY.replace("time.sleep(60)", "pass"))
    conftest = busy.folder / "conftest.py"
    conftest.write_text(conftest.read_text() + BROKEN_HOOK)
    ran = busy.run("--showlocals", *ONE_WORKER) if workers else busy.inside("--showlocals")
    assert (ran.code, ran.latest()["verdict"]) == (1, "UNKNOWN")
    assert "internal error: " in ran.output
    assert "maria" not in ran.output
    assert "Traceback" not in ran.output
    assert ran.latest()["stopped_by"] == "an internal error"


@pytest.mark.parametrize("workers", [False, True])
def test_a_collection_that_is_refused_leaves_no_green_behind(busy: Inside, workers: bool) -> None:
    busy.check(BUSY, "capacity/test_same.py")
    ran = busy.run(*ONE_WORKER) if workers else busy.inside()
    assert ran.code != 0
    assert ran.latest()["verdict"] == "UNKNOWN"
    assert "two checks are called made-first" in ran.output or workers


def test_a_held_lock_names_its_holder_and_leaves_its_run_alone(busy: Inside) -> None:
    holder = subprocess.Popen(
        busy.command(), cwd=busy.folder, env=busy.variables(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not (busy.folder / "begun").exists():
            assert holder.poll() is None
            time.sleep(0.02)
        ran = busy.inside()
        assert ran.code == 75
        assert f"another run of here holds the lock: pid {holder.pid}, run " in ran.output
        assert len([path for path in (busy.reports / "here").iterdir() if path.is_dir() and not path.is_symlink()]) == 1
        assert busy.inside("--profile=triage", "-k", "nothing").code == 5
    finally:
        holder.kill()
        holder.wait()


def test_a_closed_terminal_costs_no_report(suite: Inside) -> None:
    suite.check("def test_made_ok(host_cpu_times):\n    '''Well.'''\n")
    for reader in ("true", "head -3"):
        command = f"{' '.join(suite.command())} | {reader}; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=suite.folder,
            env=suite.variables(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert Ran(done.returncode, "", suite.reports).states() == {"made-ok@db1": "OK"}, done.stderr
        assert "Traceback" not in done.stderr


def test_a_report_that_cannot_be_written_costs_no_other(suite: Inside) -> None:
    suite.check(
        "def test_made_ok(host_cpu_times):\n    '''Well.'''\n"
        "    os.unlink('sub/junit.xml')\n    os.mkdir('sub/junit.xml')\n"
    )
    ran = suite.inside("--junitxml=sub/junit.xml")
    assert "OK: 1 OK" in ran.output
    assert f"report error: --junitxml {suite.folder}/sub/junit.xml could not be written" in ran.output
    assert (ran.code, ran.states()) == (3, {"made-ok@db1": "OK"})
    assert os.access(ran.reports / "here" / "latest" / "junit.xml", os.R_OK)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL], ids=lambda by: by.name)
def test_a_signal_while_it_collects_leaves_no_green_behind(suite: Inside, by: signal.Signals) -> None:
    suite.check(f"open('begun', 'w').close()\ntime.sleep(60)\n{BUSY}")
    ran = suite.stop(by=by, once="begun")
    run = ran.latest()
    assert (run["complete"], run["verdict"]) == (False, "UNKNOWN")
    killed = by is signal.SIGKILL
    why = "run in progress: it has not finished, or it was killed" if killed else "not finished: stopped by SIGTERM"
    assert ran.messages() == {"run-finished@here": f"here: {why}"}
    assert ran.code == (-signal.SIGKILL if killed else 2)
    assert_complete_within(ran, ran.sent)


def test_a_page_that_cannot_be_written_where_it_was_asked_for_is_an_error_of_its_own(suite: Inside) -> None:
    suite.check("def test_made_ok(host_cpu_times):\n    '''Well.'''\n")
    (suite.folder / "file").write_text("")
    ran = suite.inside("--html=file/x.html")
    assert f"report error: --html {suite.folder}/file/x.html could not be written: " in ran.output
    assert (ran.code, ran.states()) == (3, {"made-ok@db1": "OK"})
    assert (ran.reports / "here/latest/report.html").is_file()
    assert [path.name for path in (ran.reports / "here").glob(".*.part")] == []
    assert suite.inside("--html=new/x.html").code == 0
    assert (suite.folder / "new/x.html").is_file()
