"""Starts the instances of the reference API (lab/api), each behind proxies of its own to what it uses."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.processes import Launcher, Process, free_port, listens
from lab.state import REPOSITORY, LabError

NAMES = ("api1", "api2", "api3")
VERSION = "2.14.0"
_ATTEMPTS = 3


@dataclass(slots=True)
class Api:
    """One instance: `control` is the file in which faults tell it what to do wrong."""

    name: str
    folder: Path
    variables: dict[str, str]
    port: int = 0
    process: Process | None = None
    wrong: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Return the instance's own URL, which no proxy stands before."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def control(self) -> Path:
        """Return the control file, which the instance reads anew at each request."""
        return self.folder / f"{self.name}.control.json"

    def misbehave(self, **settings: Any) -> None:
        """Change settings of the control file; None takes one away."""
        merged = {**self.wrong, **settings}
        self.wrong = {key: value for key, value in merged.items() if value is not None}
        temporary = self.control.with_suffix(".new")
        temporary.write_text(json.dumps(self.wrong))
        temporary.replace(self.control)


def start(launcher: Launcher, api: Api, flavour: str) -> None:
    """Start the instance without waiting for it."""
    api.misbehave()
    api.port = free_port()
    argv = [
        sys.executable,
        "-m",
        "lab.api",
        "--listen",
        f"127.0.0.1:{api.port}",
        "--name",
        api.name,
        "--flavour",
        flavour,
    ]
    variables = {
        **api.variables,
        "LABAPI_CONTROL": str(api.control),
        "LABAPI_LOG": str(api.folder / f"{api.name}.app.log"),
    }
    api.process = launcher.start(api.name, argv, variables=variables, cwd=REPOSITORY)


def await_ready(launcher: Launcher, api: Api, flavour: str) -> None:
    """Return when the instance listens; started again on another port when somebody took its own."""
    for attempt in range(1, _ATTEMPTS + 1):
        if api.process is None:
            start(launcher, api, flavour)
        assert api.process is not None  # noqa: S101 (for the type checker: start has set it)
        try:
            api.process.await_ready(lambda: listens(api.port))
        except LabError:
            api.process.stop()
            api.process = None
            if attempt == _ATTEMPTS:
                raise
        else:
            return
