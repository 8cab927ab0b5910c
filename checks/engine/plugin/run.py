"""The run: begins with a lock, placeholders and the readings; ends with every report, whatever ends it."""

import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from checks.engine import samples as store
from checks.engine.model import Run
from checks.engine.plugin.listing import show_checks
from checks.engine.plugin.recorder import RECORDER
from checks.engine.plugin.rows import needs_of
from checks.engine.plugin.suite import SUITE, Suite, is_distributed, is_worker, suite_of
from checks.engine.readings import DERIVED, READINGS
from checks.engine.report import exit_codes, results_json
from checks.engine.report.folder import RunFolder
from checks.engine.report.write import ReportError, WriteOptions, write_all, write_placeholders

KEPT_RUNS = 60


class Progress:
    """What is open while a run goes on: its folder, its lock, and what stopped it."""

    def __init__(self) -> None:
        self.folder: RunFolder | None = None
        self.stopped_by = ""
        self.errors: list[ReportError] = []
        self.run: Run | None = None
        self.junit: Path | None = None
        self.baseline: Run | None = None
        self.lock: int | None = None
        self.timer: threading.Timer | None = None


PROGRESS = pytest.StashKey[Progress]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Take over --junitxml: pytest's own writer hard-codes what a skip is and wraps messages."""
    progress = config.stash[PROGRESS] = Progress()
    path = getattr(config.option, "xmlpath", None)
    if path is not None and not is_worker(config):
        progress.junit = Path(path).absolute()
    if hasattr(config.option, "xmlpath"):
        config.option.xmlpath = None
    baseline = getattr(config.option, "baseline", None)
    if baseline is not None and not is_worker(config):
        try:
            progress.baseline = results_json.load(Path(baseline).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise pytest.UsageError(f"--baseline {baseline}: {why}") from None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker what only the controller decides."""
    suite = suite_of(node.config)
    until = time.time() + suite.until - time.monotonic()
    node.workerinput["penhas"] = {"run_id": suite.run_id, "started": suite.started, "until": until}


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> object:
    """Begin: nothing was contacted before this, and from here on a killed run leaves UNKNOWN, not yesterday's green."""
    config = session.config
    if SUITE not in config.stash or config.option.collectonly:
        return None
    suite = suite_of(config)
    if config.option.list_checks:
        show_checks(session, config.option.list_format)
        return True
    if is_worker(config):
        return None
    _take_lock(config, suite)
    _catch_signals(config)
    _begin_folder(config, suite)
    _arm_deadline(config, suite)
    if not is_distributed(config):
        suite.begin_reading().start(_due(suite, session.items))
    return None


def _due(suite: Suite, items: list[pytest.Item]) -> list[Any]:
    return [need for need in needs_of(items) if suite.restore or not READINGS[need[0]].restore]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """In a worker, start what the files of this check and of the next one need."""
    if SUITE in item.config.stash and is_worker(item.config):
        suite = suite_of(item.config)
        files = {item.path} if nextitem is None else {item.path, nextitem.path}
        mine = [i for i in item.session.items if i.path in files]
        suite.begin_reading().start(_due(suite, mine))


def _take_lock(config: pytest.Config, suite: Suite) -> None:
    if not suite.profile.lock:
        return
    suite.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = suite.home / f".lock-{suite.profile.name or 'all'}"
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 200).decode(errors="replace").strip()
        os.close(descriptor)
        text = f"another run of {suite.environment.name} holds the lock: {holder or 'unknown'}"
        raise pytest.exit.Exception(text, returncode=exit_codes.LOCKED) from None
    os.ftruncate(descriptor, 0)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(suite.started))
    os.write(descriptor, f"pid {os.getpid()}, run {suite.run_id}, since {stamp}".encode())
    config.stash[PROGRESS].lock = descriptor


