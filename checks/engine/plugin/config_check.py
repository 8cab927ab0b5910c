"""--check-config: every file and variable validated, nothing collected and nothing contacted."""

from collections.abc import Iterator

import pytest

from checks.engine.environment.secrets import Connection, Model, Secret
from checks.engine.model import ProbeError
from checks.engine.plugin.suite import SUITE, Suite


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer --check-config: exit 0 when all is there, 4 when a variable is not set or malformed."""
    if not config.option.check_config:
        return None
    config._do_configure()
    try:
        suite = config.stash[SUITE]
        missing = unset(suite) or malformed(suite)
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
    """Return one line for each variable that the environment names and that is not set or holds a control character."""
    lines = []
    for place, secret in _variables(suite.environment, ""):
        try:
            secret.text()
        except ProbeError as error:
            lines.append(f"{place}.env: {error.why}")
    return lines


def malformed(suite: Suite) -> list[str]:
    """Return one line for each connection string that no client would take; none is quoted, and nothing contacted."""
    from checks.engine.probes import conninfo, redis_connection  # noqa: PLC0415 (they bring the drivers, which a run loads beside)

    databases, caches, queue = suite.environment.postgresql, suite.environment.redis, suite.environment.minion
    lines = []
    named: list[tuple[str, Connection | Secret]] = []
    if databases is not None:
        named += [(f"postgresql {one.name}", one) for one in (databases.primary, *databases.replicas)]
    if queue is not None and queue.canary is not None:
        named.append(("minion canary", queue.canary.connection))
    for name, connection in named:
        try:
            several = conninfo.several_hosts(conninfo.parameters(connection.text().reveal()))
            if several != "":
                lines.append(f"{name}: the connection string in {connection.env} {several}; give each a target")
        except ValueError:
            lines.append(
                f"{name}: the connection string in {connection.env} is malformed;"
                " write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
            )
    for connection in () if caches is None else caches.targets:
        try:
            redis_connection.parameters(connection)
        except ProbeError as error:
            lines.append(f"redis {connection.name}: {error.why}. {error.mend}")
    return lines


def _variables(value: object, place: str) -> Iterator[tuple[str, Connection | Secret]]:
    if isinstance(value, Connection | Secret):
        yield place, value
    elif isinstance(value, Model):
        for key, field in type(value).model_fields.items():
            if not field.exclude:
                yield from _variables(getattr(value, key), f"{place}.{key}" if place else key)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _variables(inner, f"{place}.{key}")
    elif isinstance(value, tuple):
        for number, inner in enumerate(value):
            yield from _variables(inner, f"{place}[{number}]")
