"""The options, validated before anything is contacted: bad ones are one clear message and exit 4."""

import json
import os
import time
from pathlib import Path

import pytest

from checks.engine import catalog, environment
from checks.engine.environment import Environment, InvalidFileError
from checks.engine.plugin.profiles import PROFILES
from checks.engine.plugin.suite import SUITE, Suite, is_worker, new_run_id
from checks.engine.report.folder import mark_refused

CHECKS = Path(__file__).parents[2]
VARIABLE = "PENHAS_CHECKS_ENVIRONMENT"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the suite's options, in a group of their own."""
    group = parser.getgroup("penhas-checks", "penhas-checks: what to verify, how, and where the reports go")
    add = group.addoption
    add(
        "--environment",
        metavar="NAME|FILE",
        help=f"the environment to verify: a name in checks/environments/ or a TOML file (write --environment=FILE); "
        f"required, or set {VARIABLE}",
    )
    add(
        "--profile",
        choices=[name for name in PROFILES if name != ""],
        default="",
        help="smoke: after a deploy, 60 s; nightly: everything, a backup restored; triage: quick, worst first, 20 s",
    )
    add(
        "--fail-on",
        choices=["warning", "new"],
        default="",
        help="exit 1 on a WARNING too, or only on what --baseline had not",
    )
    add("--baseline", metavar="FILE", help="an earlier results.json to compare with")
    add("--expect-version", metavar="VERSION", default="", help="the version that /health must name")
    add(
        "--settle",
        metavar="SECONDS",
        type=float,
        default=0.0,
        help="after a deploy: let what converges by itself come good within this time",
    )
    add("--restore", action="store_true", help="restore the newest backup into a throw-away server on this machine")
    add("--reports-dir", metavar="DIR", help="where the reports go (default: reports/ beside checks/)")
    add("--deadline", metavar="SECONDS", type=float, help="end the run after this time (default: the profile's)")
    add("--check-config", action="store_true", help="validate files and variables, contact nothing, exit 0 or 4")
    add(
        "--list",
        action="store_true",
        dest="list_checks",
        help="show every check with profiles and limits; contact nothing",
    )
    add("--list-format", choices=["text", "markdown"], default="text", help="the form of --list")
    add("--allow-writes", action="store_true", help="allow canaries that write; production must allow it too")
    add("--language", choices=["en", "pt-BR"], help="the language of titles and actions (default: the environment's)")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Validate the options and every file that they name; a usage error is exit 4."""
    for line in (
        "guide(*ids): the items of the operators' guide that this check verifies",
        "profiles(*names): the profiles that this check belongs to",
        "convergent: comes good by itself after a deploy; --settle waits for it",
        "only_with(option): this check is there only when the option is given",
    ):
        config.addinivalue_line("markers", line)
    if config.option.help or config.option.version:
        return
    try:
        config.stash[SUITE] = _suite(config)
    except InvalidFileError as error:
        if not is_worker(config):
            _mark_refused(config, error.lines[0])
        raise pytest.UsageError("\n".join(error.lines)) from None


def _suite(config: pytest.Config) -> Suite:
    option = config.option
    if getattr(option, "reruns", None):
        raise InvalidFileError(
            ["--reruns: a rerun hides what failed; noisy readings are read again by the suite itself"]
        )
    file = environment_file(config)
    loaded = environment.load(file)
    if option.profile == "nightly" and option.allow_writes:
        raise InvalidFileError(["--allow-writes: not with --profile nightly"])
    if option.allow_writes and loaded.production and not loaded.allow_writes:
        raise InvalidFileError([f"--allow-writes: {file} says production = true and does not say allow_writes = true"])
    if option.settle < 0 or (option.deadline is not None and option.deadline <= 0):
        raise InvalidFileError(["--settle and --deadline take a number of seconds above 0"])
    if option.fail_on == "new" and option.baseline is None:
        raise InvalidFileError(["--fail-on new: needs --baseline results.json"])
    started = time.time()
    rows = catalog.load(CHECKS, loaded, str(file), started)
    profile = PROFILES[option.profile]
    sent = getattr(config, "workerinput", {}).get("penhas", {})
    seconds = profile.deadline if option.deadline is None else option.deadline
    return Suite(
        environment=loaded,
        environment_file=file,
        catalog=rows,
        profile=profile,
        reports_dir=reports_dir(config),
        run_id=sent.get("run_id", new_run_id()),
        started=sent.get("started", started),
        until=time.monotonic() + sent.get("until", started + seconds) - started,
        settle=option.settle,
        restore=option.restore or profile.restore,
        expect_version=option.expect_version,
        language=option.language or loaded.language,
    )


def reports_dir(config: pytest.Config) -> Path:
    """Return the reports folder: the option's, else `reports` beside checks."""
    given = config.option.reports_dir
    return config.rootpath / "reports" if given is None else Path(given).absolute()


def environment_file(config: pytest.Config) -> Path:
    """Return the environment file that the option or the variable names; raise InvalidFileError with what there is."""
    name = config.option.environment or os.environ.get(VARIABLE, "")
    folder = CHECKS / "environments"
    known = ", ".join(sorted(p.stem for p in folder.glob("*.toml")))
    if name == "":
        raise InvalidFileError(
            [f"no environment: give --environment=NAME or set {VARIABLE}; there are: lab, {known}, or any TOML file"]
        )
    if name == "lab":
        return _running_lab()
    if "/" in name or name.endswith(".toml"):
        return Path(name)
    if not (folder / f"{name}.toml").exists():
        raise InvalidFileError(
            [f"--environment={name}: no such environment; there are: lab, {known}, or any TOML file"]
        )
    return folder / f"{name}.toml"


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


def _mark_refused(config: pytest.Config, why: str) -> None:
    """Let no green run of yesterday stand when today's was refused: `latest` becomes UNKNOWN."""
    name = config.option.environment or os.environ.get(VARIABLE, "")
    if name == "" or config.option.check_config or config.option.list_checks or config.option.collectonly:
        return
    try:
        named = _name_of(Path(name)) if name.endswith(".toml") else name
        mark_refused(reports_dir(config), named, config.option.profile, why, time.time())
    except (OSError, ValueError):
        return  # the message on the terminal and exit 4 remain


def _name_of(file: Path) -> str:
    try:
        return str(environment.read_toml(file, "environment file").get("name", file.stem))
    except InvalidFileError:
        return file.stem


def check_config(suite: Suite) -> list[str]:
    """Return one line for each secret that the environment names and that is not set."""
    return [
        f"the variable {name} is not set ({place})"
        for place, name in _variables(suite.environment)
        if not os.environ.get(name)
    ]


def _variables(model: Environment) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def walk(value: object, place: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key == "env" and isinstance(inner, str):
                    found.append((place, inner))
                walk(inner, f"{place}.{key}" if place else str(key))
        elif isinstance(value, (list, tuple)):
            for number, inner in enumerate(value):
                walk(inner, f"{place}[{number}]")

    walk(model.model_dump(), "")
    return found


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer --check-config without collecting or contacting anything."""
    if not config.option.check_config:
        return None
    config._do_configure()
    suite = config.stash[SUITE]
    missing = check_config(suite)
    for line in missing:
        print(f"{suite.environment_file}: {line}")
    count = len(suite.environment.targets())
    if missing == []:
        print(f"{suite.environment_file}: valid: {count} targets, {len(suite.catalog.rows)} rows")
    config._ensure_unconfigure()
    return 4 if missing else 0
