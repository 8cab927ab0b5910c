"""What the faults of the watchers share: they return when Prometheus, or Alertmanager, has seen what changed."""

import contextlib
import datetime
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from lab.alertmanager import Alertmanager
from lab.faults.registry import Act, Fault, register
from lab.monitoring import Watchers
from lab.prometheus import Prometheus
from lab.proxy import Mode
from lab.running import Running
from lab.state import LabError

WITHIN = 50.0
P, A = "prometheus", "alertmanager"


def watchers(running: Running) -> Watchers:
    """Return the watchers of a lab that has them."""
    if running.watchers is None:
        raise LabError("this lab runs without what this breaks: python -m lab up --monitoring")
    return running.watchers


def metrics(running: Running) -> Prometheus:
    """Return the Prometheus of a lab that has one."""
    found = watchers(running).prometheus
    if found is None:
        raise LabError("Debian's prometheus, prometheus-alertmanager and exporters are not installed")
    return found


def manager(running: Running) -> Alertmanager:
    """Return the Alertmanager of a lab that has one."""
    metrics(running)
    found = watchers(running).alertmanager
    assert found is not None  # noqa: S101 (it comes with Prometheus)
    return found


def until(what: str, condition: Callable[[], bool], within: float = WITHIN, found: Callable[[], object] = str) -> None:
    """Return when a condition holds; a LabError that says what was `found` when it does not in time."""
    end = time.monotonic() + within
    while True:
        with contextlib.suppress(URLError, OSError):
            if condition():
                return
        if time.monotonic() > end:
            raise LabError(f"not so within {within:.0f} s: {what} {found()}")
        time.sleep(0.15)


def expect(service: str = P, **states: str) -> dict[str, str]:
    """Return an expectation of checks of one service's only target, their ids with _ for -."""
    return {f"{name.replace('_', '-')}@{service}": state for name, state in states.items()}


def fault(name: str, what: str, expected: Mapping[str, str], break_: Act, mend: Act, *services: str) -> None:
    """Register a fault of what watches the lab."""
    register(Fault(name, what, services or (P, A), expected, told(break_), told(mend), monitoring=True))


def told(act: Act) -> Act:
    """Return an act whose trouble with a server or a file is a LabError, so that whoever asked is told."""

    def tell(running: Running) -> None:
        try:
            act(running)
        except OSError as error:
            raise LabError(f"{type(error).__name__}: {error}") from error

    return tell


def scraped(running: Running) -> None:
    """Return when every target has been scraped and every rule evaluated since now."""
    found = metrics(running)
    began = time.time()

    def seen() -> bool:
        targets = found.ask("/api/v1/targets", {"state": "active"})["activeTargets"]
        return bool(targets) and all(stamp(target["lastScrape"]) > began for target in targets)

    def evaluated() -> bool:
        rules = [r for g in found.ask("/api/v1/rules")["groups"] for r in g["rules"]]
        return all(stamp(rule["lastEvaluation"]) > began for rule in rules)

    until("every target is scraped", seen)
    began = time.time()
    until("every rule is evaluated", evaluated)


def well(running: Running) -> None:
    """Return when every target is up, nothing fires, and the watchdog has arrived; at once while more is broken."""
    if len(running.broken) > 1:
        return
    found = metrics(running)

    def up() -> bool:
        targets = found.ask("/api/v1/targets", {"state": "active"})["activeTargets"]
        due = sum(map(len, found.jobs.values()))
        return len(targets) == due and all(target["health"] == "up" for target in targets)

    until("every target is up", up, found=lambda: _problems(found))
    scraped(running)
    until("nothing fires", lambda: firing(found) == {"Watchdog"}, found=lambda: (firing(found), _problems(found)))
    until("Alertmanager has the watchdog", lambda: "Watchdog" in held(running))


def _problems(found: Prometheus) -> list[str]:
    targets = found.ask("/api/v1/targets", {"state": "active"})["activeTargets"]
    return [f"{one['labels']['job']} {one['lastError']}" for one in targets if one["health"] != "up"]


def stamp(text: str) -> float:
    """Return the Unix time of a stamp as Prometheus writes them."""
    whole, _, rest = text.partition(".")
    digits = re.match(r"\d*", rest)
    moment = datetime.datetime.fromisoformat(f"{whole.removesuffix('Z')}+00:00").timestamp()
    return moment + float(f"0.{digits.group(0) or 0}" if digits is not None else 0)


def firing(found: Prometheus) -> set[str]:
    """Return the names of the alerts that are pending or firing."""
    alerts = found.ask("/api/v1/alerts")["alerts"]
    return {alert["labels"]["alertname"] for alert in alerts if alert["state"] != "inactive"}


def held(running: Running) -> set[str]:
    """Return the names of the alerts that Alertmanager holds."""
    with urlopen(f"http://127.0.0.1:{manager(running).port}/api/v2/alerts", timeout=5) as answer:
        return {alert["labels"]["alertname"] for alert in json.loads(answer.read())}


def _status(running: Running) -> Any:
    with urlopen(f"http://127.0.0.1:{manager(running).port}/api/v2/status", timeout=5) as answer:
        return json.loads(answer.read())


def fires(*names: str) -> Act:
    """Return an act that waits until some alerts fire."""

    def act(running: Running) -> None:
        found = metrics(running)
        until(f"{', '.join(names)} fires", lambda: fires_now(found, names))

    return act


def fires_now(found: Prometheus, names: tuple[str, ...]) -> bool:
    """Whether all of these alerts fire."""
    alerts = found.ask("/api/v1/alerts")["alerts"]
    return set(names) <= {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}


def no_watchdog(running: Running) -> None:
    """Return when Alertmanager has lost the watchdog, and has been up for long enough to be blamed for that."""
    began = stamp(_status(running)["uptime"])
    until("Alertmanager is old enough", lambda: time.time() - began > 121, within=125)  # noqa: PLR2004 (the check's limit)
    until("Alertmanager has lost the watchdog", lambda: "Watchdog" not in held(running))


def proxied(proxy: str, *after: Act) -> Act:
    """Return an act that breaks a connection within the lab, and waits."""

    def act(running: Running) -> None:
        metrics(running)
        running.proxies.set(proxy, Mode.REFUSED)
        for one in after:
            one(running)

    return act


def unproxied(proxy: str) -> Act:
    """Return an act that mends a connection within the lab, and waits until all is well."""

    def act(running: Running) -> None:
        running.proxies.set(proxy, Mode.PASS)
        well(running)

    return act
