"""Made readings of alert rules, for the pure judgements on them."""

from checks.engine import promql
from checks.engine.readings.prometheus_rules import PrometheusRules, Rule, Selected, Wanted


def rule(name: str, expr: str, *, for_: float = 300, severity: str = "critical") -> Rule:
    """Return a healthy rule."""
    return Rule(name, expr, for_, severity, "ok", 1.0, 15.0, 0.001, 0, 0)


def reading(*rules: Rule, wanted: tuple[Wanted, ...] = (), **facts: object) -> PrometheusRules:
    """Return a reading in which every selector finds a series; `empty` maps a metric to other fields of a Selected.

    `empty_lefts` are what is compared and not there.
    """
    empty = facts.pop("empty", {})
    assert isinstance(empty, dict)
    selected = []
    for one in rules:
        for selector in promql.selectors(promql.parse(one.expr)):
            found = {"series": 1, "metric_series": 1, "lacking": (), **empty.get(selector.metric, {})}
            selected.append(Selected(one.name, selector.metric, selector.text, **found))
    given: dict[str, object] = {
        "buckets": (),
        "max_connections": 100.0,
        "mounts": ("/",),
        "jobs": ("api", "node"),
        "scrape_interval": 15.0,
        "empty": facts.pop("empty_lefts", ()),
        **facts,
    }
    return PrometheusRules(
        rules=rules,
        wanted=wanted,
        selected=tuple(selected),
        source="made",
        sampled_at=0.0,
        **given,  # type: ignore[arg-type]
    )
