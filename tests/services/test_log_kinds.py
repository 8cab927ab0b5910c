"""Kinds of errors that a log has since a deploy and had not before."""

import os
import time
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from checks.engine.environment.monitoring import Log
from checks.engine.model import State
from checks.engine.probes.logs.tail import tail
from checks.engine.readings.logs import LogsTail
from checks.logs import test_application_log as checks
from tests.services.saying import says

NOW = 1_790_000_000.0
WINDOW = 900.0
DEPLOY = NOW - 300
USUAL, NEW = "connection to database lost, retry", "cannot decode response of geocoder"


def read(folder: Path, *errors: tuple[float, str]) -> LogsTail:
    """Read a log with one plain entry a second and these errors, each so many seconds ago."""
    lines = [(float(age), f"[INFO] Penhas.Minion - x{age}") for age in range(int(WINDOW), 0, -1)]
    lines += [(age, f"[ERROR] Penhas.Controller - {text}") for age, text in errors]
    path = folder / "app.log"
    path.write_text(
        "".join(
            time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(NOW - age)) + f",000 {text}\n"
            for age, text in sorted(lines, reverse=True)
        )
    )
    os.utime(path, (NOW, NOW))
    log = Log.model_validate({"name": "app", "pattern": str(path), "layout": "guide"})
    found = tail(log, ZoneInfo("UTC"), WINDOW, time.monotonic() + 60, NOW)
    return replace(found, sampled_at=NOW)


def test_what_was_there_before_is_nothing_new(tmp_path: Path) -> None:
    found = read(tmp_path, (600.0, USUAL), (100.0, USUAL), (50.0, USUAL))

    assert says(checks.test_logs_errors_new, found, DEPLOY)[0] is State.OK


def test_a_new_kind_of_error_is_told(tmp_path: Path) -> None:
    found = read(tmp_path, (600.0, USUAL), *((float(age), NEW) for age in (200, 100, 50)))

    state, text = says(checks.test_logs_errors_new, found, DEPLOY)

    assert state is State.WARNING
    assert text == "1 kinds of errors since the deploy that the 10 min before it had not"
    assert {kind.count: kind.shape != "" for kind in found.kinds} == {3: True, 1: False}


def test_on_the_moment_of_the_deploy_it_is_new(tmp_path: Path) -> None:
    assert says(checks.test_logs_errors_new, read(tmp_path, (300.0, NEW)), DEPLOY)[0] is State.WARNING
    assert says(checks.test_logs_errors_new, read(tmp_path, (301.0, NEW)), DEPLOY)[0] is State.OK


@pytest.mark.parametrize(
    ("before", "state"), [(119.0, State.NOT_JUDGED), (120.0, State.OK), (-100.0, State.NOT_JUDGED)]
)
def test_too_little_from_before_says_nothing(tmp_path: Path, before: int, state: State) -> None:
    assert says(checks.test_logs_errors_new, read(tmp_path), NOW - WINDOW + before)[0] is state
