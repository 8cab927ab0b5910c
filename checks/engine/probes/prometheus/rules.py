"""The alert rules that are loaded, those that must be, and what there is for them to look at."""

import functools
import re
import tomllib
from pathlib import Path
from typing import Any

from checks.engine import promql
from checks.engine.environment.monitoring import Prometheus
from checks.engine.model import NotJudged, ProbeError, Reason
from checks.engine.probes.folding import place
from checks.engine.probes.prometheus.query import (
    Point,
    data,
    duration,
    figures,
    instant,
    now,
    one,
    seconds_since,
    unix,
)
from checks.engine.probes.prometheus.relabelling import sent, steps
from checks.engine.probes.watchers import Asker, largest
from checks.engine.readings.prometheus import YOUNG
from checks.engine.readings.prometheus_rules import (
    Firing,
    PrometheusEvaluation,
    PrometheusFired,
    PrometheusFiring,
    PrometheusRules,
    Rule,
    Selected,
    Wanted,
)

SHIPPED = Path(__file__).parents[3] / "alert_rules.toml"
TOGETHER = 20  # of what rules compare is asked for in one query
HISTORY = 3 * 86400.0
_MILDER = {"", "warning", "info", "none"}  # an own word for critical (page, P1) is no milder one


def rules(asker: Asker, settings: Prometheus, uptime: float) -> PrometheusRules | NotJudged:
    """Return the loaded alert rules with what their selectors find, and the ones that are wanted."""
    loaded = loaded_rules(asker)
    selected = _selected(asker, loaded)
    empty = _empty(asker, loaded)
    if uptime < YOUNG + settings.interval and (empty or any(one.metric_series == 0 for one in selected)):
        return NotJudged(f"Prometheus started {uptime:.0f} s ago: its first scrapes are not in yet")
    buckets = sorted({s.metric for s in selected if s.metric.endswith("_bucket")})
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
        selected=selected,
        buckets=tuple(
            (metric, max((float(p.labels["le"]) for p in facts[f"bucket{number}"]), default=0.0))
            for number, metric in enumerate(buckets)
        ),
        max_connections=one(facts["connections"]),
        mounts=tuple(sorted(p.labels["mountpoint"] for p in facts["mounts"])),
        jobs=tuple(job.name for job in settings.jobs),
        scrape_interval=settings.interval,
        empty=empty,
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
        dropped=_dropped(asker, [rule for group in groups for rule in group["rules"]]),
        source="GET /api/v1/rules",
        sampled_at=at,
    )


def _dropped(asker: Asker, rules: list[dict[str, Any]]) -> tuple[str, ...] | None:
    try:
        relabelling = steps(data(asker, "/api/v1/status/config")["yaml"])
    except (ProbeError, KeyError, ValueError):
        return None  # some that stand before it show no configuration: what fires is told all the same
    found = []
    for rule in rules:
        labels = {**{k: str(v) for k, v in rule.get("labels", {}).items()}, "alertname": str(rule["name"])}
        if labels.get("severity") == "critical" and (sent(labels, relabelling) or {}).get("severity", "") in _MILDER:
            found.append(labels["alertname"])
    return tuple(dict.fromkeys(found))


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


def _selected(asker: Asker, loaded: tuple[Rule, ...]) -> tuple[Selected, ...]:
    """Return how many series each selector of each rule has now, all asked for in one query."""
    asked: list[tuple[str, promql.Selector]] = []
    for rule in loaded:
        try:
            asked += [(rule.name, selector) for selector in promql.selectors(promql.parse(rule.expr))]
        except ValueError:
            continue  # newer than our parser: what it selects is not known, and the check says so
    texts: dict[str, None] = {}
    for _, selector in asked:
        texts.update(dict.fromkeys((selector.text, _any(selector), *_with_labels(selector).values())))
    names = {text: f"s{number}" for number, text in enumerate(texts)}
    found = figures(asker, {name: f"count({text})" for text, name in names.items()}) if names else {}

    def count(text: str) -> int:
        return int(one(found[names[text]]) or 0)

    return tuple(
        Selected(
            rule=name,
            metric=selector.metric,
            text=selector.text,
            series=count(selector.text),
            metric_series=count(_any(selector)),
            lacking=tuple(label for label, text in _with_labels(selector).items() if count(text) == 0),
        )
        for name, selector in asked
    )


def _empty(asker: Asker, loaded: tuple[Rule, ...]) -> tuple[str, ...]:
    """Return what rules compare with a number, and what is not there: not now, nor in the last ten minutes."""
    texts: dict[str, None] = {}
    for rule in loaded:
        try:
            nodes = promql.arms(promql.parse(rule.expr))
        except ValueError:
            continue
        texts.update(dict.fromkeys(text for node in nodes for text, _ in promql.compared(node)))
    gone = _of_none(asker, {text: f"count({text})" for text in texts})
    # what a deploy has started a moment ago has no rate yet
    return _of_none(asker, {text: f"max_over_time(count({text})[10m:1m])" for text in gone})


def _of_none(asker: Asker, asked: dict[str, str]) -> tuple[str, ...]:
    """Return for which of some queries there is no value; one that fails is none of them (alerts-rules-healthy)."""
    names = {text: f"e{number}" for number, text in enumerate(asked)}
    found: dict[str, list[Point]] = {}
    texts = tuple(asked)
    for some in (texts[start : start + TOGETHER] for start in range(0, len(texts), TOGETHER)):
        together = _well(asker, {names[text]: asked[text] for text in some})
        each = (_well(asker, {names[text]: asked[text]}) for text in some)
        for part in each if together is None else (together,):
            found |= part or {}
    return tuple(text for text, name in names.items() if found.get(name, ()) == [])


def _well(asker: Asker, asked: dict[str, str]) -> dict[str, list[Point]] | None:
    try:
        return figures(asker, asked)
    except ProbeError as error:
        if error.reason is not Reason.NO_DATA:
            raise
        return None


def _any(selector: promql.Selector) -> str:
    return selector.text if selector.metric == "" else f'{{__name__="{selector.metric}"}}'


def _with_labels(selector: promql.Selector) -> dict[str, str]:
    if selector.metric == "":
        return {}
    return {label: f'{{__name__="{selector.metric}",{label}!=""}}' for label in selector.labels}
