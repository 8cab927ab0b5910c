"""From what an item did to its one result: a judgement is what it says, anything else is UNKNOWN, in one line."""

import dataclasses
import os
import time
import warnings
from collections.abc import Generator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Literal

import pytest

from checks.engine.model import Judgement, Result, State
from checks.engine.plugin.judged import JUDGEMENT
from checks.engine.plugin.rows import chapter_of, check_id, profiles_of
from checks.engine.plugin.signals import Judged
from checks.engine.plugin.suite import CASE, SUITE, Suite, suite_of

_PYTEST = Path(pytest.__file__).parents[1] / "_pytest"
_ACTED = (State.WARNING, State.CRITICAL)
LETTERS = {
    State.OK: ".",
    State.WARNING: "W",
    State.CRITICAL: "C",
    State.UNKNOWN: "U",
    State.NOT_JUDGED: "-",
    State.NOT_COVERED: "s",
    State.WAIVED: "w",
}
COLOURS = {
    State.OK: "green",
    State.WARNING: "yellow",
    State.CRITICAL: "red",
    State.UNKNOWN: "purple",
    State.NOT_JUDGED: "cyan",
    State.NOT_COVERED: "cyan",
    State.WAIVED: "yellow",
}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Let nothing that a check prints reach the terminal, also with --capture=no; a debugger needs it."""
    if pyfuncitem.config.option.usepdb or pyfuncitem.config.option.trace:
        return (yield)
    with (
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("error", pytest.PytestReturnNotNoneWarning)  # whatever -W says
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the result to the phase that decides it, and leave nothing of a traceback or of captured output."""
    report = yield
    report.sections = []
    if SUITE not in item.config.stash or (call.excinfo is None and call.when != "call"):
        return report
    report.__dict__.pop("wasxfail", None)  # an xfail mark accepts nothing here: that is what waivers are for
    judgement, root = _judgement(item, call)
    result = result_of(item, judgement, root, call.duration)
    report.check = to_json(result)  # type: ignore[attr-defined]
    report.outcome = _outcome(result.state)
    where = (str(item.path), result.line, f"{result.state.value}: {result.message}")
    report.longrepr = where if report.outcome == "skipped" else (None if result.state is State.OK else where[2])
    return report


def _outcome(state: State) -> Literal["passed", "failed", "skipped"]:
    if state is State.OK:
        return "passed"
    return "failed" if state in {State.CRITICAL, State.UNKNOWN} else "skipped"


def _judgement(item: pytest.Item, call: pytest.CallInfo[None]) -> tuple[Judgement, str | None]:
    case = item.stash.get(CASE, None)
    title = title_of(item)
    if call.excinfo is None:
        if case is None:
            return Judgement(State.UNKNOWN, "the check reads nothing: give it a reading as an argument"), None
        said = item.stash.get(JUDGEMENT, None)
        return said if said is not None else Judgement(State.OK, f"{case.target}: {title}"), None
    error = call.excinfo.value
    if isinstance(error, Judged):
        return error.judgement, error.root
    subject = "the check" if case is None else str(case.target)
    if call.when == "call" and _asserted(item, call.excinfo):
        lines = str(error).splitlines()
        text = lines[0] if lines and not lines[0].startswith("assert ") else f"not so: {title}"
        return Judgement(State.CRITICAL, text if text.startswith(subject) else f"{subject}: {text}"), None
    last = call.excinfo.traceback[-1] if len(call.excinfo.traceback) else None
    where = "" if last is None else f" at {Path(str(last.path)).name}:{last.lineno + 1}"
    return Judgement(State.UNKNOWN, f"{subject}: the check is broken: {type(error).__name__}{where}. Report it."), None


def _asserted(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
    """Whether the check itself says that something is wrong: its own assert or pytest.fail, not one of a library."""
    if type(excinfo.value) not in {AssertionError, pytest.fail.Exception}:
        return False
    own = [entry for entry in excinfo.traceback if Path(str(entry.path)).parent != _PYTEST]
    return bool(own) and Path(str(own[-1].path)).is_relative_to(item.path.parent)


def title_of(item: pytest.Item) -> str:
    """Return what is true when a check passes: its row's title, or the first line of its docstring."""
    case = item.stash.get(CASE, None)
    if case is not None and case.row is not None:
        return case.row.title
    doc = getattr(getattr(item, "function", None), "__doc__", None)
    return item.name if doc is None else str(doc).strip().splitlines()[0]


def result_of(item: pytest.Item, judgement: Judgement, root: str | None, seconds: float) -> Result:
    """Return an item's result, a valid waiver applied."""
    suite = suite_of(item.config)
    case = item.stash.get(CASE, None)
    marker = item.get_closest_marker("guide")
    row = None if case is None else case.row
    guide = row.guide if row is not None else (() if marker is None else tuple(marker.args))
    check = check_id(item.name.split("[")[0]) if case is None else case.id
    result = Result(
        id=check,
        target="none" if case is None else case.target.name,
        title=_title(suite, guide, title_of(item)),
        service="suite" if case is None else case.target.service,
        chapter=chapter_of(item.path),
        guide=guide,
        profiles=profiles_of(item),
        state=judgement.state,
        message=judgement.message,
        action=suite.catalog.action(check, guide, suite.language) if judgement.state in _ACTED else "",
        measure=judgement.measure,
        limits=judgement.limits if judgement.limits is not None else (None if row is None else row.limits),
        evidence=judgement.evidence,
        root=root,
        seconds=round(seconds, 4),
        file=item.path.relative_to(item.config.rootpath).as_posix()
        if item.path.is_relative_to(item.config.rootpath)
        else item.path.name,
        line=(item.reportinfo()[1] or 0) + 1,
        nodeid=item.nodeid,
    )
    return waived(suite, result)


def _title(suite: Suite, guide: tuple[str, ...], own: str) -> str:
    """A check's own title is English and says more; other languages have the guide item's."""
    return own if suite.language == "en" else suite.catalog.guide.title(guide, suite.language) or own


def waived(suite: Suite, result: Result) -> Result:
    """Return the result as WAIVED, still saying what it found, where a valid waiver accepts it."""
    if result.state not in {State.WARNING, State.CRITICAL, State.UNKNOWN}:
        return result
    waiver = suite.catalog.waiver(result.id, result.target, time.time())
    if waiver is None:
        return result
    message = f"{result.state.value}, waived: {result.message}"
    return dataclasses.replace(result, state=State.WAIVED, waiver=waiver, message=message)


def pytest_report_teststatus(report: pytest.TestReport | pytest.CollectReport) -> tuple[str, str, object] | None:
    """Give every state a category, a letter and a word of its own."""
    check = getattr(report, "check", None)
    if check is None:
        return ("", "", "") if getattr(report, "when", "") in {"setup", "teardown"} and report.passed else None
    state = State(check["state"])
    return state.value, LETTERS[state], (state.value, {COLOURS[state]: True})


def to_json(result: Result) -> dict[str, object]:
    """Return a result as plain JSON types: it crosses from an xdist worker to the controller."""
    plain = dataclasses.asdict(result)
    plain["state"] = result.state.value
    return plain
