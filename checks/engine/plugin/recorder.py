"""The recorder: one result an item, in collection order, whatever becomes of the process that ran it.

Lives in the controller only; with xdist the results cross from the workers on their reports.
"""

import dataclasses
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter

from checks.engine.environment import Environment
from checks.engine.model import Judgement, Result, Run, State, Waiver
from checks.engine.plugin.outcome import result_of
from checks.engine.plugin.suite import SUITE, Suite, is_worker
from checks.engine.plugin.where import CHECKS
from checks.engine.readings import READINGS
from checks.engine.report.findings import emergency, overall
from checks.engine.report.folder import unfinished

_RESULT = TypeAdapter(Result)


class Recorder:
    """Collects results by node id; `expected` is everything that this run selected, in order."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.expected: dict[str, Result] = {}
        self.found: dict[str, Result] = {}
        self.readings: list[Mapping[str, object]] = []
        self.samples: list[tuple[str, str, float, str]] = []
        self.collected: dict[tuple[str, str], None] = {}
        self.gathered = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what is selected, with all that is known of it before it runs."""
        self.gathered = True
        for item in session.items:
            pending = Judgement(State.UNKNOWN, "not finished")
            self.expected[item.nodeid] = result_of(item, pending, None, 0.0)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Note what the workers selected; the controller knows only the node ids."""
        self.gathered = True
        if self.expected == {}:
            self.expected = {nodeid: _from_id(nodeid) for nodeid in ids}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker read."""
        output = getattr(node, "workeroutput", {}).get("penhas", {})
        self.readings += output.get("readings", [])
        self.samples += [tuple(row) for row in output.get("samples", [])]
        self.collected.update(dict.fromkeys((check, target) for check, target in output.get("collected", [])))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be collected is checks that were not run: UNKNOWN."""
        if report.failed:
            self.found[report.nodeid] = dataclasses.replace(
                _from_id(report.nodeid or "collection"),
                id="collection",
                target=report.nodeid.rsplit("/", 1)[-1].split(".")[0].replace("_", "-") or "checks",
                title="Every file of checks can be read.",
                message=f"{report.nodeid}: the file of checks cannot be read{_what(report.longreprtext)}; mend it",
            )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst of an item's phases."""
        check = getattr(report, "check", None)
        if check is not None:
            result = _RESULT.validate_python({**check, "state": State(check["state"])})
        elif report.when not in {"setup", "call", "teardown"}:
            known = self.expected.get(report.nodeid, _from_id(report.nodeid))
            text = "the process that ran this check died; look for its trace in the system log and run it alone"
            result = dataclasses.replace(known, state=State.UNKNOWN, message=text)
        else:
            return
        before = self.found.get(report.nodeid)
        if before is None or result.state.severity > before.state.severity:
            self.found[report.nodeid] = result

    def results(self, stopped_by: str) -> tuple[Result, ...]:
        """Return every expected result in order, those that did not finish as UNKNOWN, root causes named."""
        why = f"not finished: stopped by {stopped_by}" if stopped_by != "" else "not finished"
        merged = {
            nodeid: self.found.get(nodeid) or dataclasses.replace(pending, message=why, action="")
            for nodeid, pending in self.expected.items()
        }
        merged.update({nodeid: result for nodeid, result in self.found.items() if nodeid not in merged})
        return tuple(_rooted(merged.values()))

    def complete(self) -> bool:
        """Whether it was seen what there is, and every expected item came to its end."""
        return self.gathered and all(nodeid in self.found for nodeid in self.expected)

    def run(self, suite: Suite, stopped_by: str, finished: float) -> Run:
        """Return the run as every report shows it."""
        results = self.results(stopped_by)
        if self.complete() and suite.profile.whole and not _narrowed(self._config):
            results += tuple(_waiver_findings(suite, suite.collected or self.collected))
        complete = self.complete() and stopped_by == ""
        if results == () and stopped_by != "":  # before it was seen what there is
            why = f"not finished: stopped by {stopped_by}"
            pending = unfinished(suite.environment.name, suite.profile.name, suite.run_id, suite.started, why)
            results = pending.results
        return Run(
            environment=suite.environment.name,
            production=suite.environment.production,
            profile=suite.profile.name,
            run_id=suite.run_id,
            started=suite.started,
            finished=finished,
            verdict=overall(results, complete=complete),
            complete=complete,
            suite_version=_version(),
            results=results,
            not_covered=_absent(suite.environment),
            stopped_by=stopped_by,
            emergency=emergency(results),
            language=suite.language,
            lab=suite.environment.lab,
        )


