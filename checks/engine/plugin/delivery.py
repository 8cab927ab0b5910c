"""What a run is given from earlier runs, and where it goes when it is over; called by the run, in the controller."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks.engine.environment import InvalidFileError
from checks.engine.environment.secrets import Secret
from checks.engine.foresight import Points, usable, warned
from checks.engine.history import History
from checks.engine.model import ProbeError, Result, Run
from checks.engine.plugin.outcome import waived
from checks.engine.plugin.suite import SUITE, Suite
from checks.engine.readings.prometheus_history import PrometheusCourses
from checks.engine.report import github, heartbeat, notify, results_json
from checks.engine.report.findings import overall
from checks.engine.report.outlets import Outlets, deliver
from checks.engine.report.summary import Extras
from checks.engine.report.write import ReportError
from checks.engine.samples import from_json


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options of what happens after a run."""
    add = parser.getgroup("penhas-checks").addoption
    add(
        "--exit-codes",
        metavar="pytest|graded",
        default="pytest",
        help="graded: 0 OK, 10 WARNING, 11 UNKNOWN, 1 CRITICAL, 12 incomplete, 13 report error (default: pytest's own)",
    )
    add("--notify-test", action="store_true", help="send a test notification, contact nothing else, exit 0 or 1")
    add("--replay", metavar="FILE", help="judge again what this results.json holds; contact nothing")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer --notify-test."""
    if not config.option.notify_test:
        return None
    config._do_configure()
    try:
        why = test_notification(config.stash[SUITE])
        print("the test notification left" if why == "" else f"no test notification left: {why}")
        return pytest.ExitCode.OK if why == "" else pytest.ExitCode.TESTS_FAILED
    finally:
        config._ensure_unconfigure()


def replayed(path: str | None) -> list[dict[str, Any]] | None:
    """Return the records of the run that --replay names, None without it; raise InvalidFileError."""
    if path is None:
        return None
    try:
        return results_json.load_readings(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidFileError([f"--replay {path}: {why}"]) from None


def begin(suite: Suite) -> None:
    """Ping the heartbeat of this profile that a run begins; an unset variable is said at the end."""
    report = suite.environment.report
    url, _ = _secret(report.heartbeat_of(suite.profile.name))
    if url != "" and not suite.environment.lab:
        heartbeat.started(url, suite.run_id)


def courses(suite: Suite, run: Run, readings: Iterable[Mapping[str, Any]]) -> tuple[Run, dict[str, Points]]:
    """Return what others kept of the figures of a run, by their key, and the run with a WARNING where that is wrong."""
    kept = [table["value"] for table in readings if table["reading"] == "prometheus_courses" and "value" in table]
    read = [from_json("prometheus_courses", json.dumps(value)) for value in kept]
    listed = [course for one in read if isinstance(one, PrometheusCourses) for course in one.courses]
    judged, found = usable(run, listed)
    return _acted(suite, run, judged), found


def foreseen(suite: Suite, run: Run, kept: Mapping[str, Points]) -> Run:
    """Return the run with a WARNING where a limit is about to be met; at night, when somebody can plan for it."""
    days = suite.environment.report.forecast_days
    if suite.profile.name not in {"", "nightly"} or suite.replay is not None or days == 0:
        return run
    found = History(suite.home / "history.sqlite", suite.since).foreseen(run, kept)
    accepted = {r.key for r in run.results if suite.catalog.waiver(r.id, r.target, run.started) is not None}
    return _acted(suite, run, warned(run, {key: when for key, when in found.items() if key not in accepted}, days))


def _acted(suite: Suite, before: Run, after: Run) -> Run:
    """Return a run in which what was no finding before says what to do about it, or is waived."""

    def acted(new: Result) -> Result:
        return waived(suite, replace(new, action=suite.catalog.action(new.id, new.guide, suite.language)))

    pairs = zip(before.results, after.results, strict=True)
    results = tuple(new if new.state is old.state else acted(new) for old, new in pairs)
    return replace(after, results=results, verdict=overall(results, complete=after.complete))


def extras(suite: Suite, run: Run, kept: Mapping[str, Points]) -> tuple[Extras, list[ReportError]]:
    """Record a finished run in the history and return what the reports show of the past."""
    history = History(suite.home / "history.sqlite", suite.since)
    past = history.record(run, kept)
    errors = [ReportError("history", history.problem, grave=False)] if history.problem != "" else []
    return Extras(past, suite.baseline, suite.environment.report.guide_url), errors


def finish(suite: Suite, run: Run) -> list[ReportError]:
    """Bring a finished run to every outlet that the environment and GitHub Actions ask for; print annotations."""
    report = suite.environment.report
    url, unset = _secret(report.heartbeat_of(suite.profile.name))
    urls, unset_urls = _secret(report.notify)
    on_github = os.environ.get("GITHUB_ACTIONS") == "true"
    summary = os.environ.get("GITHUB_STEP_SUMMARY", "")
    outlets = Outlets(
        detail=report.detail,
        textfile=Path(report.textfile) if report.textfile != "" else None,
        heartbeat=url,
        notify=urls.split(),
        step_summary=Path(summary) if on_github and summary != "" else None,
    )
    if on_github:
        for line in github.annotations(run, detail=report.detail):
            print(f"\n{line}")  # a command counts only at the beginning of a line
    missing = [] if run.lab else [ReportError("outlet", why, grave=False) for why in (unset, unset_urls) if why != ""]
    return missing + deliver(run, suite.home, outlets)


def test_notification(suite: Suite) -> str:
    """Send the test notification; return what went wrong, "" when it left."""
    report = suite.environment.report
    urls, why = _secret(report.notify)
    if report.notify is None or why != "":
        return why or "the environment's table [report] sets no notify"
    try:
        notify.send(urls.split(), notify.test_message(suite.environment.name, suite.language))
    except notify.NotifyError as error:
        return error.strerror or "it did not leave"
    return ""


test_notification.__test__ = False  # type: ignore[attr-defined]  # pytest must not take it for a check


def _secret(secret: Secret | None) -> tuple[str, str]:
    """Return the secret's text, and why there is none."""
    try:
        return ("" if secret is None else secret.text().reveal()), ""
    except ProbeError as error:
        return "", error.why
