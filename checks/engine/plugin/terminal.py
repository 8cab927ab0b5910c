"""The terminal: what is verified before the run, and after it the verdict, worst first."""

import contextlib
import io
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any, TextIO

import pytest

from checks.engine.plugin.beginning import PROGRESS
from checks.engine.plugin.suite import SUITE, is_worker, suite_of
from checks.engine.report.terminal import verdict


class Specs:
    """The suite's own hook."""

    @staticmethod
    @pytest.hookspec
    def pytest_penhas_finished(config: pytest.Config) -> None:
        """Every report is written: say so."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the suite's own hook."""
    pluginmanager.add_hookspecs(Specs)


class _Unbroken:
    """A terminal that nobody may be reading any more (`| head`, a lost connection): it never ends a run."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        try:
            return self._file.write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._file.flush()


class _InternalErrors:
    """Says in one line what broke in the suite or in pytest: a traceback quotes values."""

    def __init__(self, reporter: Any) -> None:
        self._reporter = reporter

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Generator[None, Any, list[bool]]:
        """Mute the others while they print the traceback, and tell pytest that the error was shown."""
        reporter = self._reporter
        if reporter is None:
            yield
            return [True]
        writer, reporter._tw = reporter._tw, type(reporter._tw)(io.StringIO())
        try:
            yield
        finally:
            reporter._tw = writer
        last = excinfo.traceback[-1]
        writer.line(
            f"\ninternal error: {excinfo.typename} at {Path(str(last.path)).name}:{last.lineno + 1}. Report it."
        )
        return [True]


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let a broken terminal cost nothing but what would have been shown, and an internal error show no value."""
    if SUITE not in config.stash:
        return
    reporter = None if is_worker(config) else config.pluginmanager.get_plugin("terminalreporter")
    config.pluginmanager.register(_InternalErrors(reporter), "penhas-internal-errors")
    if reporter is not None:
        reporter._tw._file = _Unbroken(reporter._tw._file)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is verified before it is."""
    if SUITE not in config.stash:
        return []
    suite = suite_of(config)
    environment = suite.environment
    kind = "LAB" if environment.lab else ("PRODUCTION" if environment.production else "not production")
    services: dict[str, list[str]] = {}
    for target in environment.targets():
        services.setdefault(target.service, []).append(target.name)
    shown = "; ".join(f"{service} {' '.join(names)}" for service, names in services.items())
    profile = suite.profile.name or "all read-only checks"
    restore = "yes" if suite.restore else "no"
    return [
        f"environment: {environment.name} ({kind}), {suite.environment_file}",
        f"profile: {profile}, deadline {suite.seconds:g} s, restore: {restore}, run {suite.run_id}",
        f"targets: {shown}",
        f"reports: {suite.home}",
    ]


class Quiet:
    """With -q pytest itself, and xdist with it, writes nowhere, unless it breaks."""

    def __init__(self, reporter: Any) -> None:
        self._reporter = reporter
        self.writer = reporter._tw
        reporter._tw = type(self.writer)(io.StringIO())

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self) -> None:
        """Let pytest say what broke."""
        self._reporter._tw = self.writer


QUIET = pytest.StashKey[Quiet]()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """With -q show nothing before the verdict."""
    config = session.config
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    idle = config.option.collectonly or config.option.list_checks
    if config.option.verbose < 0 and SUITE in config.stash and reporter is not None and not idle:
        config.stash[QUIET] = Quiet(reporter)
        config.pluginmanager.register(config.stash[QUIET])


def pytest_penhas_finished(config: pytest.Config) -> None:
    """Print the verdict and silence pytest's own closing line, which knows no states."""
    progress = config.stash[PROGRESS]
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if progress.run is None or progress.folder is None or reporter is None or is_worker(config):
        return
    quiet = config.stash.get(QUIET, None)
    writer = reporter._tw if quiet is None else quiet.writer
    if quiet is None:
        for _ in range(2 if writer.width_of_current_line else 1):
            writer.line()
    width = writer.fullwidth if sys.stdout.isatty() else min(writer.fullwidth, 120)
    colour = writer.hasmarkup and not os.environ.get("NO_COLOR")
    lines = verdict(
        progress.run,
        width,
        colour,
        reports=str(progress.folder.path),
        evidence=progress.run.profile == "triage",
        baseline=suite_of(config).baseline,
    )
    for error in progress.errors:
        lines.insert(-1, str(error))
    for line in lines:
        writer.line(line)
    writer.flush()
    # The verdict is the last word: what pytest, xdist and pytest-html say after it knows no states.
    reporter._tw = type(writer)(io.StringIO())
