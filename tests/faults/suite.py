"""Runs the suite against a lab as its users do, and tells what came out. Called by the tests beside it."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from lab import Lab
from lab.state import FOLDER_VARIABLE, REPOSITORY

FINDINGS = {"WARNING", "CRITICAL", "UNKNOWN"}
# the most talkative that pytest can be: nothing marked may show even then
_LOUD = ("-vv", "--showlocals", "--tb=long", "--capture=no")


@dataclass(frozen=True, slots=True)
class Check:
    """One result, as results.json has it."""

    key: str
    service: str
    state: str
    message: str
    nodeid: str
    blocked_by: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run left: its checks by key, its terminal, its exit code, and its temporary files by name."""

    checks: dict[str, Check]
    terminal: str
    code: int
    seconds: float
    temporary: dict[str, bytes] = field(default_factory=dict)

    @property
    def findings(self) -> dict[str, str]:
        """Return the state of each check that is not well."""
        return {key: check.state for key, check in self.checks.items() if check.state in FINDINGS}

    def explain(self, keys: Sequence[str]) -> str:
        """Return state and message of some checks, for people."""
        lines = (f"{key}: {check.state}: {check.message}" for key, check in self.checks.items() if key in keys)
        return "\n".join(lines) or self.terminal[-3000:]


def run(lab: Lab, reports: Path, selection: Sequence[str] = ("checks",), options: Sequence[str] = ()) -> Outcome:
    """Run the suite and return what came out; the reports of earlier runs in the same folder are its memory."""
    started = time.monotonic()
    command = [sys.executable, "-m", "pytest", *selection, "--environment=lab", f"--reports-dir={reports}", *_LOUD]
    with tempfile.TemporaryDirectory(prefix="penhas-run-") as temporary:
        Path(temporary).chmod(0o711)  # as the one that it stands for: servers may run as somebody else
        done = subprocess.run(
            [*command, *options],
            cwd=REPOSITORY,
            env={**os.environ, FOLDER_VARIABLE: str(lab.places.state), "TMPDIR": temporary},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        left = _files(Path(temporary))
    terminal = done.stdout + done.stderr
    results = reports / "lab" / "latest" / "results.json"
    assert results.exists(), terminal
    found = json.loads(results.read_text(encoding="utf-8"))
    checks = [
        Check(f"{c['id']}@{c['target']}", c["service"], c["state"], c["message"], c["nodeid"], c["blocked_by"])
        for c in found["checks"]
    ]
    assert found["started"] > time.time() - (time.monotonic() - started) - 1, f"no report of this run\n{terminal}"
    seconds = time.monotonic() - started
    return Outcome({check.key: check for check in checks}, terminal, done.returncode, seconds, left)


def stands_for_long(lab: Lab) -> None:
    """Let the servers be those of years ago: what was read before the lab was up, see `age`, counts then."""
    text = lab.environment_file.read_text("utf-8")
    older, found = re.subn(r"(?m)^rebuilt_at = \d{4}", "rebuilt_at = 2020", text)
    assert found == 1
    lab.environment_file.write_text(older, "utf-8")


def age(reports: Path, reading: str, seconds: float) -> None:
    """Let the suite have read something so long before it did: nobody waits for hours."""
    with closing(sqlite3.connect(reports / "lab" / "samples.sqlite")) as store, store:
        rows = store.execute("SELECT target, sampled_at, value FROM sample WHERE reading = ?", (reading,)).fetchall()
        for target, at, value in rows:
            older = json.dumps({**json.loads(value), "sampled_at": at - seconds})
            store.execute(
                "UPDATE sample SET sampled_at = ?, value = ? WHERE reading = ? AND target = ? AND sampled_at = ?",
                (at - seconds, older, reading, target, at),
            )


def leaks(lab: Lab, reports: Path, outcome: Outcome) -> list[str]:
    """Return where marked data or secrets are found in what a run left.

    That is the terminal, every report, the sample store, and temporary files, by their names too.
    """
    places = {"terminal": outcome.terminal.encode(), **_files(reports)}
    places |= {f"temporary {name}": name.encode() + text for name, text in outcome.temporary.items()}
    return [
        f"{name} ({marker[:6]}…)" for name, text in places.items() for marker in lab.markers if marker.encode() in text
    ]


def _files(folder: Path) -> dict[str, bytes]:
    """Return what is in every file under a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
