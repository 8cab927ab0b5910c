"""Where Alertmanager's routes would send an alert: its routing tree, read from the configuration that it shows."""

import re
from collections.abc import Mapping
from typing import Any

from checks.engine.records import dataclass

_MATCHER = re.compile(r'\s*"?([a-zA-Z_][a-zA-Z0-9_.]*)"?\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^",}]*))\s*,?')


@dataclass(frozen=True, slots=True)
class Config:
    """The tree, and how many integrations (ways to tell somebody) each receiver has."""

    route: Mapping[str, Any]
    integrations: Mapping[str, int]

    @classmethod
    def of(cls, table: Any) -> "Config":
        """Return what a parsed alertmanager.yml says."""
        receivers = {
            str(one["name"]): sum(len(v) for k, v in one.items() if k.endswith("_configs") and isinstance(v, list))
            for one in table.get("receivers") or ()
        }
        return cls(table["route"], receivers)

    def receivers_of(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Return the receivers that an alert with these labels reaches, each once."""
        return tuple(dict.fromkeys(_receivers(self.route, labels, "")))


def _receivers(route: Mapping[str, Any], labels: Mapping[str, str], inherited: str) -> list[str]:
    receiver = str(route.get("receiver") or inherited)
    found: list[str] = []
    for child in route.get("routes") or ():
        if _matches(child, labels):
            found += _receivers(child, labels, receiver)
            if not child.get("continue"):
                break
    return found or [receiver]


def _matches(route: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    pairs = [(name, "=", str(value)) for name, value in (route.get("match") or {}).items()]
    pairs += [(name, "=~", str(value)) for name, value in (route.get("match_re") or {}).items()]
    for text in route.get("matchers") or ():
        for name, sign, quoted, bare in _MATCHER.findall(str(text).strip("{} ")):
            pairs.append((name, sign, re.sub(r"\\(.)", r"\1", quoted) if quoted else bare.strip()))
    return all(_holds(labels.get(name, ""), sign, value) for name, sign, value in pairs)


def _holds(value: str, sign: str, wanted: str) -> bool:
    if sign in {"=", "!="}:
        return (value == wanted) == (sign == "=")
    try:
        return (re.fullmatch(wanted, value) is not None) == (sign == "=~")
    except re.error:
        return False  # RE2 has words that ours has not: such a route is taken as one that does not match
