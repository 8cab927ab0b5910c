"""Would the alert have reached a person? Alertmanager, its routes, its silences, and what it delivered."""

from collections.abc import Sequence

import pytest

from checks.engine import alert_routes
from checks.engine.model import State
from checks.engine.plugin.judged import Judge
from checks.engine.readings.alertmanager import (
    AlertmanagerAlerts,
    AlertmanagerConnection,
    AlertmanagerServer,
    AlertmanagerSilences,
    Silence,
)

LONGEST_SILENCE = 7 * 86400.0
YOUNG = 120.0
STALE = 600.0


@pytest.mark.guide("alerts.firing")
@pytest.mark.profiles("nightly", "triage")
def test_alertmanager_connection(alertmanager_connection: AlertmanagerConnection, judged: Judge) -> None:
    """Alertmanager answers and is ready."""
    if not alertmanager_connection.reachable:
        judged.critical(alertmanager_connection.problem)
    judged.ok(f"answers in {alertmanager_connection.seconds * 1000:.0f} ms")


@pytest.mark.guide("alerts.firing")
@pytest.mark.profiles("nightly", "triage")
def test_alertmanager_configured(alertmanager_server: AlertmanagerServer, judged: Judge) -> None:
    """The configuration on its disk is the one that it runs with, and its cluster is settled."""
    if not alertmanager_server.reloaded:
        judged.critical("its last reload failed: it runs with an old configuration. amtool check-config says why")
    if alertmanager_server.cluster not in {"ready", "disabled"}:
        judged.warning(f"its cluster is {alertmanager_server.cluster}: see whether its peers reach each other")
    judged.ok(f"version {alertmanager_server.version}, configuration loaded, cluster {alertmanager_server.cluster}")


@pytest.mark.guide("alerts.firing")
@pytest.mark.profiles("nightly", "triage")
def test_alertmanager_routes(alertmanager_server: AlertmanagerServer, judged: Judge) -> None:
    """An alert of every severity, of every rule that must be there, and the watchdog goes to somebody who is told."""
    found = alert_routes.wrong(alertmanager_server)
    for state, text in found[:1]:
        more = tuple(line for _, line in found)
        (judged.critical if state is State.CRITICAL else judged.warning)(text, more)
    routes = alertmanager_server.routes
    by_severity = tuple(f"{one.severity}: {', '.join(one.receivers)}" for one in routes if one.alert == "")
    alerts = {one.alert for one in routes if one.alert != ""}
    judged.ok(f"{len(by_severity)} severities and {len(alerts)} alerts have a receiver", by_severity)


@pytest.mark.guide("alerts.firing")
@pytest.mark.profiles("nightly", "triage")
def test_alertmanager_watchdog_arrives(alertmanager_alerts: AlertmanagerAlerts, judged: Judge) -> None:
    """The alert that always fires has arrived lately: the way from rule to Alertmanager is open."""
    name = alertmanager_alerts.watchdog
    found = [alert for alert in alertmanager_alerts.alerts if alert.alert == name]
    if not found and alertmanager_alerts.uptime < YOUNG:
        judged.not_judged(f"Alertmanager started {alertmanager_alerts.uptime:.0f} s ago: {name} may not be there yet")
    if not found:
        judged.critical(f"{name}, which always fires, is not there: no alert would be")
    judged(
        min(alert.updated for alert in found),
        unit="s",
        subject=f"time since {name} last arrived:",
        reading=alertmanager_alerts,
        above=(None, STALE),
    )


@pytest.mark.guide("alerts.firing")
@pytest.mark.profiles("nightly", "triage")
def test_alertmanager_silences(alertmanager_silences: AlertmanagerSilences, judged: Judge) -> None:
    """Nothing hides a critical alert, and no silence lasts longer than a week."""
    found, silences = alertmanager_silences, alertmanager_silences.silences
    evidence = tuple(map(_told, silences))
    if found.inhibited:
        judged.critical(f"{found.watchdog} hides what fires now: {', '.join(found.inhibited)}. See inhibit_rules")
    hidden = sorted({alert for silence in silences for alert in silence.hides})
    if hidden:
        judged.critical(f"silences hide critical alerts that fire now: {', '.join(hidden)}", evidence)
    if _hide_all([silence for silence in silences if silence.begins_in == 0], found.critical):
        judged.critical("a silence would hide every critical alert", evidence)
    if _hide_all(silences, found.critical):
        judged.warning("a silence that is yet to begin would hide every critical alert", evidence)
    if any(silence.lasts > LONGEST_SILENCE for silence in silences):
        judged.warning("a silence lasts longer than 7 d: that is a rule to be mended", evidence)
    judged.ok(f"{len(silences)} silences, none hides a critical alert", evidence)


def _hide_all(silences: Sequence[Silence], critical: tuple[str, ...]) -> bool:
    """Whether a silence, or all together, would hide all critical alerts; of one rule alone that is not said."""
    covered = {alert for silence in silences for alert in silence.covers}
    return any(silence.broad for silence in silences) or (len({*critical}) > 1 and {*critical} <= covered)


def _told(silence: Silence) -> str:
    hides = f", hides {', '.join(silence.hides)}" if silence.hides else ""
    everything = ", over everything that is critical" if silence.broad else ""
    begins = f", begins in {silence.begins_in / 60:.0f} min" if silence.begins_in > 0 else ""
    return f"by {silence.author}{begins}, ends in {silence.ends_in / 3600:.1f} h{everything}{hides}"
