"""The faults of an instance: a small JSON file that is read anew at each request. A missing file means none."""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What the instance does wrong on purpose.

    `latency` (seconds) and `errors` (share of requests answered 500) touch the application's own paths only. Figures
    are named `group.figure`. `health_status`, `version` and `inactive` (the statistics' jobs that wait) are claimed in
    place of the true ones; None is the truth.
    """

    latency: float = 0.0
    errors: float = 0.0
    health_claims: dict[str, str] = field(default_factory=dict)
    health_status: int | None = None
    open_detailed: bool = False
    open_maintenance: bool = False
    open_admin: bool = False
    drop_figures: list[str] = field(default_factory=list)
    wrong_figures: dict[str, float] = field(default_factory=dict)
    drop_metrics: list[str] = field(default_factory=list)
    clock_offset: float = 0.0
    version: str | None = None
    inactive: int | None = None


_NAMES = frozenset(f.name for f in fields(Control))


def read(path: Path) -> Control:
    """Return what the file says; a word that nobody knows is an error, lest a fault break nothing."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Control()
    given: dict[str, Any] = json.loads(text)
    unknown = given.keys() - _NAMES
    if unknown:
        raise ValueError(f"unknown word in the control file: {', '.join(sorted(unknown))}")
    return Control(**given)
