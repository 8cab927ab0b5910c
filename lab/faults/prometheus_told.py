"""What cannot be made to happen to a Prometheus of a minute, and is told by a relay before it: age, clock, damage."""

import time
from collections.abc import Callable
from typing import Any

from lab.faults.registry import Act
from lab.faults.watching import P, expect, fault, metrics
from lab.relay import Relay, json_at
from lab.running import Running


def _lied(**paths: Callable[[Any], None]) -> Act:
    def act(running: Running) -> None:
        found = metrics(running)
        ((path, change),) = ((name.replace("__", "/"), one) for name, one in paths.items())
        running.kept["relay"] = Relay(found.port, json_at(path, change))
        running.proxies.redirect("prometheus", running.kept["relay"].port)

    return act


def _truth(running: Running) -> None:
    running.proxies.redirect("prometheus", metrics(running).port)
    running.kept.pop("relay").stop()


def _set(**values: Any) -> Callable[[Any], None]:
    return lambda table: table["data"].update(values)


def _hurry(table: Any) -> None:
    if table["data"]["resultType"] == "scalar":
        table["data"]["result"][1] = str(float(table["data"]["result"][1]) + 90)


fault(
    "prometheus-clock-wrong",
    "Prometheus' clock is 90 s ahead",
    expect(prometheus_clock="CRITICAL"),
    _lied(__api__v1__query=_hurry),
    _truth,
    P,
)
fault(
    "prometheus-retention-short",
    "Prometheus keeps two days",
    expect(prometheus_retention="WARNING"),
    _lied(__api__v1__status__runtimeinfo=_set(storageRetention="2d")),
    _truth,
    P,
)
fault(
    "prometheus-storage-damaged",
    "Prometheus found its storage damaged",
    expect(prometheus_storage="CRITICAL"),
    _lied(__api__v1__status__runtimeinfo=_set(corruptionCount=1)),
    _truth,
    P,
)


def _overloaded(running: Running) -> None:
    found = metrics(running)
    name = b"prometheus_rule_group_iterations_missed_total"
    began = time.time()

    def more(path: str, body: bytes) -> bytes:
        missed = b'\n%s{rule_group="lab"} %d\n' % (name, 10 * (time.time() - began))
        return body + missed if path.startswith("/metrics") else body

    running.kept["relay"] = Relay(found.port, more)
    running.proxies.redirect("prometheus", running.kept["relay"].port)


fault(
    "prometheus-overloaded",
    "Prometheus is too slow to evaluate its rules",
    expect(prometheus_evaluations_missed="WARNING"),
    _overloaded,
    _truth,
    P,
)


def _fills(table: Any) -> None:
    """Let every disk have been filling for two hours: within the lab's life none does."""
    points = table["data"]["result"] if table["data"]["resultType"] == "vector" else []
    for point in [point for point in points if point["metric"].get("figure") == "history"]:
        point["value"][1] = "7200"
        moment, metric = point["value"][0], {**point["metric"], "figure": "full_in"}
        points[:] = [one for one in points if one["metric"] != metric]
        points.append({"metric": metric, "value": [moment, "40000"]})


fault(
    "node-disk-fills-soon",
    "at the pace of the last hours the nodes' disks are full in eleven hours",
    expect(metrics_node_disk_forecast="CRITICAL"),
    _lied(__api__v1__query=_fills),
    _truth,
    P,
)
