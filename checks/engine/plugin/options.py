"""The options, validated before anything is contacted: bad ones are one clear message and exit 4."""

import argparse
import difflib
import math
import os
import time
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import pytest

from checks.engine import catalog, environment
from checks.engine.environment import Environment, InvalidFileError
from checks.engine.environment.report import Report
from checks.engine.model import Run
from checks.engine.plugin import delivery
from checks.engine.plugin.profiles import PROFILES, Profile
from checks.engine.plugin.suite import SUITE, Suite, is_worker, new_run_id
from checks.engine.plugin.where import CHECKS, VARIABLE, environment_file, refuse, reports_dir
from checks.engine.report import results_json

# In the name of pytest's cache folder (pyproject.toml): --lf must not mix what failed in two environments.
CACHE = "PENHAS_CHECKS_CACHE"
_CLOCKS = 60.0  # seconds that the clock of who deployed may be ahead of ours
# Not argparse's choices: those end the command before `latest` can be marked.
_WORDS = {"--language": ("en", "pt-BR"), "--exit-codes": ("pytest", "graded"), "--restore-tier": ("full", "rows")}
RERUNNERS = ("rerunfailures", "flaky")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the suite's options, in a group of their own."""
    group = parser.getgroup("penhas-checks", "penhas-checks: what to verify, how, and where the reports go")
    add = group.addoption
    add(
        "--environment",
        metavar="NAME|FILE",
        help=f"the environment to verify: a name in checks/environments/ or a TOML file; required, or set {VARIABLE}. "
        "Write --environment=FILE: after a space pytest takes the file for a place to look for tests",
    )
    add(
        "--profile",
        metavar="|".join(name for name in PROFILES if name != ""),
        default="",
        help="smoke: after a deploy, 60 s; nightly: everything, a backup restored; triage: quick, worst first, 20 s",
    )
    add(
        "--fail-on",
        metavar="warning|new",
        default="",
        help="exit 1 on a WARNING too, or only on what --baseline had not",
    )
    add("--baseline", metavar="FILE", help="an earlier results.json to compare with")
    add("--expect-version", metavar="VERSION", help="the version that /health must name")
    add(
        "--deployed-at",
        metavar="TIME",
        help="when the last deploy began (ISO 8601 with a zone, or Unix time): what runs from before it is a finding",
    )
    add(
        "--settle",
        metavar="SECONDS",
        default="0",
        help="after a deploy: let what converges by itself come good within this time, which the deadline grows by",
    )
    add("--restore", action="store_true", help="restore the newest backup into a throw-away server on this machine")
    add("--reports-dir", metavar="DIR", help="where the reports go (default: reports/ beside checks/)")
    add("--deadline", metavar="SECONDS", help="end the run after this time (default: the profile's)")
    add("--check-config", action="store_true", help="validate files and variables, contact nothing, exit 0 or 4")
    add(
        "--list",
        action="store_true",
        dest="list_checks",
        help="show every check with profiles and limits; contact nothing",
    )
    add("--list-format", choices=["text", "markdown"], default="text", help="the form of --list")
    add("--allow-writes", action="store_true", help="allow canaries that write; production must allow it too")
    add("--language", metavar="en|pt-BR", help="the language of titles and actions (default: the environment's)")
    if not any(pluginmanager.has_plugin(name) for name in RERUNNERS):
        add("--reruns", dest="reruns", help=argparse.SUPPRESS)  # so that it is refused in our words
    # pyproject.toml names these; without the plugins that know them they mean nothing and must not end the run.
    if not pluginmanager.has_plugin("cacheprovider"):
        parser.addini("cache_dir", "unused without pytest's cache")
    if not pluginmanager.has_plugin("xdist"):
        add("--dist", dest="without_xdist", help=argparse.SUPPRESS)
        add("--max-worker-restart", dest="without_xdist", help=argparse.SUPPRESS)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Validate the options and every file that they name; a usage error is exit 4."""
    for line in (
        "guide(*ids): the items of the operators' guide that this check verifies",
        "profiles(*names): the profiles that this check belongs to",
        "convergent: comes good by itself after a deploy; --settle waits for it",
        "moments: compares what was read at different moments; only what is found again, a moment later, counts",
        "only_with(option): this check is there only when the option is given",
    ):
        config.addinivalue_line("markers", line)
    if config.option.help or config.option.version:
        return
    try:
        suite = config.stash[SUITE] = _suite(config)
    except InvalidFileError as error:
        if not is_worker(config):
            refuse(config, error.lines[0])
        raise pytest.UsageError("\n".join(error.lines)) from None
    os.environ[CACHE] = suite.environment.name


def pytest_unconfigure() -> None:
    """Leave the process as it was."""
    os.environ.pop(CACHE, None)


def _suite(config: pytest.Config) -> Suite:
    option = config.option
    _refuse_reruns(config)
    profile = PROFILES[_one_of("--profile", option.profile, PROFILES)]
    _one_of("--fail-on", option.fail_on, ("", "warning", "new"))
    for name, known in _WORDS.items():
        given = getattr(option, name.removeprefix("--").replace("-", "_"))
        if given is not None:
            _one_of(name, given, known)
    settle = _seconds("--settle", option.settle, at_least=0)
    seconds = profile.deadline + settle if option.deadline is None else _seconds("--deadline", option.deadline)
    if option.reports_dir == "":
        raise InvalidFileError(["--reports-dir: is empty; is a variable unset?"])
    if option.expect_version == "":
        raise InvalidFileError(["--expect-version: is empty, so nothing would be verified; is a variable unset?"])
    file = environment_file(config)
    loaded = environment.load(file)
    replay = delivery.replayed(option.replay)
    if replay is not None:
        # A folder and a history of its own: what is judged again must not stand in `latest` of the real environment.
        loaded = loaded.model_copy(update={"name": f"{loaded.name}-replay", "report": Report()})
        settle = 0.0
    _guard_writes(option.allow_writes, profile, loaded, file)
    started = time.time()
    rows = catalog.load(CHECKS, loaded, str(file), started)
    sent = getattr(config, "workerinput", {}).get("penhas", {})
    return Suite(
        environment=loaded,
        environment_file=file,
        catalog=rows,
        profile=profile,
        reports_dir=reports_dir(config),
        run_id=sent.get("run_id", new_run_id()),
        started=sent.get("started", started),
        until=time.monotonic() + sent.get("until", started + seconds) - started,
        seconds=seconds,
        settle=settle,
        restore=option.restore or profile.restore,
        allow_writes=option.allow_writes,
        expect_version=option.expect_version or "",
        deployed_at=_moment("--deployed-at", option.deployed_at, started),
        language=option.language or loaded.language,
        replay=replay,
        baseline=None if is_worker(config) else _baseline(option.baseline, option.fail_on, loaded.name),
    )


def _refuse_reruns(config: pytest.Config) -> None:
    """A rerun writes a pass beside each failed attempt: the plugins are refused, not only their options."""
    if getattr(config.option, "reruns", None):
        raise InvalidFileError(
            ["--reruns: a rerun hides what failed; noisy readings are read again by the suite itself"]
        )
    for name in RERUNNERS:
        if config.pluginmanager.has_plugin(name):
            raise InvalidFileError(
                [f"the plugin {name} is installed: a rerun hides what failed; remove it, or add -p no:{name}"]
            )


def _one_of(option: str, value: str, known: Collection[str]) -> str:
    if value in known:
        return value
    near = difflib.get_close_matches(value, [word for word in known if word != ""], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise InvalidFileError([f"{option}: must be {' or '.join(word for word in known if word != '')}{hint}"])


def _seconds(option: str, text: str, at_least: float | None = None) -> float:
    """Return the seconds that an option gives: more than 0, or at least `at_least`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (value <= 0 if at_least is None else value < at_least):
        bound = "above 0" if at_least is None else "from 0 up"
        raise InvalidFileError([f"{option}: must be a number of seconds {bound}"])
    return value


