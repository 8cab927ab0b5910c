"""Small suites of checks in a folder of their own, run by the real plugin, and what such a run leaves behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CONFTEST = 'pytest_plugins = ["checks.engine.plugin"]\n'
HEAD = """
import os, time, pytest
from checks.engine.catalog import Row
from checks.engine.plugin.judged import Judge
from checks.engine.readings.host import HostCpuTimes, HostDisk

"""


@contextmanager
def heard(by: signal.Signals) -> Iterator[None]:
    """Let what is started meanwhile hear a signal: it would inherit that whoever runs the tests has it ignored."""
    if by is signal.SIGKILL:
        yield
        return
    before = signal.signal(by, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(by, before)


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished run: exit code, everything on the terminal, the folder of reports, and when a signal was sent."""

    code: int
    output: str
    reports: Path
    sent: float = 0.0

    def latest(self, environment: str = "here", link: str = "latest") -> dict[str, Any]:
        """Return results.json of the latest run."""
        text = (self.reports / environment / link / "results.json").read_text(encoding="utf-8")
        table: dict[str, Any] = json.loads(text)
        return table

    def states(self, environment: str = "here") -> dict[str, str]:
        """Return the state of every check of the latest run, by `id@target`."""
        return {f"{c['id']}@{c['target']}": c["state"] for c in self.latest(environment)["checks"]}

    def messages(self, environment: str = "here") -> dict[str, str]:
        """Return the message of every check of the latest run, by `id@target`."""
        return {f"{c['id']}@{c['target']}": c["message"] for c in self.latest(environment)["checks"]}


class Suite:
    """A folder with checks of its own, an environment file and a reports folder; the rows are the suite's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reports = folder / "reports"
        self.stat = folder / "proc" / "stat"
        text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        table = re.search(r"^\[tool\.pytest\]$.*?(?=^\[)", text, re.MULTILINE | re.DOTALL)
        assert table is not None
        ours = table.group().replace('pythonpath = ["."]', f"pythonpath = ['{ROOT}']")
        (folder / "pyproject.toml").write_text(ours.replace('testpaths = ["checks"]', 'testpaths = ["."]'))
        (folder / "conftest.py").write_text(CONFTEST)
        self.stat.parent.mkdir()
        self.cpu(busy=100)
        self.environment()

    def cpu(self, busy: int) -> None:
        """Let the host have been busy for so many hundredths of a second since it started."""
        self.stat.write_text(f"cpu {busy} 0 0 1000 0 0 0 0 0 0\nbtime 1795000000\n")

    def hang(self) -> None:
        """Let reading the host's processor time block for ever, as a dead mount does."""
        self.stat.unlink()
        os.mkfifo(self.stat)

    def environment(self, more: str = "", name: str = "here", host: bool = True) -> Path:
        """Write the environment file: a host of two mounts, and what is given."""
        lines = [f'name = "{name}"', more] if not more.lstrip().startswith("[") else [f'name = "{name}"']
        if host:
            mounts = f'mounts = [{{ name = "root", path = "/" }}, {{ name = "data", path = "{self.folder}" }}]'
            lines += ["[host]", 'name = "db1"', f'procfs = "{self.stat.parent}"', mounts]
        if more.lstrip().startswith("["):
            lines.append(more)
        file = self.folder / "here.toml"
        file.write_text("\n".join(lines) + "\n")
        return file

    def check(self, body: str, file: str = "health/test_made.py", head: str = HEAD) -> None:
        """Write a file of checks."""
        path = self.folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(head + body)

    def command(self, *args: str) -> list[str]:
        """Return the command line of a run against the environment file."""
        given = [] if any("environment" in arg for arg in args) else [f"--environment={self.folder}/here.toml"]
        return [sys.executable, "-m", "pytest", *given, f"--reports-dir={self.reports}", *args]

    @staticmethod
    def variables(**more: str) -> dict[str, str]:
        """Return the variables of a run: none of the suite's but those given."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("PENHAS_CHECKS", "PYTEST_"))}
        return {**kept, "NO_COLOR": "1", **more}

    def run(self, *args: str, cwd: Path | None = None, **variables: str) -> Ran:
        """Run the suite to its end, in a process of its own."""
        done = subprocess.run(
            self.command(*args), cwd=cwd or self.folder, env=self.variables(**variables), timeout=120, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, self.reports)

    def stop(self, *args: str, by: signal.Signals, once: str) -> Ran:
        """Run the suite, send it a signal as soon as the file `once` is there, and wait for its end."""
        with heard(by):
            process = subprocess.Popen(
                self.command(*args), cwd=self.folder, env=self.variables(), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
        try:
            until = time.monotonic() + 60
            while not (self.folder / once).exists() and time.monotonic() < until:
                time.sleep(0.01)
            if any(arg.startswith("-n") for arg in args):
                time.sleep(0.3)  # what the worker found before is still on its way to the controller
            sent = time.time()
            process.send_signal(by)
            output, _ = process.communicate(timeout=60)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        return Ran(process.returncode, output, self.reports, sent)