def _begin_folder(config: pytest.Config, suite: Suite) -> None:
    progress, recorder = config.stash[PROGRESS], config.stash[RECORDER]
    try:
        profile = suite.profile.name
        folder = RunFolder.create(suite.reports_dir, suite.environment.name, suite.started, suite.run_id, profile)
        progress.folder = folder
        errors = write_placeholders(recorder.run(suite, "", suite.started), folder, _options(config, []))
    except OSError as error:
        raise pytest.UsageError(
            f"--reports-dir {suite.reports_dir}: cannot be written ({error.strerror}); nothing was contacted"
        ) from None
    if errors:
        raise pytest.UsageError(f"{errors[0]}; nothing was contacted")


def _options(config: pytest.Config, readings: list[Any]) -> WriteOptions:
    fail_on = config.option.fail_on
    return WriteOptions(junit=config.stash[PROGRESS].junit, fail_on=frozenset({fail_on} - {""}), readings=readings)


def _catch_signals(config: pytest.Config) -> None:
    """Let the first signal end the run as Ctrl-C would; schedulers send several, the others are ignored."""
    progress = config.stash[PROGRESS]

    def stop(number: int, _frame: FrameType | None) -> None:
        if progress.stopped_by == "":
            progress.stopped_by = signal.Signals(number).name
            raise KeyboardInterrupt(progress.stopped_by)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stop)


def _arm_deadline(config: pytest.Config, suite: Suite) -> None:
    """End the run at its deadline even when a check itself hangs: a little later than the readings give up."""
    progress = config.stash[PROGRESS]

    def end() -> None:
        if progress.stopped_by == "" and progress.run is None:
            progress.stopped_by = "the deadline"
            os.kill(os.getpid(), signal.SIGUSR2)

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGUSR2, interrupted)
    progress.timer = threading.Timer(max(0.0, suite.until - time.monotonic()) + 1.0, end)
    progress.timer.daemon = True
    progress.timer.start()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
    """End: every report is written before anything is awaited, and the exit code says what the results say."""
    config = session.config
    if SUITE in config.stash and is_worker(config):
        _send(config, suite_of(config))
    elif SUITE in config.stash and config.stash[PROGRESS].folder is not None:
        _finish(session, int(exitstatus))
    try:
        return (yield)
    except OSError as error:
        print(f"report error: {error.strerror}", file=sys.stderr)
        return None


def _send(config: pytest.Config, suite: Suite) -> None:
    stored = suite.stored()
    config.workeroutput["penhas"] = {  # type: ignore[attr-defined]
        "readings": [_record(name, target, reading) for name, target, reading in stored],
        "samples": _samples(stored),
    }


def _record(name: str, target: Any, reading: Any) -> dict[str, object]:
    return {"reading": name, "target": str(target), "value": store.plain(name, reading)}


def _samples(stored: list[Any]) -> list[tuple[str, str, float, str]]:
    bases = {rule.base for rule in DERIVED.values()}
    return [(n, str(t), r.sampled_at, store.to_json(n, r)) for n, t, r in stored if n in bases]


def _finish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    suite, progress, recorder = suite_of(config), config.stash[PROGRESS], config.stash[RECORDER]
    if progress.timer is not None:
        progress.timer.cancel()
    if progress.stopped_by == "" and exitstatus == pytest.ExitCode.INTERRUPTED:
        progress.stopped_by = "SIGINT"
    elif progress.stopped_by == "" and not recorder.complete():
        progress.stopped_by = "-x" if config.option.maxfail else "a crash"
    stored = suite.stored()
    readings = [*(_record(*item) for item in stored), *recorder.readings]
    readings.sort(key=lambda record: (str(record["reading"]), str(record["target"])))
    progress.run = recorder.run(suite, progress.stopped_by, time.time())
    folder = progress.folder
    if folder is None:
        return
    progress.errors = write_all(progress.run, folder, _options(config, readings))
    suite.samples.add([*_samples(stored), *recorder.samples])
    try:
        folder.retain(KEPT_RUNS)
    except OSError as error:
        print(f"report error: {error}", file=sys.stderr)
    session.exitstatus = exit_codes.exit_code(
        progress.run,
        "pytest",
        {config.option.fail_on} - {""},
        progress.baseline,
        bool(progress.errors),
    )
    config.hook.pytest_penhas_finished(config=config)
