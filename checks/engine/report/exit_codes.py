"""What the process says to whatever started it. Called by the plugin at the very end.

Two tables: pytest's own numbers, which every consumer of pytest knows, and graded ones, which tell states apart.
"""

from collections.abc import Collection

from checks.engine.model import Run, State
from checks.engine.report.findings import JUDGED, new_findings

MODES = ("pytest", "graded")
USAGE = 4  # in both tables: pytest itself decides it
LOCKED = 75  # EX_TEMPFAIL of sysexits.h, in both tables: another run of this environment and profile goes on
PYTEST = {
    "interrupted": 2,
    "nothing": 5,
    "critical": 1,
    "incomplete": 1,
    "unknown": 1,
    "report": 3,
    "warning": 0,
}
GRADED = {
    "interrupted": 12,
    "nothing": 11,
    "critical": 1,
    "incomplete": 12,
    "unknown": 11,
    "report": 13,
    "warning": 10,
}


def exit_code(
    run: Run,
    mode: str = "pytest",
    fail_on: Collection[str] = (),
    baseline: Run | None = None,
    report_error: bool = False,
) -> int:
    """Return the exit code of a finished run; the first line of the table that applies decides.

    `fail_on` may hold "warning" (a WARNING fails) and "new" (only what `baseline` did not have fails). A run that was
    interrupted, is incomplete or judged nothing never counts as fine, whatever the baseline had.
    """
    counted = run.results if "new" not in fail_on or baseline is None else new_findings(run, baseline)
    states = {result.state for result in counted}
    critical = State.CRITICAL in states or (State.WARNING in states and "warning" in fail_on)
    applies = {
        # A graded consumer asks how bad it is, and a CRITICAL that was seen before the signal is still that bad.
        "interrupted": run.stopped_by.startswith("SIG") and not (mode == "graded" and critical),
        "nothing": not any(result.state in JUDGED for result in run.results),
        "critical": critical,
        "incomplete": not run.complete,
        "unknown": State.UNKNOWN in states,
        "report": report_error,
        "warning": State.WARNING in states,
    }
    table = GRADED if mode == "graded" else PYTEST
    return next((table[line] for line in table if applies[line]), 0)