def _moment(option: str, text: str | None, now: float) -> float:
    """Return the Unix time that an option gives, 0 without it: ISO 8601 with a zone, or a number; not in the future."""
    if text is None:
        return 0.0
    try:
        value = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise InvalidFileError([f"{option}: must be a time such as 2026-11-28T03:00:00-03:00"]) from None
        if moment.tzinfo is None:
            raise InvalidFileError([f"{option}: needs a time zone, as in 2026-11-28T03:00:00-03:00"]) from None
        value = moment.timestamp()
    if not 0 < value <= now + _CLOCKS:
        raise InvalidFileError([f"{option}: lies in the future, or is no time"])
    return value


def _guard_writes(allowed: bool, profile: Profile, loaded: Environment, file: Path) -> None:
    if allowed and profile.name == "nightly":
        raise InvalidFileError(["--allow-writes: not with --profile nightly"])
    if allowed and loaded.production and not loaded.allow_writes:
        raise InvalidFileError([f"--allow-writes: {file} says production = true and does not say allow_writes = true"])


def _baseline(path: str | None, fail_on: str, name: str) -> Run | None:
    if path is None and fail_on == "new":
        raise InvalidFileError(["--fail-on new: needs --baseline results.json"])
    if path is None:
        return None
    try:
        run = results_json.load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidFileError([f"--baseline {path}: {error.strerror}"]) from None
    except ValueError as error:
        why = "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise InvalidFileError([f"--baseline {path}: {why}"]) from None
    if run.environment.removesuffix("-replay") != name.removesuffix("-replay"):
        raise InvalidFileError([f"--baseline {path}: is of the environment {run.environment!r}, not of {name!r}"])
    return run
