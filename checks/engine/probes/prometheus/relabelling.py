"""What Prometheus' alert_relabel_configs make of an alert before it is sent, as far as a rule's own labels tell.

Called by the probe of Prometheus. Of the configuration nothing else is looked at, and nothing of it is kept.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

_MILDER = {"", "warning", "info", "none"}  # an own word for critical (page, P1) is no milder one
_REFERENCE = re.compile(r"\$(?:(\d+)|\{(\d+)\})")


def steps(text: str) -> tuple[Mapping[str, Any], ...]:
    """Return the alert_relabel_configs of a configuration that Prometheus shows; raises ValueError where it is none."""
    try:
        table = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (both are safe)
    except (yaml.YAMLError, RecursionError):
        raise ValueError("no YAML") from None
    if not isinstance(table, dict):
        raise ValueError("no table")
    return tuple((table.get("alerting") or {}).get("alert_relabel_configs") or ())


def sent(labels: Mapping[str, str], relabelling: tuple[Mapping[str, Any], ...]) -> Mapping[str, str] | None:
    """Return the labels with which an alert is sent, None where it is dropped.

    What looks at labels that only the alert itself will have is passed over.
    """
    found = dict(labels)
    for step in relabelling:
        action, sources = str(step.get("action", "replace")).lower(), step.get("source_labels") or ()
        try:
            pattern = re.compile(str(step.get("regex", "(.*)")))
        except re.error:
            continue  # RE2 has words that ours has not
        if action in {"labeldrop", "labelkeep"}:
            keep = action == "labelkeep"
            found = {name: value for name, value in found.items() if (pattern.fullmatch(name) is not None) is keep}
        elif all(name in found for name in sources):
            match = pattern.fullmatch(str(step.get("separator", ";")).join(found[name] for name in sources))
            if (action == "drop" and match is not None) or (action == "keep" and match is None):
                return None
            if action == "replace" and match is not None:
                found[str(step.get("target_label"))] = _expanded(str(step.get("replacement", "$1")), match)
    return found


def softened(rules: Iterable[Mapping[str, Any]], relabelling: tuple[Mapping[str, Any], ...]) -> tuple[str, ...]:
    """Return the names of the critical rules, as Prometheus tells of them, whose alerts are dropped or made milder."""
    found: dict[str, None] = {}
    for rule in rules:
        labels = {**{k: str(v) for k, v in rule.get("labels", {}).items()}, "alertname": str(rule["name"])}
        after = sent(labels, relabelling) or {}
        if labels.get("severity") == "critical" and after.get("severity", "") in _MILDER:
            found[labels["alertname"]] = None
    return tuple(found)


def _expanded(replacement: str, match: re.Match[str]) -> str:
    def group(reference: re.Match[str]) -> str:
        number = int(reference.group(1) or reference.group(2))
        return (match.group(number) or "") if number <= (match.re.groups or 0) else ""

    return _REFERENCE.sub(group, replacement)
