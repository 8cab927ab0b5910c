"""The options that say how a backup is restored; they stand above what the environment file says under [restore]."""

from dataclasses import replace

import pytest

from checks.engine.plugin.suite import SUITE, is_worker
from checks.engine.plugin.where import refuse


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare them beside the suite's other options."""
    add = parser.getgroup("penhas-checks").addoption
    add(
        "--restore-tier",
        metavar="full|rows",
        help="with a restore: rows and contents only, in a fraction of the time, or all (default: [restore] tier)",
    )
    add(
        "--drill",
        action="store_true",
        help="with a restore: break the copy on purpose in the end, and see that the verification says so",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Put the options into the environment that the run works with."""
    asked = {"tier": config.option.restore_tier, "drill": config.option.drill or None}
    given = {key: value for key, value in asked.items() if value is not None}
    if SUITE not in config.stash or not given:
        return
    suite = config.stash[SUITE]
    if suite.environment.restore is None:
        why = f"--restore-tier, --drill: {suite.environment_file} has no [restore]"
        if not is_worker(config):
            refuse(config, why)
        raise pytest.UsageError(why)
    changed = suite.environment.restore.model_copy(update=given)
    config.stash[SUITE] = replace(suite, environment=suite.environment.model_copy(update={"restore": changed}))
