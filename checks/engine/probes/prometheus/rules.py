"""The alert rules that are loaded, those that must be, and what there is for them to look at."""

import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from checks.engine.environment.monitoring import Prometheus
from checks.engine.model import NotJudged, ProbeError, Reason
from checks.engine.probes.folding import place
from checks.engine.probes.prometheus.query import (
    data,
    duration,
    figures,
    instant,
    now,
    one,
    seconds_since,
    unix,
)
from checks.engine.probes.prometheus.relabelling import softened, steps
from checks.engine.probes.prometheus.rule_series import empty, selected
from checks.engine.probes.watchers import Asker, largest
from checks.engine.readings.prometheus import YOUNG
from checks.engine.readings.prometheus_rules import (
    Firing,
    PrometheusEvaluation,
    PrometheusFired,
    PrometheusFiring,
    PrometheusRules,
    Rule,
    Wanted,
)

SHIPPED = Path(__file__).parents[3] / "alert_rules.toml"
HISTORY = 3 * 86400.0


def rules(asker: Asker, settings: Prometheus, uptime: float) -> PrometheusRules | NotJudged:
    """Return the loaded alert rules with what their selectors find, and the ones that are wanted."""
    loaded = loaded_rules(asker)
    series, gone = selected(asker, loaded), empty(asker, loaded)
    if uptime < YOUNG + settings.interval and (gone or any(one.metric_series == 0 for one in series)):
        return NotJudged(f"Prometheus started {uptime:.0f} s ago: its first scrapes are not in yet")
    buckets = sorted({s.metric for s in series if s.metric.endswith("_bucket")})
    facts = figures(
        asker,
        {
            "connections": "max(pg_settings_max_connections)",
            "mounts": "count by (mountpoint)"
            ' (node_filesystem_size_bytes{fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660"})',
            **{
                f"bucket{number}": f'count by (le) ({{__name__="{metric}",le!="+Inf"}})'
                for number, metric in enumerate(buckets)
            },
        },
    )
    return PrometheusRules(
        rules=loaded,
        wanted=wanted(settings),
        selected=series,
        buckets=tuple(
            (metric, max((float(p.labels["le"]) for p in facts[f"bucket{number}"]), default=0.0))
            for number, metric in enumerate(buckets)
        ),
        max_connections=one(facts["connections"]),
        mounts=tuple(sorted(p.labels["mountpoint"] for p in facts["mounts"])),
        jobs=tuple(job.name for job in settings.jobs),
        scrape_interval=settings.interval,
        empty=gone,
        source="GET /api/v1/rules",
        sampled_at=now(),
    )


def evaluation(asker: Asker, settings: Prometheus) -> PrometheusEvaluation:
    """Return how often rules are evaluated, and how often they must be."""
    text = data(asker, "/api/v1/status/config")["yaml"]
    # Only this of a text that may hold what nobody else should see; Prometheus writes the section out in full.
    found = re.search(r"^global:\n(?: +.*\n)*? +evaluation_interval: (\S+)$", text, re.MULTILINE)
    interval = None if found is None else duration(found.group(1))
    if interval is None:
        raise ProbeError(Reason.PROTOCOL, "the configuration that it shows has no global evaluation_interval")
    groups = data(asker, "/api/v1/rules")["groups"]
    due = settings.interval if settings.evaluation_interval is None else settings.evaluation_interval
    return PrometheusEvaluation(
        interval=interval,
        due=due,
        groups=tuple(sorted((str(group["name"])[:60], float(group["interval"])) for group in groups)),
        due_groups=settings.rules_interval,
        source="GET /api/v1/status/config",
        sampled_at=now(),
    )


def loaded_rules(asker: Asker) -> tuple[Rule, ...]:
    """Return every alert rule that is loaded."""
    at = now()
    groups = data(asker, "/api/v1/rules", {"type": "alert"})["groups"]
    return tuple(_rule(rule, group, at) for group in groups for rule in group["rules"])


