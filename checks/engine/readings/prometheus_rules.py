"""What is read of Prometheus' rules: how often it evaluates them, the alert rules, and what fires."""

from checks.engine.model import Reading, Seconds
from checks.engine.readings import reading
from checks.engine.records import dataclass


@reading("prometheus_evaluation", service="prometheus")
@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusEvaluation(Reading):
    """How often rules are evaluated: groups that name no interval, and each of `groups` (name, seconds), which may."""

    interval: Seconds
    due: Seconds
    groups: tuple[tuple[str, float], ...]
    due_groups: Seconds


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert rule: `for_`, `interval` and `took` in seconds; `active` are the alerts pending or firing by it."""

    name: str
    expr: str
    for_: float
    severity: str
    health: str
    age: float | None
    interval: float
    took: float
    pending: int
    firing: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A rule that must be loaded; of several with one name any will do: the guide's own words, or the corrected."""

    alert: str
    expr: str
    for_: float
    severity: str


@dataclass(frozen=True, slots=True)
class Selected:
    """How many series one selector of a rule has now, and its metric without any matcher; `lacking` labels none has."""

    rule: str
    metric: str
    text: str
    series: int
    metric_series: int
    lacking: tuple[str, ...]


@reading("prometheus_rules", service="prometheus")
@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusRules(Reading):
    """The alert rules that are loaded, those that must be, and what there is for them to look at.

    `buckets` are (metric, largest finite bound in seconds); `mounts` those that the node exporters report;
    `jobs` those that the environment file names. `empty` is what rules compare with a number, by its text, and of which
    nothing was there in the last ten minutes.
    """

    rules: tuple[Rule, ...]
    wanted: tuple[Wanted, ...]
    selected: tuple[Selected, ...]
    buckets: tuple[tuple[str, float], ...]
    max_connections: float | None
    mounts: tuple[str, ...]
    jobs: tuple[str, ...]
    scrape_interval: Seconds
    empty: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert that fires, and for how long in seconds, without the time that it waited for its `for`."""

    alert: str
    severity: str
    instance: str
    since: float


@reading("prometheus_firing", service="prometheus")
@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusFiring(Reading):
    """What fires now without the watchdog.

    `dropped` are the critical rules of whose alerts Alertmanager is told nothing, or not that they are critical: the
    configuration's alert_relabel_configs take that away. None where Prometheus does not show its configuration.
    """

    firing: tuple[Firing, ...]
    dropped: tuple[str, ...] | None = ()


@reading("prometheus_fired", service="prometheus")
@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusFired(Reading):
    """How often an alert of each rule began to fire in the last three days: (rule, times of the one that did most)."""

    history: tuple[tuple[str, int], ...]
