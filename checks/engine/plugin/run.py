"""The run: begins with a lock and placeholders, then the readings; ends with every report, whatever ends it."""

import logging
import os
import sys
import time
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

from checks.engine import samples as store
from checks.engine.lines import Need
from checks.engine.model import Reading, Run, Target
from checks.engine.plugin import beginning, delivery
from checks.engine.plugin.beginning import PROGRESS, Progress, Record
from checks.engine.plugin.listing import show_checks
from checks.engine.plugin.recorder import RECORDER
from checks.engine.plugin.rows import needs_of
from checks.engine.plugin.suite import SUITE, Suite, is_distributed, is_worker, suite_of
from checks.engine.readings import DERIVED, READINGS
from checks.engine.replay import record
from checks.engine.report import exit_codes
from checks.engine.report.write import ReportError, write_all

READY = 1.0  # seconds that the first check waits for slow targets: what is ready then is shown before them


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Take over --junitxml: pytest's own writer hard-codes what a skip is and wraps messages."""
    progress = config.stash[PROGRESS] = Progress()
    path = getattr(config.option, "xmlpath", None)
    if path is not None and not is_worker(config):
        progress.junit = Path(path).absolute()
    if hasattr(config.option, "xmlpath"):
        config.option.xmlpath = None


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave the process as it was: signals, log, lock."""
    logging.disable(logging.NOTSET)
    progress = config.stash.get(PROGRESS, None)
    if progress is not None:
        progress.stopping.disarm()
        if progress.lock is not None:
            os.close(progress.lock)
            progress.lock = None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker what only the controller decides."""
    suite = suite_of(node.config)
    until = time.time() + suite.until - time.monotonic()
    node.workerinput["penhas"] = {"run_id": suite.run_id, "started": suite.started, "until": until}


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin before anything is collected: from here on a killed run leaves UNKNOWN, not yesterday's green."""
    config = session.config
    if SUITE in config.stash and not is_worker(config) and not beginning.idle(config.option):
        beginning.begin(config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> object:
    """Name every check in the placeholders, and begin to read: nothing was contacted before this."""
    config = session.config
    if SUITE not in config.stash or config.option.collectonly:
        return None
    suite, progress = suite_of(config), config.stash[PROGRESS]
    if config.option.list_checks:
        show_checks(session, config.option.list_format)
        return True
    logging.disable(logging.CRITICAL)  # what drivers log quotes URLs and rows, and --log-cli-level would show it
    # No traceback of a check is shown, so none is drawn: 150 checks on a dead service would cost seconds.
    config.option.tbstyle, config.option.showlocals, config.option.fulltrace = "value", False, False
    if is_worker(config):
        return None
    if progress.folder is not None:
        beginning.placeholders(config, progress.folder)
    delivery.begin(suite)
    if not is_distributed(config):
        _begin_reading(suite, session)
    return None


def _begin_reading(suite: Suite, session: pytest.Session) -> None:
    """Start every reading, and let the checks of a target that hangs come last; the reports keep the guide's order."""
    due = _due(suite, session.items)
    reader = suite.begin_reading()
    reader.start(due)
    late = set(due) - reader.ready(due, READY)
    session.items.sort(key=lambda item: not late.isdisjoint(needs_of([item])))


def _due(suite: Suite, items: list[pytest.Item]) -> list[Need]:
    return [need for need in needs_of(items) if suite.restore or not READINGS[need[0]].restore]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """In a worker, start what the files of this check and of the next one need."""
    if SUITE in item.config.stash and is_worker(item.config):
        suite = suite_of(item.config)
        files = {i.path for i in (item, nextitem) if i is not None and i.path not in suite.begun}
        if files:
            suite.begun |= files
            suite.begin_reading().start(_due(suite, [i for i in item.session.items if i.path in files]))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
    """End: every report is written before anything is awaited, and the exit code says what the results say."""
    config = session.config
    if SUITE in config.stash and is_worker(config):
        _send(config, suite_of(config))
    elif SUITE in config.stash and exitstatus == pytest.ExitCode.USAGE_ERROR:
        beginning.refused(config)
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
        "readings": [record(*item) for item in suite.outcomes()],
        "samples": _samples(stored),
        "collected": suite.collected,
    }


def _samples(stored: list[tuple[str, Target, Reading]]) -> list[tuple[str, str, float, str]]:
    bases = {rule.base for rule in DERIVED.values()}
    return [(n, str(t), r.sampled_at, store.to_json(r)) for n, t, r in stored if n in bases or READINGS[n].kept]


def _once(records: Iterable[Record]) -> list[Record]:
    """One record a reading and target: two workers may have read the same."""
    kept = {(str(record["reading"]), str(record["target"])): record for record in records}
    return [record for _, record in sorted(kept.items(), key=lambda item: item[0])]


def exit_status(config: pytest.Config, run: Run, grave: bool) -> int:
    """Return the exit code of a finished run; `grave` says that a report could not be written."""
    fail_on = {config.option.fail_on} - {""}
    return exit_codes.exit_code(run, config.option.exit_codes, fail_on, suite_of(config).baseline, grave)


def _finish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    suite, progress, recorder = suite_of(config), config.stash[PROGRESS], config.stash[RECORDER]
    progress.stopping.close()
    stopped_by = progress.stopping.explain(config, exitstatus, recorder.complete())
    stored = suite.stored()
    readings = _once([*recorder.readings, *(record(*item) for item in suite.outcomes())])
    run, kept = delivery.courses(suite, recorder.run(suite, stopped_by, time.time()), readings)
    run = progress.run = delivery.foreseen(suite, run, kept)
    folder = progress.folder
    if folder is None:
        return
    extras, errors = delivery.extras(suite, run, kept)
    progress.errors += write_all(run, folder, beginning.write_options(config, readings, extras))
    progress.errors += [*errors, *delivery.finish(suite, run)]
    grave = any(error.grave for error in progress.errors if isinstance(error, ReportError))
    session.exitstatus = exit_status(config, run, grave)
    suite.samples.add([*_samples(stored), *recorder.samples], suite.profile.name)
    if suite.samples.problem != "":
        progress.errors.append(suite.samples.problem)
    try:
        folder.retain(suite.environment.report.keep)
    except OSError as error:
        progress.errors.append(str(error.strerror or error))
    try:
        config.hook.pytest_penhas_finished(config=config)
    except OSError:
        return  # nobody listens on the terminal any more; the files are there
