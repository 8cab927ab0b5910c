"""--check-config: every file and variable validated, nothing collected and nothing contacted."""

import os
from collections.abc import Iterator

import pytest

from checks.engine.plugin.suite import SUITE, Suite


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer --check-config: exit 0 when all is there, 4 when a variable is not set."""
    if not config.option.check_config:
        return None
    config._do_configure()
    try:
        suite = config.stash[SUITE]
        missing = unset(suite)
        for line in missing:
            print(f"{suite.environment_file}: {line}")
        if missing == []:
            targets, rows, waivers = suite.environment.targets(), suite.catalog.rows, suite.catalog.waivers
            counted = f"{len(targets)} targets, {len(rows)} rows, {len(waivers)} waivers"
            print(f"{suite.environment_file}: valid: {counted}")
        return pytest.ExitCode.USAGE_ERROR if missing else pytest.ExitCode.OK
    finally:
        config._ensure_unconfigure()


def unset(suite: Suite) -> list[str]:
    """Return one line for each variable that the environment names and that is not set."""
    return [
        f"{place}: the variable {name} is not set"
        for place, name in _variables(suite.environment.model_dump(), "")
        if not os.environ.get(name)
    ]


def _variables(value: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        name = value.get("env")
        if isinstance(name, str):
            yield f"{place}.env", name
        for key, inner in value.items():
            yield from _variables(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, tuple):
        for number, inner in enumerate(value):
            yield from _variables(inner, f"{place}[{number}]")
