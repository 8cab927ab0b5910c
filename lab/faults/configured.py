"""What the faults of Prometheus' configuration share: each act returns when the change is in force."""

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

from lab import prometheus
from lab.faults.registry import Act
from lab.faults.watching import held, metrics, scraped, until, well
from lab.prometheus import Prometheus
from lab.running import Running

_LOADED_AT = "prometheus_config_last_reload_success_timestamp_seconds"


def reload(running: Running, **changes: Any) -> None:
    """Write Prometheus' configuration with some more changes, and return when it is in force."""
    found = metrics(running)
    found.changes |= changes
    before = own_figure(found, _LOADED_AT)
    time.sleep(max(0.0, 1.05 - (time.time() - before)))  # its stamp counts whole seconds
    found.write(**found.changes)
    found.reload()
    until("Prometheus has loaded its configuration", lambda: own_figure(found, _LOADED_AT) > before)
    if found.changes.get("alertmanager", True):
        # it looks for it anew, and what it has to say meanwhile is lost
        until("it knows its Alertmanager", lambda: len(found.ask("/api/v1/alertmanagers")["activeAlertmanagers"]) > 0)
        if "Watchdog" in (found.changes.get("rules") or "Watchdog"):
            until("Alertmanager has the watchdog", lambda: "Watchdog" in held(running))


def own_figure(found: Prometheus, metric: str) -> float:
    """Return a figure of Prometheus' own /metrics, 0 where it has none."""
    with urlopen(f"http://127.0.0.1:{found.port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    match = re.search(rf"^{metric} (\S+)$", text, re.MULTILINE)
    return float(match.group(1)) if match is not None else 0.0


def own_figures(found: Prometheus, metric: str) -> float:
    """Return the sum of a metric of Prometheus' own over all its labels."""
    with urlopen(f"http://127.0.0.1:{found.port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return sum(float(value) for value in re.findall(rf"^{metric}\{{.*\}} (\S+)$", text, re.MULTILINE))


def configured(*after: Act, **changes: Any) -> Act:
    """Return an act that changes the configuration and waits for what `after` says, else for a scrape."""

    def act(running: Running) -> None:
        reload(running, **changes)
        for one in after or (scraped,):
            one(running)

    return act


def restored(running: Running) -> None:
    """Write the configuration as it should be, and return when all is well; what broke it beside this is mended too."""
    found = metrics(running)
    found.intervals, found.limits, found.evaluation, found.changes = {}, {}, f"{prometheus.INTERVAL:.0f}s", {}
    before = found.written
    found.write()
    if found.written != before:
        reload(running)
    found.forget('{job="stray"}')
    well(running)


def edited(change: Callable[[str], str]) -> str:
    """Return the lab's rules with a change."""
    return change(prometheus.shortened(prometheus.RULES.read_text(encoding="utf-8")))


def without(name: str) -> str:
    """Return the lab's rules without one."""
    return edited(lambda text: re.sub(rf"      - alert: {name}\n(?:        .*\n|\n)*", "", text))


def with_jobs(running: Running, change: Callable[[prometheus.Jobs], prometheus.Jobs], gone: str = "") -> None:
    """Change the jobs; what is scraped no more would be seen for five minutes yet, so series of `gone` are deleted."""
    reload(running, jobs=change(dict(metrics(running).jobs)))
    scraped(running)
    if gone != "":
        until("its series are gone", lambda: _forgotten(metrics(running), gone))


def _forgotten(found: Prometheus, selector: str) -> bool:
    found.forget(selector)
    return found.value(f"count({selector})") is None
