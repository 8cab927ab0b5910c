"""Where Alertmanager's configuration, as it shows it, would send an alert, when, and what would hide that."""

import re
from collections.abc import Mapping
from typing import Any

from checks.engine.probes.prometheus.query import duration
from checks.engine.records import dataclass

GROUP_WAIT = 30.0  # where no route names any
_MATCHER = re.compile(r'\s*"?([a-zA-Z_][a-zA-Z0-9_.]*)"?\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^",}]*))\s*,?')


@dataclass(frozen=True, slots=True)
class Way:
    """Whom an alert comes to, after how many seconds at first, and whether a time is set at which it does not."""

    receiver: str
    wait: float
    muted: bool


@dataclass(frozen=True, slots=True)
class Config:
    """The tree, how many integrations (ways to tell somebody) each receiver has, and the rules by which alerts hide."""

    route: Mapping[str, Any]
    integrations: Mapping[str, int]
    inhibits: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, table: Any) -> "Config":
        """Return what a parsed alertmanager.yml says."""
        receivers = {
            str(one["name"]): sum(len(v) for k, v in one.items() if k.endswith("_configs") and isinstance(v, list))
            for one in table.get("receivers") or ()
        }
        return cls(table["route"], receivers, tuple(table.get("inhibit_rules") or ()))

    def ways_of(self, labels: Mapping[str, str]) -> tuple[Way, ...]:
        """Return the ways on which an alert with these labels goes, each once."""
        return tuple(dict.fromkeys(_ways(self.route, labels, Way("", GROUP_WAIT, muted=False))))

    def receivers_of(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Return the receivers that an alert with these labels reaches, each once."""
        return tuple(dict.fromkeys(way.receiver for way in self.ways_of(labels)))

    def hides(self, source: Mapping[str, str], target: Mapping[str, str]) -> bool:
        """Whether one alert, as long as it fires, hides another, as far as these labels of them tell."""
        return any(_inhibits(rule, source, target) for rule in self.inhibits)


def _ways(route: Mapping[str, Any], labels: Mapping[str, str], above: Way) -> list[Way]:
    wait = duration(str(route.get("group_wait") or ""))
    own = Way(
        str(route.get("receiver") or above.receiver),
        above.wait if wait is None else wait,
        bool(route.get("mute_time_intervals") or route.get("active_time_intervals")),  # these are not handed down
    )
    found: list[Way] = []
    for child in route.get("routes") or ():
        if _matches(child, labels):
            found += _ways(child, labels, own)
            if not child.get("continue"):
                break
    return found or [own]


def _inhibits(rule: Mapping[str, Any], source: Mapping[str, str], target: Mapping[str, str]) -> bool:
    if not (_matches(rule, source, "source_") and _matches(rule, target, "target_")):
        return False
    if _matches(rule, source, "target_") and _matches(rule, target, "source_"):
        return False  # both are of either kind: such do not hide each other
    # a label that only the alert itself will have may differ: nobody can tell before it fires
    return all(name in source and source[name] == target.get(name) for name in rule.get("equal") or ())


def _matches(table: Mapping[str, Any], labels: Mapping[str, str], which: str = "") -> bool:
    pairs = [(name, "=", str(value)) for name, value in (table.get(f"{which}match") or {}).items()]
    pairs += [(name, "=~", str(value)) for name, value in (table.get(f"{which}match_re") or {}).items()]
    for text in table.get(f"{which}matchers") or ():
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
