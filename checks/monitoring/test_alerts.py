"""The alert rules: loaded, able to fire, in step with the capacity table, and what fires now."""

from collections.abc import Mapping

import pytest

from checks.engine import alerting
from checks.engine.catalog import Row
from checks.engine.plugin.judged import Judge
from checks.engine.readings.alertmanager import AlertmanagerAlerts
from checks.engine.readings.prometheus_rules import PrometheusFired, PrometheusFiring, PrometheusRules, Rule

OFTEN = 10  # times in three days from which on nobody looks any more
SETTLED = 15.0  # seconds after which Alertmanager must hold what fires


@pytest.mark.guide("alerts.rules")
@pytest.mark.profiles("nightly", "triage")
def test_alerts_rules_loaded(prometheus_rules: PrometheusRules, judged: Judge) -> None:
    """Every rule that must be there is loaded, with its expression, its `for` and its severity."""
    found = alerting.not_loaded(prometheus_rules)
    evidence = tuple(map(str, found))
    if any(finding.silent for finding in found):
        judged.critical(f"{sum(finding.silent for finding in found)} alert rules are not loaded", evidence)
    if found:
        judged.warning(f"{len(found)} alert rules are not as they must be", evidence)
    judged.ok(f"{len(prometheus_rules.rules)} alert rules are loaded, the due ones among them")


@pytest.mark.guide("alerts.rules")
@pytest.mark.profiles("nightly", "triage")
def test_alerts_rules_healthy(prometheus_rules: PrometheusRules, judged: Judge) -> None:
    """Every rule was evaluated lately, without an error, in less time than lies between two evaluations."""
    rules = prometheus_rules.rules
    if rules == ():
        judged.critical("no alert rule is loaded: nothing can ever fire")
    wrong = [rule.name for rule in rules if rule.health == "err"]
    if wrong:
        judged.critical(f"{len(wrong)} alert rules fail: promtool and its page /rules say why", tuple(wrong))
    if any(rule.age is None for rule in rules):
        judged.not_judged("rules were loaded that were not evaluated yet")
    stale = [rule.name for rule in rules if _is_stale(rule)]
    if stale:
        judged.critical(f"{len(stale)} alert rules are not evaluated any more", tuple(stale))
    slow = [rule.name for rule in rules if rule.took > rule.interval]
    if slow:
        judged.warning(f"{len(slow)} alert rules take longer than their interval", tuple(slow))
    judged.ok(f"{len(rules)} alert rules are evaluated without error")


def _is_stale(rule: Rule) -> bool:
    return rule.age is not None and rule.age > 3 * rule.interval + 5


@pytest.mark.guide("alerts.can-fire")
@pytest.mark.profiles("nightly", "triage")
def test_alerts_can_fire(prometheus_rules: PrometheusRules, judged: Judge) -> None:
    """Every alert rule can fire: its metrics and labels exist, and its threshold can be reached."""
    found = alerting.cannot_fire(prometheus_rules)
    evidence = tuple(map(str, found))
    silent = sorted({finding.rule for finding in found if finding.silent})
    if silent:
        judged.critical(f"can never fire: {', '.join(silent)}", evidence)
    if found:
        judged.warning(f"{len(found)} things make alert rules judge less than they say", evidence)
    judged.ok(f"{len(prometheus_rules.rules)} alert rules can fire")


@pytest.mark.guide("alerts.can-fire")
@pytest.mark.profiles("nightly", "triage")
def test_alerts_no_data(prometheus_rules: PrometheusRules, judged: Judge) -> None:
    """Silence is an alarm too: of every job some rule fires when its targets are gone."""
    unwatched = alerting.unwatched(prometheus_rules)
    if unwatched:
        judged.warning(
            f"no rule fires when {', '.join(unwatched)} cannot be scraped: its alerts sleep then. Alert on up == 0"
        )
    judged.ok("missing data is watched for")


@pytest.mark.guide("alerts.coherence")
@pytest.mark.profiles("nightly")
def test_alerts_coherence(prometheus_rules: PrometheusRules, rows: Mapping[str, Row], judged: Judge) -> None:
    """Alert rules and capacity table call the same things warning and critical, on everything that is there."""
    limits = {row.id: (row.limits.above, row.limits.unit) for row in rows.values() if row.limits.above is not None}
    found = alerting.incoherent(prometheus_rules, limits)
    if found:
        judged.warning(f"{len(found)} contradictions between alert rules and capacity table", tuple(map(str, found)))
    judged.ok("alert rules and capacity table agree")


@pytest.mark.guide("alerts.firing")
@pytest.mark.profiles("nightly", "triage")
def test_alerts_firing(prometheus_firing: PrometheusFiring, judged: Judge) -> None:
    """No alert fires now."""
    firing = prometheus_firing.firing
    evidence = tuple(f"{a.alert} {a.instance} ({a.severity or 'no severity'}) since {_age(a.since)}" for a in firing)
    worst = [alert.alert for alert in firing if alert.severity == "critical"]
    if worst:
        judged.critical(f"{len(firing)} alerts fire: {', '.join(dict.fromkeys(worst))}", evidence)
    if firing:
        judged.warning(f"{len(firing)} alerts fire: {', '.join(dict.fromkeys(a.alert for a in firing))}", evidence)
    judged.ok("nothing fires")


@pytest.mark.guide("alerts.firing")
@pytest.mark.profiles("nightly")
def test_alerts_flapping(prometheus_fired: PrometheusFired, judged: Judge) -> None:
    """No alert began to fire so often in the last three days that people stop looking."""
    evidence = tuple(f"{alert}: {times} times in 3 d" for alert, times in prometheus_fired.history)
    often = [alert for alert, times in prometheus_fired.history if times > OFTEN]
    if often:
        judged.warning(f"fired more than {OFTEN} times in 3 d: {', '.join(often)}. Lengthen `for`", evidence)
    judged.ok(f"{len(evidence)} alerts fired in the last 3 d", evidence)


@pytest.mark.guide("alerts.firing")
@pytest.mark.profiles("nightly", "triage")
def test_alerts_reach_alertmanager(
    prometheus_firing: PrometheusFiring, alertmanager_alerts: AlertmanagerAlerts, judged: Judge
) -> None:
    """Everything that fires in Prometheus is known to Alertmanager, and what is critical would be, as such."""
    dropped = prometheus_firing.dropped
    if dropped:
        judged.critical(f"alert_relabel_configs hide from Alertmanager that these are critical: {', '.join(dropped)}")
    known = {(alert.alert, alert.instance) for alert in alertmanager_alerts.alerts}
    lost = [a for a in prometheus_firing.firing if a.since > SETTLED and (a.alert, a.instance) not in known]
    if lost:
        evidence = tuple(f"{a.alert} {a.instance} since {_age(a.since)}" for a in lost)
        judged.critical(f"{len(lost)} alerts fire that Alertmanager does not know of", evidence)
    unseen = () if dropped is not None else ("Prometheus shows no configuration: what it drops is not known",)
    judged.ok(f"{len(prometheus_firing.firing)} alerts fire, none is unknown to Alertmanager", unseen)


def _age(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 300 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 (what reads best)
