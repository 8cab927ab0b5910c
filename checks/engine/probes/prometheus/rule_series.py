"""What there is for alert rules to look at: the series of their selectors, and of what they compare.

Called by rules.py.
"""

from checks.engine import promql
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.prometheus.query import Point, figures, one
from checks.engine.probes.watchers import Asker
from checks.engine.readings.prometheus_rules import Rule, Selected

TOGETHER = 20  # of what rules compare is asked for in one query


def selected(asker: Asker, loaded: tuple[Rule, ...]) -> tuple[Selected, ...]:
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


def empty(asker: Asker, loaded: tuple[Rule, ...]) -> tuple[str, ...]:
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
