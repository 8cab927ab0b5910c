"""What is wrong with the alert rules that are loaded: pure judgements on PrometheusRules, as lists of findings.

Called by checks/monitoring/test_alerts.py. A finding is one line that names the rule and what it should be.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from checks.engine import promql
from checks.engine.alert_triggers import Trigger, trigger_of
from checks.engine.judge import show
from checks.engine.model import Bound
from checks.engine.readings.prometheus_rules import PrometheusRules, Rule, Selected, Wanted
from checks.engine.records import dataclass

INF = float("inf")
LONGEST = 80  # characters of an expression that are shown
_VALUES_THAT_COME_AND_GO = {"status", "code", "status_code"}  # a status that never occurred has no series


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a rule; `silent` says that because of it the rule cannot fire at all."""

    rule: str
    text: str
    silent: bool

    def __str__(self) -> str:
        return f"{self.rule}: {self.text}"


def not_loaded(reading: PrometheusRules) -> list[Finding]:
    """Return the wanted rules that are not there, or not as they must be."""
    found: list[Finding] = []
    for alert in dict.fromkeys(want.alert for want in reading.wanted):
        loaded = [rule for rule in reading.rules if rule.name == alert]
        forms = [want for want in reading.wanted if want.alert == alert]
        if not loaded:
            found.append(Finding(alert, "is not loaded", True))
        elif not any(_is_form(rule, form) for rule in loaded for form in forms):
            found.append(Finding(alert, _difference(loaded, forms), False))
    return found


def cannot_fire(reading: PrometheusRules) -> list[Finding]:
    """Return what keeps rules from firing, or makes them judge something else than they say."""
    found: list[Finding] = []
    for rule in reading.rules:
        try:
            node = promql.parse(rule.expr)
        except ValueError:
            found.append(Finding(rule.name, "its expression is newer than our parser: not looked at", False))
            continue
        asks_absence = {"absent", "absent_over_time"} & {*promql.calls(node)}
        each = [list(_of_arm(rule, arm, reading, dead=not asks_absence)) for arm in promql.arms(node)]
        # Of the arms of an `or` one that can fire is enough; what is wrong with the others is told all the same.
        silent = all(any(finding.silent for finding in arm) for arm in each)
        found += [replace(finding, silent=finding.silent and silent) for arm in each for finding in arm]
    return list(dict.fromkeys(found))


def _of_arm(rule: Rule, node: object, reading: PrometheusRules, *, dead: bool) -> Iterator[Finding]:
    if dead:
        texts = {selector.text for selector in promql.selectors(node)}
        yield from _dead(rule, [one for one in reading.selected if one.rule == rule.name and one.text in texts])
        yield from _empty(rule, node, reading)
    yield from _windows(rule, node, reading.scrape_interval)
    if promql.always_hidden(node):
        yield Finding(rule.name, "its `unless on ()` is of something that is always there", True)
    for comparison in promql.comparisons(node):
        yield from _out_of_reach(rule, comparison, reading)


def incoherent(reading: PrometheusRules, limits: Mapping[str, tuple[Bound, str]]) -> list[Finding]:
    """Return where rules and the capacity table contradict each other; `limits` are (above, unit) by row id."""
    found: list[Finding] = []
    for rule in reading.rules:
        try:
            node = promql.parse(rule.expr)
        except ValueError:
            continue
        for comparison in promql.comparisons(node):
            trigger = trigger_of(comparison)
            if trigger is not None and trigger.row in limits:
                found += _against(rule, trigger, *limits[trigger.row])
        watched = promql.labels(node, "node_filesystem", "mountpoint")
        others = [mount for mount in reading.mounts if mount not in watched]
        if watched and others:
            found.append(Finding(rule.name, f"watches only {', '.join(watched)}, not {', '.join(others)}", False))
    return found


def unwatched(reading: PrometheusRules) -> list[str]:
    """Return the jobs whose targets may be gone without any rule firing: of them no data looks like no problem."""
    nodes: list[object] = []
    for rule in reading.rules:
        try:
            nodes.append(promql.parse(rule.expr))
        except ValueError:
            continue
    return [job for job in reading.jobs if not any(promql.fires_when_down(node, job, reading.jobs) for node in nodes)]


def _is_form(rule: Rule, form: Wanted) -> bool:
    return _same(rule.expr, form.expr) and rule.for_ == form.for_ and rule.severity == form.severity


def _same(one: str, other: str) -> bool:
    try:
        return promql.same(one, other)
    except ValueError:
        return one.split() == other.split()