def firing(asker: Asker, watchdogs: tuple[str, ...]) -> PrometheusFiring:
    """Return what fires now."""
    at = now()
    groups = data(asker, "/api/v1/rules", {"type": "alert"})["groups"]
    return PrometheusFiring(
        firing=tuple(
            sorted(
                (
                    _firing(alert, float(rule["duration"]), at)
                    for group in groups
                    for rule in group["rules"]
                    for alert in rule["alerts"]
                    if alert["state"] == "firing" and alert["labels"]["alertname"] not in watchdogs
                ),
                key=lambda f: (f.severity, f.alert, f.instance),
            )
        ),
        dropped=_softened(asker, (rule for group in groups for rule in group["rules"])),
        source="GET /api/v1/rules",
        sampled_at=at,
    )


def _softened(asker: Asker, rules: Iterable[Mapping[str, Any]]) -> tuple[str, ...] | None:
    try:
        return softened(rules, steps(data(asker, "/api/v1/status/config")["yaml"]))
    except (ProbeError, KeyError, ValueError):
        return None  # some that stand before it show no configuration: what fires is told all the same


def fired(asker: Asker, settings: Prometheus, watchdogs: tuple[str, ...]) -> PrometheusFired:
    """Return how often an alert of each rule began to fire in the last days.

    The stamp of when it became active is looked at only while it fires, as often as rules are evaluated: an alert that
    is only pending has one too. Of each rule the alert counts that fired most often, for eleven targets that were down
    once are no flapping.
    """
    at = now()
    oldest = largest(asker.metrics(), "prometheus_tsdb_lowest_timestamp_seconds")
    window = min(HISTORY, max(60.0, at - oldest))
    firing_now = 'ALERTS_FOR_STATE and ignoring (alertstate) ALERTS{alertstate="firing"}'
    began = instant(
        asker,
        f"max by (alertname) (changes(({firing_now})[{window:.0f}s:{max(1.0, settings.interval):.0f}s]) + 1)",
    )
    return PrometheusFired(
        history=tuple(
            sorted((p.labels["alertname"], int(p.value)) for p in began if p.labels["alertname"] not in watchdogs)
        ),
        source="GET /api/v1/query",
        sampled_at=at,
    )


def wanted(settings: Prometheus) -> tuple[Wanted, ...]:
    """Return the rules that must be loaded: the shipped ones, and the environment's own in place of those it names."""
    own = tuple(Wanted(rule.alert, rule.expr, rule.for_, rule.severity) for rule in settings.rules)
    names = {rule.alert for rule in own}
    return (*(rule for rule in shipped() if rule.alert not in names and settings.guide_rules), *own)


@functools.cache
def shipped() -> tuple[Wanted, ...]:
    """Return the rows of checks/alert_rules.toml."""
    table = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    return tuple(Wanted(row["alert"], row["expr"], float(row["for"]), row["severity"]) for row in table["rule"])


def _firing(alert: dict[str, Any], due: float, at: float) -> Firing:
    labels = alert["labels"]
    return Firing(
        alert=labels["alertname"],
        severity=labels.get("severity", ""),
        instance=place(labels.get("instance", "")),
        since=max(0.0, at - unix(alert["activeAt"]) - due),  # it is active from when it begins to wait for its `for`
    )


def _rule(rule: dict[str, Any], group: dict[str, Any], at: float) -> Rule:
    states = [alert["state"] for alert in rule["alerts"]]
    return Rule(
        name=rule["name"],
        expr=rule["query"],
        for_=float(rule["duration"]),
        severity=rule["labels"].get("severity", ""),
        health=rule["health"],
        age=seconds_since(rule["lastEvaluation"], at),
        interval=float(group["interval"]),
        took=float(rule["evaluationTime"]),
        pending=states.count("pending"),
        firing=states.count("firing"),
    )
