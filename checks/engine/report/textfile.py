"""The run as metrics for the node exporter's textfile collector.

One file a profile (`penhas.prom` becomes `penhas-nightly.prom`), so that a smoke run never hides a dead nightly. No
timestamps and no placeholder: while a run goes on the old file stays, and its age tells.
"""

import math
import re
from pathlib import Path

from checks.engine.model import Result, Run, State
from checks.engine.report.folder import write_atomic
from checks.engine.report.text import one_line

_STATES = {State.OK: 0, State.WARNING: 1, State.CRITICAL: 2, State.UNKNOWN: 3}
_EMERGENCY = "penhas_checks_emergency_mode"
_KNOWN = {State.OK, State.WARNING, State.CRITICAL, State.WAIVED}
_SUCCESS = "penhas_checks_last_success_timestamp_seconds"
_HELP = {
    "penhas_check_state": "State of a check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.",
    "penhas_check_reading": "What a check read, in the unit of its row.",
    "penhas_checks_last_run_timestamp_seconds": "When the last run of this profile ended.",
    _SUCCESS: "When the last run of this profile ended complete and with neither CRITICAL nor UNKNOWN.",
    "penhas_checks_duration_seconds": "How long the last run of this profile took.",
    _EMERGENCY: "Whether emergency mode was on, accepted by a waiver or not; absent where it could not be read.",
}
_LONGEST = 200


def path_for(path: Path, profile: str) -> Path:
    """Return the file of one profile."""
    return path.with_name(f"{path.stem}-{profile or 'all'}.prom")


def write(run: Run, path: Path) -> None:
    """Write the metrics of a run (0644, atomically), the last success carried over from the file that was there."""
    target = path_for(path, run.profile)
    try:
        before = target.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        before = ""
    write_atomic(target, render(run, before), 0o644)


def render(run: Run, before: str = "") -> str:
    """Return the metrics; `before` is the text of the file that this one replaces."""
    run_labels = {"environment": run.environment, "profile": run.profile or "all"}
    samples: dict[str, list[str]] = {name: [] for name in _HELP}
    for result in run.results:
        labels = {**run_labels, "check": result.id, "service": result.service, "target": result.target}
        if result.state in _STATES:
            samples["penhas_check_state"].append(_sample(labels, _STATES[result.state]))
        value = _value(result)
        if value is not None and result.measure is not None:
            samples["penhas_check_reading"].append(_sample({**labels, "unit": result.measure.unit}, value))
    samples["penhas_checks_last_run_timestamp_seconds"].append(_sample(run_labels, run.finished))
    samples["penhas_checks_duration_seconds"].append(_sample(run_labels, max(run.finished - run.started, 0)))
    if any(result.id.startswith("emergency-mode") and result.state in _KNOWN for result in run.results):
        samples[_EMERGENCY].append(_sample(run_labels, int(run.emergency != "")))
    success = run.finished if succeeded(run) else _last_success(before)
    if success is not None:
        samples[_SUCCESS].append(_sample(run_labels, success))
    lines = []
    for name, rows in samples.items():
        if rows:
            lines += [f"# HELP {name} {_HELP[name]}", f"# TYPE {name} gauge", *(f"{name}{row}" for row in rows)]
    return "\n".join(lines) + "\n"


def succeeded(run: Run) -> bool:
    """Whether a run came to its end and found nothing that must wake someone."""
    return run.complete and run.verdict in {State.OK, State.WARNING}


def _last_success(before: str) -> float | None:
    found = re.search(rf"^{_SUCCESS}\{{[^\n]*\}} ([0-9.]+)$", before, re.MULTILINE)
    return None if found is None else float(found.group(1))


def _value(result: Result) -> float | None:
    value = None if result.measure is None else result.measure.value
    if value is None or isinstance(value, (bool, str)) or not math.isfinite(value):
        return None
    return value


def _sample(labels: dict[str, str], value: float) -> str:
    shown = ",".join(f'{name}="{_label(text)}"' for name, text in labels.items())
    return f"{{{shown}}} {value!r}"


def _label(text: str) -> str:
    return one_line(text, _LONGEST).replace("\\", "\\\\").replace('"', '\\"')
