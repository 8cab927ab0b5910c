"""A suite run in this process, for what needs no process of its own: a tenth of the time."""

import os
from pathlib import Path

import pytest

# Loaded once, here: what pytester runs in this process would otherwise build every model anew.
import checks.engine.plugin.delivery
import checks.engine.plugin.html
import checks.engine.plugin.options
import checks.engine.plugin.rows
import checks.engine.plugin.terminal  # noqa: F401
from tests.engine.suites import Ran, Suite


class Inside(Suite):
    """A suite that runs in this process."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        super().__init__(pytester.path)
        self.pytester = pytester

    def inside(self, *args: str, cwd: Path | None = None) -> Ran:
        """Run the suite to its end, in this process."""
        os.chdir(cwd or self.folder)
        try:
            done = self.pytester.runpytest_inprocess(*self.command(*args)[3:])
        finally:
            os.chdir(self.folder)
        return Ran(int(done.ret), done.stdout.str() + done.stderr.str(), self.reports)