def _difference(loaded: list[Rule], forms: list[Wanted]) -> str:
    for rule in loaded:
        for form in (form for form in forms if _same(rule.expr, form.expr)):
            if rule.for_ != form.for_:
                return f"waits {show(rule.for_, 's')} instead of {show(form.for_, 's')}"
            return f"has severity {rule.severity or 'none'} instead of {form.severity}"
    return "has another expression than it must"


def _dead(rule: Rule, selected: list[Selected]) -> Iterator[Finding]:
    for one in selected:
        if one.metric_series == 0:
            yield Finding(rule.name, f"nothing exports {one.metric or one.text}", True)
        elif one.lacking:
            yield Finding(rule.name, f"no {one.metric} has the label {', '.join(one.lacking)}", True)
        elif one.series == 0 and not _may_be_empty(one):
            yield Finding(rule.name, f"no series is {one.text}", True)


def _empty(rule: Rule, node: object, reading: PrometheusRules) -> Iterator[Finding]:
    """Yield what has nothing to compare though all that it selects is there: a join that fits nothing, an offset."""
    there = {one.text for one in reading.selected if one.rule == rule.name and one.series > 0}
    for text, left in promql.compared(node):
        if text in reading.empty and all(one.text in there for one in promql.selectors(left)):
            shown = " ".join(text.split())
            why = "no sample is so old" if promql.has_offset(left) else "nothing fits together"
            yield Finding(rule.name, f"has nothing to compare, {why}: {shown[:LONGEST]}", False)


def _may_be_empty(one: Selected) -> bool:
    node = promql.parse(one.text)
    return any(s.labels and set(s.labels) <= _VALUES_THAT_COME_AND_GO for s in promql.selectors(node))


def _windows(rule: Rule, node: object, interval: float) -> Iterator[Finding]:
    for selector in promql.selectors(node):
        if selector.range is None or not selector.rated:
            continue
        window = show(selector.range, "s")
        if selector.range < 2 * interval:
            yield Finding(rule.name, f"its window of {window} never holds two scrapes, {interval:g} s apart", True)
        elif selector.range < 4 * interval:
            yield Finding(rule.name, f"its window of {window} is under four scrape intervals: one is lost, none", False)


def _out_of_reach(rule: Rule, comparison: promql.Comparison, reading: PrometheusRules) -> Iterator[Finding]:
    histogram = promql.histogram(comparison.left)
    if histogram is not None:
        metric, summed = histogram
        largest = dict(reading.buckets).get(metric)
        if largest is not None and not promql.reachable(comparison, largest, 0):
            text = f"its threshold {comparison.number:g} s is never passed: the largest bucket ends at {largest:g} s"
            yield Finding(rule.name, text, True)
        if not summed:
            yield Finding(rule.name, "judges every endpoint by itself, on few requests: sum by (le)", False)
    elif promql.is_share(comparison.left) and not promql.reachable(comparison, 1, 0):
        yield Finding(rule.name, f"a share never reaches its threshold {comparison.number:g}", True)
    elif (least := promql.least(comparison.left)) is not None and not promql.reachable(comparison, INF, least):
        yield Finding(rule.name, f"what it compares is never {comparison.op} {comparison.number:g}", True)
    elif _is_connections(comparison.left):
        most = INF if reading.max_connections is None else reading.max_connections
        if not promql.reachable(comparison, most, 0):
            text = f"its threshold {comparison.number:g} is never passed: the server allows {show(most, 'connections')}"
            yield Finding(rule.name, text, True)


def _is_connections(node: object) -> bool:
    metrics = {selector.metric for selector in promql.selectors(node)}
    return metrics in ({"pg_stat_database_numbackends"}, {"pg_stat_activity_count"})


def _against(rule: Rule, trigger: Trigger, above: Bound, unit: str) -> Iterator[Finding]:
    """Compare a rule with the limit of its own severity; a later or a milder alarm contradicts the table."""
    own = above.critical if rule.severity == "critical" else above.warning
    value = show(trigger.value, unit)
    if above.critical is not None and trigger.value >= above.critical and rule.severity != "critical":
        critical = show(above.critical, unit)
        yield Finding(
            rule.name, f"is {rule.severity or 'nothing'} above {value}, but critical is above {critical}", False
        )
    elif own is not None and trigger.value != own:
        yield Finding(rule.name, f"fires above {value}, but {rule.severity} is above {show(own, unit)}", False)
