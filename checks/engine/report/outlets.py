"""Where a finished run goes besides its folder, each on its own: one that fails costs nothing but itself.

Called by the plugin after the files are written. The lab goes nowhere: it pings, notifies and exports nothing.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from checks.engine.model import Run
from checks.engine.records import dataclass
from checks.engine.report import github, heartbeat, notify, textfile
from checks.engine.report.write import ReportError


@dataclass(frozen=True, slots=True)
class Outlets:
    """What the environment's table [report] and GitHub Actions ask for; empty values ask for nothing.

    `heartbeat` and `notify` are secrets, resolved by the caller; `step_summary` is the path in GITHUB_STEP_SUMMARY.
    """

    detail: bool = False
    textfile: Path | None = None
    heartbeat: str = ""
    notify: Sequence[str] = ()
    step_summary: Path | None = None


def deliver(run: Run, home: Path, outlets: Outlets) -> list[ReportError]:
    """Bring a finished run to every outlet; return one error for each that did not take it.

    `home` is the environment's folder, where what was last notified is kept.
    """
    work: list[tuple[str, Callable[[], None]]] = []
    if outlets.step_summary is not None:
        path, text = outlets.step_summary, github.step_summary(run, detail=outlets.detail)
        work.append(("step summary", lambda: github.append_summary(path, text)))
    if not run.lab:
        if outlets.textfile is not None:
            file = outlets.textfile
            work.append(("textfile", lambda: textfile.write(run, file)))
        if outlets.heartbeat != "":
            success = textfile.succeeded(run)
            work.append(("heartbeat", lambda: heartbeat.finished(outlets.heartbeat, run.run_id, success=success)))
        if outlets.notify:
            work.append(("notification", lambda: notify.tell(run, outlets.notify, home, detail=outlets.detail)))
    return [error for name, do in work if (error := _attempt(name, do)) is not None]


def _attempt(name: str, do: Callable[[], None]) -> ReportError | None:
    try:
        do()
    except OSError as error:
        # A deploy is not rolled back because the service that takes heartbeats or messages is away.
        return ReportError(
            name, error.strerror or type(error).__name__, grave=name not in {"heartbeat", "notification"}
        )
    return None
