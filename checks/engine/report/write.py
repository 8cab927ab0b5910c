"""Writes every report of a run, each on its own: one that fails costs its own file and nothing else.

Called by the plugin: `write_placeholders` before anything is contacted, `write_all` when the run is over.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from checks.engine.model import Result, Run, State
from checks.engine.records import dataclass
from checks.engine.report import junit, results_json, summary
from checks.engine.report.folder import RunFolder, unfinished, write_atomic

IN_PROGRESS = "run in progress: it has not finished, or it was killed"


@dataclass(frozen=True, slots=True)
class ReportError:
    """A report that could not be written, and why, in words that name no secret.

    One that is not `grave` is said and changes no exit code: what was to be brought elsewhere, and the history.
    """

    report: str
    why: str
    grave: bool = True

    def __str__(self) -> str:
        return f"report error: {self.report} could not be written: {self.why}"


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What the writers need besides the run: `junit` is the path of --junitxml, `readings` what was read.

    `extras` is what only people see: the past, the comparison; what is not `durable` is written over at once.
    """

    junit: Path | None = None
    fail_on: frozenset[str] = frozenset()
    readings: Sequence[Mapping[str, object]] = ()
    extras: summary.Extras = field(default_factory=summary.Extras)
    durable: bool = True


def write_all(run: Run, folder: RunFolder, options: WriteOptions | None = None) -> list[ReportError]:
    """Write every report of a finished run; return one ReportError for each that could not be written."""
    options = WriteOptions() if options is None else options
    writers: list[tuple[str, Path, Callable[[], bytes | str]]] = [
        ("results.json", folder.path / "results.json", lambda: results_json.dump(run, options.readings)),
        ("summary.html", folder.path / "summary.html", lambda: summary.render(run, options.extras)),
        ("junit.xml", folder.path / "junit.xml", lambda: junit.render(run, fail_on=options.fail_on)),
    ]
    if options.junit is not None:
        name = f"--junitxml {options.junit}"
        writers.append((name, options.junit, lambda: junit.render(run, fail_on=options.fail_on)))
    errors = [_attempt(name, path, render, options.durable) for name, path, render in writers]
    return [error for error in errors if error is not None]


def write_placeholders(run: Run, folder: RunFolder, options: WriteOptions | None = None) -> list[ReportError]:
    """Write every report as "run in progress: UNKNOWN", so that a run that is killed leaves no green file behind.

    `run` may hold the selected checks in any state, or none.
    """
    results = tuple(_pending(result) for result in run.results)
    if results == ():
        results = unfinished(run.environment, run.profile, run.run_id, run.started, IN_PROGRESS).results
    pending = dataclasses.replace(run, results=results, verdict=State.UNKNOWN, complete=False)
    return write_all(pending, folder, options)


def _pending(result: Result) -> Result:
    return dataclasses.replace(result, state=State.UNKNOWN, message=IN_PROGRESS, measure=None, waiver=None)


def _attempt(name: str, path: Path, render: Callable[[], bytes | str], durable: bool) -> ReportError | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, render(), durable=durable)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        return ReportError(name, why or type(error).__name__)
    return None