def _rooted(results: Iterable[Result]) -> list[Result]:
    """Name in each result its root cause: the check that alarms for it, else the first that the same failure struck."""
    listed = list(results)
    alarms = {r.key for r in listed if r.state in {State.CRITICAL, State.UNKNOWN, State.WAIVED}}
    first: dict[str, str] = {}
    for result in listed:
        if result.root is not None and result.root not in alarms:
            first.setdefault(result.root, result.key)
    causes = [None if r.root is None else first.get(r.root, r.root) for r in listed]
    return [
        dataclasses.replace(r, blocked_by=cause) if cause not in {None, r.key} else r
        for r, cause in zip(listed, causes, strict=True)
    ]


def _from_id(nodeid: str) -> Result:
    path, _, rest = nodeid.partition("::")
    function, _, inner = rest.partition("[")
    inner = inner.removesuffix("]")
    check, _, target = inner.rpartition("@")
    chapter = path.split("/")[-2] if path.count("/") else ""
    return Result(
        id=check if check != "" else function.removeprefix("test_").replace("_", "-") or "check",
        target=target if target != "" else "none",
        title=function or nodeid,
        service="suite",
        chapter=chapter,
        guide=(),
        profiles=(),
        state=State.UNKNOWN,
        message="not finished",
        file=path,
        nodeid=nodeid,
    )


def _what(traceback: str) -> str:
    """The class of the error that a traceback ends with, and nothing of its text."""
    found = re.findall(r"^E?\s*([A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit))\b", traceback, re.MULTILINE)
    return f" ({found[-1]})" if found else ""


def _narrowed(config: pytest.Config) -> bool:
    """Whether a part of the checks was asked for: a waiver that matches nothing is then no finding."""
    option = config.option
    named = config.args_source is not pytest.Config.ArgsSource.TESTPATHS and not any(
        CHECKS.is_relative_to(config.invocation_params.dir / arg) for arg in config.args
    )
    options = (option.keyword, option.markexpr, option.deselect, option.ignore, option.ignore_glob)
    return named or any(options) or bool(getattr(option, "lf", False))


def _waiver_findings(suite: Suite, collected: Iterable[tuple[str, str]]) -> Iterable[Result]:
    """A waiver that has expired or matches no check of this environment is a finding of its own."""
    known = {*collected, *((check, "*") for check, _ in collected)}
    for waiver in suite.catalog.waivers if known else ():
        problem = _waiver_problem(waiver, known, suite.started)
        if problem != "":
            yield Result(
                id="waiver-valid",
                target=waiver.check if waiver.target == "*" else f"{waiver.check}-{waiver.target}",
                title="Every waiver accepts a finding that can occur, and has not expired.",
                service="suite",
                chapter="maintenance",
                guide=(),
                profiles=("nightly",),
                state=State.WARNING,
                message=f"the waiver of {waiver.check} (owner {waiver.owner}) {problem}",
                action=f"Mend or remove it in {suite.environment_file.name}.",
            )


def _waiver_problem(waiver: Waiver, known: set[tuple[str, str]], now: float) -> str:
    if (waiver.check, waiver.target) not in known:
        return "matches no check of this environment"
    if waiver.until <= now:
        return f"expired on {time.strftime('%Y-%m-%d', time.gmtime(waiver.until))}"
    return ""


def _absent(environment: Environment) -> tuple[str, ...]:
    services = dict.fromkeys(spec.service for spec in READINGS.values())
    return tuple(service for service in services if environment.of(service) == ())


def _version() -> str:
    from checks import __version__  # noqa: PLC0415 (the package imports nothing of the engine)

    return __version__


RECORDER = pytest.StashKey[Recorder]()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Record in the controller only."""
    if SUITE in config.stash and not is_worker(config):
        recorder = config.stash[RECORDER] = Recorder(config)
        config.pluginmanager.register(recorder, "penhas-recorder")
