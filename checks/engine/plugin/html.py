"""pytest-html's report with our columns, written beside the others: every cell escaped, no table of the machine."""

import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from checks.engine.model import Result, State
from checks.engine.plugin.beginning import PROGRESS
from checks.engine.plugin.recorder import RECORDER
from checks.engine.plugin.run import exit_status
from checks.engine.plugin.suite import SUITE, is_worker, suite_of
from checks.engine.report.folder import write_atomic
from checks.engine.report.html_rows import detail_lines, emergency_line, header_cells, row_cells, style
from checks.engine.report.text import escape

_RESULT = TypeAdapter(Result)
WRITTEN = pytest.StashKey[tuple[Path, Path | None]]()
NAME = "report.html"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-html write to a temporary path: it writes in place, and a reader may look at any moment."""
    option = config.option
    idle = option.collectonly or getattr(option, "list_checks", False) or getattr(option, "check_config", False)
    if SUITE not in config.stash or is_worker(config) or idle or not config.pluginmanager.has_plugin("html"):
        return
    suite = suite_of(config)
    given = None if option.htmlpath is None else Path(option.htmlpath).absolute()
    part = suite.home / f".{suite.run_id}.{NAME}.part"
    config.stash[WRITTEN] = (part, given)
    try:
        suite.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        why = f"--reports-dir {suite.reports_dir}: cannot be written ({error.strerror}); nothing was contacted"
        raise pytest.UsageError(why) from None
    option.htmlpath = str(part)
    option.self_contained_html = True


@pytest.hookimpl(optionalhook=True)
def pytest_metadata(metadata: dict[str, object]) -> None:
    """Show no table of the machine: it would hold repository URLs with credentials."""
    metadata.clear()


@pytest.hookimpl(optionalhook=True)
def pytest_html_report_title(report: object) -> None:
    """Say what the page is."""
    report.title = "penhas-checks: every check"  # type: ignore[attr-defined]


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_summary(prefix: list[str], session: pytest.Session) -> None:
    """Make the table readable, and say at the top that emergency mode is on."""
    prefix.append(style())
    recorder = session.config.stash.get(RECORDER, None)
    if recorder is not None:
        prefix.append(emergency_line(recorder.results("")))


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_header(cells: list[str]) -> None:
    """Put our five columns behind pytest-html's first, which its script sorts and filters by."""
    cells[1:] = header_cells()


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_row(report: pytest.TestReport, cells: list[str]) -> None:
    """Put our five cells behind pytest-html's first; a file that could not be read has a name and nothing more."""
    result = _result(report)
    unread = [f"<td>{escape(text)}</td>" for text in (State.UNKNOWN.value, report.nodeid, "", "", "")]
    cells[1:] = unread if result is None else row_cells(result)


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_html(report: pytest.TestReport, data: list[str]) -> None:
    """Show title, root cause and evidence in the place of a log."""
    result = _result(report)
    data[:] = [] if result is None else detail_lines(result)


def _result(report: object) -> Result | None:
    check = getattr(report, "check", None)
    return None if check is None else _RESULT.validate_python({**check, "state": State(check["state"])})


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Move the finished page to where it belongs, readable by its owner only."""
    config = session.config
    try:
        return (yield)
    finally:
        paths = config.stash.get(WRITTEN, None)
        why = "" if paths is None else _publish(config, *paths)
        run = config.stash[PROGRESS].run if paths is not None else None
        if why != "":
            print(f"report error: {why}", file=sys.stderr)
        if why != "" and run is not None:
            session.exitstatus = exit_status(config, run, grave=True)


def _publish(config: pytest.Config, part: Path, given: Path | None) -> str:
    """Put the page into the run's folder, and where --html asks for it; return what went wrong, and of what."""
    folder = config.stash[PROGRESS].folder
    what = NAME
    try:
        if folder is None or not part.exists():
            part.unlink(missing_ok=True)
            return ""
        part.chmod(0o600)
        os.replace(part, folder.path / NAME)  # noqa: PTH105 (one step, as the others)
        if given is not None:
            what = f"--html {given}"
            given.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(given, (folder.path / NAME).read_bytes())
    except OSError as error:
        return f"{what} could not be written: {error.strerror}"
    return ""
