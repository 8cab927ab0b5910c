"""What is wrong with the routes of Alertmanager: a pure judgement on AlertmanagerServer, as lines for its findings.

Called by checks/monitoring/test_alertmanager.py.
"""

from collections.abc import Iterator

from checks.engine.judge import show_base
from checks.engine.model import State, Unit
from checks.engine.readings.alertmanager import AlertmanagerServer, Route

LONGEST_WAIT = 300.0
_CRITICAL = "critical"


def wrong(server: AlertmanagerServer) -> list[tuple[State, str]]:
    """Return state and text of everything that keeps alerts from somebody, the worst first.

    A rule that is no worse off than its severity is not named beside it.
    """
    found: dict[tuple[str, str], list[tuple[State, str]]] = {}
    for route in server.routes:
        state = State.CRITICAL if route.alert == "" or route.severity == _CRITICAL else State.WARNING
        if route.alert != "" and route.alert == server.watchdog:
            for text in _silent(route):
                dead = f"{server.watchdog} goes to {text}: nobody learns that alerting itself is dead"
                found["", dead] = [(State.WARNING, "")]
            continue
        for text in (*(f"go to {silent}" for silent in _silent(route)), *_inhibited(route, server.watchdog)):
            found.setdefault((route.severity, text), []).append((state, route.alert))
        for text in _late(route):
            found.setdefault((route.severity, text), []).append((State.WARNING, route.alert))
    lines = [
        (said[0][0], _line(severity, [name for _, name in said], text)) for (severity, text), said in found.items()
    ]
    return sorted(lines, key=lambda line: line[0] is not State.CRITICAL)


def _silent(route: Route) -> Iterator[str]:
    if route.undefined:
        yield "a receiver that is not defined"
    if route.receivers in {(), route.silent}:
        yield f"{', '.join(route.silent)}, which tells nobody"


def _inhibited(route: Route, watchdog: str) -> Iterator[str]:
    if route.inhibited:
        yield f"are hidden by {watchdog}, which always fires: see inhibit_rules"


def _late(route: Route) -> Iterator[str]:
    if route.severity == _CRITICAL and route.muted:
        yield "tell nobody at some times: see the time intervals of their route"
    if route.severity == _CRITICAL and route.wait > LONGEST_WAIT:
        yield f"wait {show_base(route.wait, Unit.SECONDS)} before anybody is told: see group_wait"


def _line(severity: str, names: list[str], text: str) -> str:
    if severity == "":
        return text
    return f"{severity} alerts {text}" if "" in names else f"{severity} alerts {', '.join(names)} {text}"
