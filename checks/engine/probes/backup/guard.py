"""Where a restore may run: only on the machine that the environment names; called before anything is fetched."""

import os
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from checks.engine.environment import Environment, models
from checks.engine.environment.secrets import Connection
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.conninfo import parameters

# What hosted runners of CI services set (GITHUB_ACTIONS with RUNNER_ENVIRONMENT is refined below).
HOSTED = (
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "CIRCLECI",
    "TRAVIS",
    "BUILDKITE",
    "TF_BUILD",
    "BITBUCKET_BUILD_NUMBER",
    "CODEBUILD_BUILD_ID",
)
LOCAL = {"localhost", "127.0.0.1", "::1", ""}


def allowed(environment: Environment) -> models.Restore:
    """Return [restore] where a copy of people's data may lie on this machine; raise ProbeError where it may not."""
    declared = environment.restore
    if declared is None:
        raise ProbeError(
            Reason.OURS,
            "no [restore] in this environment says where a copy may lie",
            'Add [restore] host = "<name of the machine that verifies>".',
        )
    if not declared.is_here:
        raise ProbeError(
            Reason.OURS,
            f"a copy may lie only on {declared.host}, and this machine is not it",
            f"Run the restore on {declared.host}.",
        )
    if declared.allow_here is None:
        _refuse(environment)
    return declared


def _refuse(environment: Environment) -> None:
    runner = next((name for name in HOSTED if os.environ.get(name)), "")
    if runner != "" and os.environ.get("RUNNER_ENVIRONMENT") != "self-hosted":
        raise ProbeError(
            Reason.OURS,
            "this is a hosted CI runner: no copy of people's data belongs here",
            "Restore on a machine of your own, or say [restore] allow_here with the reason.",
        )
    service = next(_here(environment), None)
    if service is not None:
        raise ProbeError(
            Reason.OURS,
            f"this machine runs {service} of the environment: a restore would take its memory and processor",
            "Restore on another machine, or say [restore] allow_here with the reason.",
        )


def _here(environment: Environment) -> Iterator[str]:
    """Name the services of the environment whose address is this machine's own."""
    if environment.host is not None:
        yield f"the host {environment.host.name}"
    for name, hosts in _addresses(environment):
        if any(_is_here(host) for host in (hosts or "").split(",")):  # libpq takes several
            yield name


def _is_here(host: str) -> bool:
    """Whether a host name or address is this machine's: a socket folder, a name of ours, or an address we can bind."""
    if host.startswith("/") or host in LOCAL or host in {socket.gethostname(), socket.getfqdn()}:
        return True
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return False  # nothing that does not resolve runs here under that name
    return any(_binds(family, address) for family, _, _, _, address in found)


def _binds(family: int, address: tuple[Any, ...]) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind(address)
    except OSError:
        return False
    return True


def _addresses(environment: Environment) -> Iterator[tuple[str, str | None]]:
    if environment.api is not None:
        yield from ((f"api {target.name}", urlsplit(target.url).hostname) for target in environment.api.targets)
    if environment.s3 is not None and environment.s3.endpoint is not None:
        yield "s3", urlsplit(environment.s3.endpoint).hostname
    connections: list[tuple[str, Connection]] = []
    if environment.postgresql is not None:
        ours = (environment.postgresql.primary, *environment.postgresql.replicas)
        connections += [("postgresql", connection) for connection in ours]
    if environment.redis is not None:
        connections += [("redis", connection) for connection in environment.redis.targets]
    for service, connection in connections:
        try:
            yield f"{service} {connection.name}", _host(service, connection.text().reveal())
        except (ProbeError, ValueError):
            continue  # an unset variable is told by the service's own checks


def _host(service: str, text: str) -> str | None:
    """Return the host of a connection string; None where it names none, which is this machine's own socket."""
    if service == "redis":
        return urlsplit(text).hostname
    given = parameters(text)
    return given.get("hostaddr") or given.get("host") or None
