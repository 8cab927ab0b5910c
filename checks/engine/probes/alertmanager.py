"""The probe of Alertmanager: readiness, routes, the alerts that it holds, silences, and what it delivered."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import yaml

from checks.engine.environment.monitoring import Alertmanager, Prometheus
from checks.engine.model import ProbeError, Reason
from checks.engine.probes import Context
from checks.engine.probes.alertmanager_routes import Config
from checks.engine.probes.folding import place
from checks.engine.probes.prometheus.query import unix
from checks.engine.probes.prometheus.rules import wanted
from checks.engine.probes.watchers import Asker, Outcome, due, visit
from checks.engine.readings.alertmanager import (
    AlertmanagerAlerts,
    AlertmanagerConnection,
    AlertmanagerCounters,
    AlertmanagerServer,
    AlertmanagerSilences,
    Held,
    Route,
    Silence,
)

_AUTHOR = re.compile(r"[A-Za-z][A-Za-z0-9._ -]{0,39}")
_RECEIVER = re.compile(r"[^\W\d_][\w./ -]{0,79}")


def read(context: Context) -> None:
    """Settle every name of `context.names`."""
    settings = context.environment.alertmanager

    def readings(asker: Asker) -> Mapping[str, Callable[[], Outcome]]:
        assert settings is not None  # noqa: S101 (visit has seen to it)
        return {
            "alertmanager_server": lambda: _server(asker, settings, _due(context.environment.prometheus)),
            "alertmanager_alerts": lambda: _alerts(asker, settings),
            "alertmanager_silences": lambda: _silences(asker, settings, _due(context.environment.prometheus)),
            "alertmanager_counters": lambda: _counters(asker),
        }

    visit(context, settings, "/-/ready", _connection, readings)


def _connection(problem: str, seconds: float) -> AlertmanagerConnection:
    return AlertmanagerConnection(
        reachable=problem == "", problem=problem, seconds=seconds, source="GET /-/ready", sampled_at=time.time()
    )


def _due(prometheus: Prometheus | None) -> tuple[tuple[str, str], ...]:
    """Return name and severity of every rule that must be there."""
    return () if prometheus is None else tuple(dict.fromkeys((w.alert, w.severity) for w in wanted(prometheus)))


def _server(asker: Asker, settings: Alertmanager, due_rules: tuple[tuple[str, str], ...]) -> AlertmanagerServer:
    status = asker.json("/api/v2/status")
    metrics = asker.metrics()
    try:
        config = Config.of(yaml.safe_load(status["config"]["original"]))
    except (yaml.YAMLError, RecursionError):
        raise ProbeError(Reason.PROTOCOL, "the configuration that it shows is no YAML") from None
    return AlertmanagerServer(
        version=str(status["versionInfo"]["version"])[:40],
        uptime=time.time() - unix(status["uptime"]),
        cluster=str(status["cluster"]["status"])[:20],
        reloaded=due(metrics, "alertmanager_config_last_reload_successful") == 1,
        watchdog=settings.watchdog,
        routes=tuple(_routes(config, settings, due_rules)),
        source="GET /api/v2/status",
        sampled_at=time.time(),
    )


def _routes(config: Config, settings: Alertmanager, due_rules: tuple[tuple[str, str], ...]) -> Iterator[Route]:
    watchdog = {"alertname": settings.watchdog, "severity": "none"}
    for severity in settings.severities:
        yield _route(config, watchdog, "", severity)
    for alert, severity in due_rules:
        if severity in settings.severities:
            yield _route(config, watchdog, alert, severity)
    if settings.watchdog != "":
        yield _route(config, watchdog, settings.watchdog, "none")


def _route(config: Config, watchdog: dict[str, str], alert: str, severity: str) -> Route:
    # An alert of the backend as the rules make them; nothing but severity and name is sure to be there.
    labels = {"alertname": alert or "penhas-checks", "severity": severity}
    ways, receivers = config.ways_of(labels), config.receivers_of(labels)
    told = [way for way in ways if config.integrations.get(way.receiver)]
    return Route(
        alert,
        severity,
        tuple(map(_receiver, receivers)),
        tuple(_receiver(name) for name in receivers if name not in config.integrations),
        tuple(_receiver(name) for name in receivers if config.integrations.get(name) == 0),
        muted=bool(told) and all(way.muted for way in told),
        wait=min((way.wait for way in told), default=0.0),
        inhibited=config.hides(watchdog, labels),
    )


def _alerts(asker: Asker, settings: Alertmanager) -> AlertmanagerAlerts:
    status = asker.json("/api/v2/status")
    found = asker.json("/api/v2/alerts")
    now = time.time()
    return AlertmanagerAlerts(
        alerts=tuple(sorted((_held(one, now) for one in found), key=lambda a: (a.severity, a.alert, a.instance))),
        watchdog=settings.watchdog,
        uptime=now - unix(status["uptime"]),
        source="GET /api/v2/alerts",
        sampled_at=now,
    )


def _held(alert: dict[str, Any], now: float) -> Held:
    labels = alert["labels"]
    return Held(
        alert=labels.get("alertname", "?"),
        severity=labels.get("severity", ""),
        instance=place(labels.get("instance", "")),
        state=alert["status"]["state"],
        age=now - unix(alert["startsAt"]),
        updated=now - unix(alert["updatedAt"]),
        silenced=len(alert["status"]["silencedBy"]) > 0,
    )


def _silences(asker: Asker, settings: Alertmanager, due_rules: tuple[tuple[str, str], ...]) -> AlertmanagerSilences:
    found = asker.json("/api/v2/silences")
    alerts = asker.json("/api/v2/alerts")
    now = time.time()
    critical = tuple(alert for alert, severity in due_rules if severity == "critical")
    worst = [alert for alert in alerts if alert["labels"].get("severity") == "critical"]
    watchdogs = {a.get("fingerprint", "") for a in alerts if a["labels"].get("alertname") == settings.watchdog}
    silences = []
    for one in found:
        if one["status"]["state"] not in {"active", "pending"}:
            continue
        silences.append(
            Silence(
                author=_author(one["createdBy"]),
                begins_in=max(0.0, unix(one["startsAt"]) - now) if one["status"]["state"] == "pending" else 0.0,
                ends_in=unix(one["endsAt"]) - now,
                lasts=unix(one["endsAt"]) - unix(one["startsAt"]),
                broad=_is_broad(one["matchers"]),
                hides=_names(alert for alert in worst if one["id"] in alert["status"]["silencedBy"]),
                covers=tuple(alert for alert in critical if _is_broad(one["matchers"], alert)),
            )
        )
    return AlertmanagerSilences(
        silences=tuple(sorted(silences, key=lambda s: (s.begins_in > 0, s.author, s.ends_in))),
        critical=critical,
        watchdog=settings.watchdog,
        inhibited=_names(a for a in worst if watchdogs & {*a["status"].get("inhibitedBy", ())}),
        source="GET /api/v2/silences",
        sampled_at=now,
    )


def _names(alerts: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted({alert["labels"].get("alertname", "?") for alert in alerts}))


def _is_broad(matchers: list[dict[str, Any]], alert: str = "") -> bool:
    """Whether a silence would hide an alert for being critical, or `alert` too, and for nothing more particular."""
    known = {"severity": "critical"} | ({"alertname": alert} if alert != "" else {})
    for matcher in matchers:
        equal = bool(matcher.get("isEqual", True))
        text = f"^(?:{matcher['value']})$" if matcher["isRegex"] else f"^{re.escape(matcher['value'])}$"
        # Any other label is one that such an alert may or may not have: it hides all only when it takes every value.
        value = known.get(matcher["name"], "penhas-checks-any-value")
        try:
            if (re.search(text, value) is not None) != equal:
                return False
        except re.error:
            return False  # RE2 has words that ours has not
    return True


def _author(name: str) -> str:
    """Return who made a silence, without the domain of an address."""
    local = name.partition("@")[0].strip()
    return local if _AUTHOR.fullmatch(local) else "somebody"


def _receiver(name: str) -> str:
    """Return the name of a receiver, without the domain of an address."""
    local = name.partition("@")[0].strip()
    return local if _RECEIVER.fullmatch(local) else "a receiver"


def _counters(asker: Asker) -> AlertmanagerCounters:
    found = asker.metrics()
    by: dict[str, list[float]] = {}
    for metric, column in (("alertmanager_notifications_total", 0), ("alertmanager_notifications_failed_total", 1)):
        for sample in found.get(metric, ()):
            by.setdefault(sample.labels.get("integration", "?"), [0.0, 0.0])[column] += sample.value
    if not by:
        raise ProbeError(Reason.NO_DATA, "/metrics has no alertmanager_notifications_total", "See which version it is.")
    return AlertmanagerCounters(
        started=due(found, "process_start_time_seconds"),
        reloaded=sum(one.value for one in found.get("alertmanager_config_last_reload_success_timestamp_seconds", ())),
        notifications=tuple((name, attempted, failed) for name, (attempted, failed) in sorted(by.items())),
        source="GET /metrics",
        sampled_at=time.time(),
    )
