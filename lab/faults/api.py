"""What goes wrong with one instance of the API: the second, because asking only the first is a common mistake."""

import os
import signal
from typing import Any

from lab import api_processes
from lab.faults.expect import API, at, unreachable
from lab.faults.registry import Fault, register
from lab.proxy import Mode
from lab.running import Running

NAME = "api2"
SLOW = {"warning": 0.7, "critical": 1.4}


def _control(fault: str, what: str, expect: dict[str, str], **settings: Any) -> None:
    """Register a fault that is a setting of the instance's control file."""
    taken_back = dict.fromkeys(settings)
    register(
        Fault(
            fault,
            what,
            ("api",),
            expect,
            lambda running: running.apis[NAME].misbehave(**settings),
            lambda running: running.apis[NAME].misbehave(**taken_back),
        )
    )


def _own(component: str) -> None:
    """Register a fault between the instance and something that it uses."""
    expect = {
        f"api-health-discreet@{NAME}": "WARNING",
        f"api-health@{NAME}": "CRITICAL",
        f"api-agreement-{component}@{NAME}": "CRITICAL",
    }
    if component == "database":
        expect |= {f"api-probes@{NAME}": "CRITICAL", f"minion-stats@{NAME}": "CRITICAL"}
    if component != "s3":
        expect |= {f"api-detailed-complete@{NAME}": "CRITICAL", f"api-detailed-agreement@{NAME}": "UNKNOWN"}
    register(
        Fault(
            f"{NAME}-without-{component}",
            f"{NAME} cannot reach its {component}, everybody else can",
            ("api",),
            expect,
            lambda running: running.proxies.set(f"{NAME}-{component}", Mode.REFUSED),
            lambda running: running.proxies.set(f"{NAME}-{component}", Mode.PASS),
        )
    )


def _freeze(running: Running, how: signal.Signals) -> None:
    process = running.apis[NAME].process
    assert process is not None  # noqa: S101 (for the type checker: it runs)
    os.kill(process.pid, how)


def _kill(running: Running) -> None:
    process = running.apis[NAME].process
    assert process is not None  # noqa: S101 (for the type checker: it runs)
    process.stop()


def _revive(running: Running) -> None:
    api = running.apis[NAME]
    api_processes.start(running.launcher, api, running.options.flavour)
    api_processes.await_ready(running.launcher, api, running.options.flavour)
    running.proxies.redirect(NAME, api.port)


for _component in ("database", "redis", "s3"):
    _own(_component)
    _control(
        f"{NAME}-claims-{_component}-failed",
        f"{NAME} says that its {_component} failed, and it did not",
        {f"api-health@{NAME}": "CRITICAL", f"api-agreement-{_component}@{NAME}": "CRITICAL"},
        health_claims={_component: "error: lab"},
    )
_control(
    f"{NAME}-health-503",
    f"{NAME} answers 503 although it says that every component is well",
    {f"api-health@{NAME}": "CRITICAL"},
    health_status=503,
)
_control(
    f"{NAME}-clock-wrong",
    f"the clock of {NAME} is ten minutes off",
    {f"api-health@{NAME}": "WARNING"},
    clock_offset=600,
)
_control(
    f"{NAME}-version-old",
    f"{NAME} runs the version before",
    {f"api-versions-agree@{NAME}": "WARNING"},
    version="2.13.9",
)
_control(
    f"{NAME}-version-untold",
    f"{NAME} does not say which version it runs, and the others do",
    {f"api-versions-agree@{NAME}": "WARNING"},
    version="",
)
_control(
    f"{NAME}-maintenance-open",
    f"{NAME} runs its maintenance routes for everybody",
    {f"api-maintenance-guarded@{NAME}": "CRITICAL"},
    open_maintenance=True,
)
_control(
    f"{NAME}-admin-open",
    f"{NAME} shows Minion's own page to everybody (where there is one: on the public flavour)",
    {f"api-admin-guarded@{NAME}": "CRITICAL"},
    open_admin=True,
)
_control(
    f"{NAME}-detailed-open",
    f"{NAME} shows its detailed health to everybody",
    {f"api-detailed-guarded@{NAME}": "CRITICAL"},
    open_detailed=True,
)
_control(
    f"{NAME}-figures-missing",
    f"the detailed health of {NAME} lacks figures",
    {f"api-detailed-complete@{NAME}": "CRITICAL"},
    drop_figures=["database.replication_lag", "minion.failed_jobs"],
)
_control(
    f"{NAME}-figures-wrong",
    f"the detailed health of {NAME} tells figures that are not so",
    {f"api-detailed-agreement@{NAME}": "WARNING"},
    wrong_figures={"database.connections": 9000, "redis.memory_used": 9_000_000_000, "minion.job_queue_size": 9000},
)
_control(
    f"{NAME}-statistics-wrong",
    f"{NAME} counts 9000 jobs that wait where hardly any do",
    {f"minion-stats@{NAME}": "WARNING"},
    inactive=9000,
)
_control(
    f"{NAME}-errors",
    f"{NAME} answers every request of the application with 500",
    {f"api-probes@{NAME}": "CRITICAL"},
    errors=1.0,
)
for _state, _seconds in SLOW.items():
    _control(
        f"{NAME}-slow-{_state}",
        f"{NAME} takes {_seconds} s for every request of the application",
        {
            f"capacity-api-response-time@{NAME}": _state.upper(),
            f"capacity-api-response-time-smoke@{NAME}": _state.upper(),
        },
        latency=_seconds,
    )
register(
    Fault(
        f"{NAME}-frozen",
        f"the process of {NAME} is stopped: it accepts connections and says nothing",
        ("api",),
        unreachable(f"api-connection@{NAME}", at(NAME, API)),
        lambda running: _freeze(running, signal.SIGSTOP),
        lambda running: _freeze(running, signal.SIGCONT),
    )
)
register(
    Fault(
        f"{NAME}-down",
        f"the process of {NAME} is gone",
        ("api",),
        unreachable(f"api-connection@{NAME}", at(NAME, API)),
        _kill,
        _revive,
    )
)
