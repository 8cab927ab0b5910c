"""Where a run reads from and writes to: the environment file, the running lab, the reports folder.

Called by the options, before anything is contacted; an error names what was looked for and what there is.
"""

import difflib
import json
import os
import re
import time
from pathlib import Path

import pytest

from checks.engine import environment
from checks.engine.environment import InvalidFileError
from checks.engine.report.folder import mark_refused

CHECKS = Path(__file__).parents[2]
VARIABLE = "PENHAS_CHECKS_ENVIRONMENT"


def reports_dir(config: pytest.Config) -> Path:
    """Return the reports folder: the option's, else `reports` beside checks."""
    given = config.option.reports_dir
    return CHECKS.parent / "reports" if given is None else Path(given).absolute()


def environment_file(config: pytest.Config) -> Path:
    """Return the environment file that the option or the variable names; raise InvalidFileError with what there is."""
    name = _asked_for(config)
    folder = CHECKS / "environments"
    known = ["lab", *sorted(p.stem for p in folder.glob("*.toml"))]
    there = f"there are: {', '.join(known)}, or any TOML file"
    if name == "":
        raise InvalidFileError([f"no environment: give --environment=NAME or set {VARIABLE}; {there}"])
    if name == "lab":
        return _running_lab()
    if "/" in name or name.endswith(".toml"):
        return Path(name)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" did you mean {near[0]!r}?" if near else ""
        raise InvalidFileError([f"--environment={name}: no such environment;{hint} {there}"])
    return folder / f"{name}.toml"


def _exists(name: str) -> bool:
    """Whether a name is one of those that there are; a file that is named may be missing."""
    return name == "lab" or "/" in name or name.endswith(".toml") or (CHECKS / f"environments/{name}.toml").is_file()


def _asked_for(config: pytest.Config) -> str:
    """The option where it is given, even when it is given empty: an unset shell variable names no environment."""
    given: str | None = config.option.environment
    return os.environ.get(VARIABLE, "") if given is None else given


def _running_lab() -> Path:
    """Return the file of the running lab and set its variables: its secrets are made anew at each start."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    folder = Path(os.environ.get("PENHAS_CHECKS_LAB") or state / "penhas-checks/lab")
    try:
        running = json.loads((folder / "running.json").read_text(encoding="utf-8"))
        os.environ.update(running["variables"])
        return Path(running["environment"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InvalidFileError(["--environment=lab: no lab is running; start one: python -m lab up"]) from None


def refuse(config: pytest.Config, why: str) -> None:
    """Let no green run of yesterday stand when today's was refused: `latest` becomes UNKNOWN.

    Where the environment cannot be told, was never run, or the folder not be written, the message on the terminal and
    exit 4 remain: a slip of the pen leaves no folder of that name.
    """
    option = config.option
    nowhere = "" in {_asked_for(config), option.reports_dir}
    if nowhere or option.check_config or option.list_checks or option.collectonly:
        return
    if not (_exists(_asked_for(config)) or (reports_dir(config) / _asked_for(config)).is_dir()):
        return
    profile = option.profile if re.fullmatch("[a-z]+", option.profile) else ""
    try:
        mark_refused(reports_dir(config), _name(config), profile, why, time.time())
    except (OSError, ValueError):
        return


def _name(config: pytest.Config) -> str:
    """The name of the environment that was asked for, also when its file cannot be used."""
    asked = _asked_for(config)
    if asked == "lab":
        return asked
    try:
        file = environment_file(config)
        return str(environment.read_toml(file, "environment file")["name"])
    except (InvalidFileError, KeyError):
        file = Path(asked)
    try:
        written = re.search(r"""^name\s*=\s*["']([a-z0-9-]+)["']""", file.read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        written = None
    return file.name.removesuffix(".toml") if written is None else written.group(1)
