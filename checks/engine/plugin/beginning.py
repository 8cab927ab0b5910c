"""The beginning of a run: its lock, its signals, its folder, and the placeholders in it; called by the run."""

import argparse
import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest

from checks.engine.model import Run
from checks.engine.plugin import lock
from checks.engine.plugin.recorder import RECORDER
from checks.engine.plugin.stopping import Stopping
from checks.engine.plugin.suite import Suite, suite_of
from checks.engine.report import exit_codes
from checks.engine.report.folder import RunFolder, write_refused
from checks.engine.report.summary import Extras
from checks.engine.report.write import ReportError, WriteOptions, write_placeholders

Record = Mapping[str, object]


class Progress:
    """What is open while a run goes on: its folder, its lock, and what stopped it."""

    def __init__(self) -> None:
        self.folder: RunFolder | None = None
        self.stopping = Stopping()
        self.errors: list[ReportError | str] = []
        self.run: Run | None = None
        self.junit: Path | None = None
        self.lock: int | None = None


PROGRESS = pytest.StashKey[Progress]()


def idle(option: argparse.Namespace) -> bool:
    """Whether pytest was asked for something else than a run."""
    others = ("collectonly", "list_checks", "showfixtures", "show_fixtures_per_test", "cacheshow")
    return any(getattr(option, name, False) for name in others)


def begin(config: pytest.Config) -> None:
    """Make the folder with what a killed run leaves; it is soon written over, and not brought to the disk for it."""
    suite, progress = suite_of(config), config.stash[PROGRESS]
    try:
        progress.lock = lock.take(suite)
        progress.stopping.arm(suite.until)
        profile = suite.profile.name
        folder = RunFolder.create(suite.reports_dir, suite.environment.name, suite.started, suite.run_id, profile)
        progress.folder = folder
        placeholders(config, folder, durable=False)
    except lock.HeldError as held:
        raise pytest.exit.Exception(str(held), returncode=exit_codes.LOCKED) from None
    except OSError as error:
        raise _unwritable(suite, str(error.strerror)) from None
    except pytest.UsageError:
        refused(config)
        raise


def placeholders(config: pytest.Config, folder: RunFolder, durable: bool = True) -> None:
    """Write every report as UNKNOWN, of each check where it is known what is selected; raise UsageError."""
    suite = suite_of(config)
    options = dataclasses.replace(write_options(config, []), durable=durable)
    errors = write_placeholders(config.stash[RECORDER].run(suite, "", suite.started), folder, options)
    for error in errors:
        raise _unwritable(suite, error.why, error.report)


def _unwritable(suite: Suite, why: str, what: str = "") -> pytest.UsageError:
    """Say which option names what cannot be written: the report of another option than --reports-dir begins with it."""
    what = what if what.startswith("--") else f"--reports-dir {suite.reports_dir}"
    return pytest.UsageError(f"{what}: cannot be written ({why}); nothing was contacted")


def refused(config: pytest.Config) -> None:
    """Let the folder say that the run was refused, where it had been made."""
    suite, progress = suite_of(config), config.stash[PROGRESS]
    why = "the run was refused: the message of the command says why"
    folder, progress.folder = progress.folder, None
    if folder is not None:
        with contextlib.suppress(OSError):  # the placeholders stand
            write_refused(folder, suite.environment.name, suite.profile.name, why, suite.started)


def write_options(config: pytest.Config, readings: list[Record], extras: Extras | None = None) -> WriteOptions:
    """Return what the writers need of the options."""
    fail_on = config.option.fail_on
    return WriteOptions(
        junit=config.stash[PROGRESS].junit,
        fail_on=frozenset({fail_on} - {""}),
        readings=readings,
        extras=Extras() if extras is None else extras,
    )
