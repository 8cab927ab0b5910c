"""What goes wrong with Alertmanager: configuration, routes, silences, receivers."""

import datetime
import json
import re
import time
from urllib.request import Request, urlopen

from lab.faults.configured import configured, restored, without
from lab.faults.registry import Act
from lab.faults.watching import A, expect, fault, fires, held, manager, metrics, no_watchdog, proxied, unproxied, until
from lab.proxy import Mode
from lab.running import Running


def _manager_loaded(running: Running, wanted: str) -> bool:
    with urlopen(f"http://127.0.0.1:{manager(running).port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return f"alertmanager_config_last_reload_successful {wanted}\n" in text


def _manager_broken(running: Running) -> None:
    manager(running).config.write_text("route: [")
    manager(running).reload()
    until("Alertmanager has refused its configuration", lambda: _manager_loaded(running, "0"))


def _manager_written(**changes: str) -> Act:
    def act(running: Running) -> None:
        found = manager(running)
        found.write(**changes)
        found.reload()
        wanted = changes.get("critical", "on-call")

        def loaded() -> bool:
            with urlopen(f"http://127.0.0.1:{found.port}/api/v2/status", timeout=5) as answer:
                text = json.loads(answer.read())["config"]["original"]
            return f"receiver: {wanted}" in text and _manager_loaded(running, "1")

        until("Alertmanager has loaded its configuration", loaded)
        until("Alertmanager has the watchdog", lambda: "Watchdog" in held(running))

    return act


fault(
    "alertmanager-reload-broken",
    "alertmanager.yml on disk is broken",
    expect(A, alertmanager_configured="CRITICAL"),
    _manager_broken,
    _manager_written(),
    A,
)
fault(
    "alertmanager-route-to-nobody",
    "critical alerts go to a receiver that tells nobody",
    expect(A, alertmanager_routes="CRITICAL"),
    _manager_written(critical="nobody"),
    _manager_written(),
    A,
)
fault(
    "watchdog-missing",
    "the alert that always fires does not",
    {
        **expect(alerts_rules_loaded="CRITICAL"),
        **expect(A, alertmanager_watchdog_arrives="CRITICAL"),
    },
    configured(no_watchdog, rules=without("Watchdog")),
    restored,
)


def _silence(name: str, value: str, *, regex: bool, days: float) -> Act:
    def act(running: Running) -> None:
        now = datetime.datetime.now(datetime.UTC)
        table = {
            "matchers": [{"name": name, "value": value, "isRegex": regex, "isEqual": True}],
            "startsAt": now.isoformat(),
            "endsAt": (now + datetime.timedelta(days=days)).isoformat(),
            "createdBy": "ana.souza@marcada.invalid",
            "comment": "MARCADA-COMENTARIO",
        }
        request = Request(
            f"http://127.0.0.1:{manager(running).port}/api/v2/silences",
            json.dumps(table).encode(),
            {"Content-Type": "application/json"},
        )
        with urlopen(request, timeout=5) as answer:  # noqa: S310 (http, our own)
            running.kept.setdefault("silences", []).append(json.loads(answer.read())["silenceID"])

    return act


def _speak(running: Running) -> None:
    for number in running.kept.pop("silences", ()):
        where = f"http://127.0.0.1:{manager(running).port}/api/v2/silence/{number}"
        urlopen(Request(where, method="DELETE"), timeout=5).close()


fault(
    "silence-over-everything",
    "a silence is over every alert",
    expect(A, alertmanager_silences="CRITICAL"),
    _silence("alertname", ".+", regex=True, days=1),
    _speak,
    A,
)
fault(
    "silence-for-a-month",
    "a silence lasts 30 days",
    expect(A, alertmanager_silences="WARNING"),
    _silence("alertname", "DiskSpaceLow", regex=False, days=30),
    _speak,
    A,
)


def _hide(running: Running) -> None:
    proxied("exporter-redis", fires("ExporterBlind"))(running)
    _silence("alertname", "ExporterBlind", regex=False, days=1)(running)
    until("Alertmanager hides it", lambda: "ExporterBlind" in _hidden(running))


def _hidden(running: Running) -> set[str]:
    with urlopen(f"http://127.0.0.1:{manager(running).port}/api/v2/alerts", timeout=5) as answer:
        alerts = json.loads(answer.read())
    return {alert["labels"]["alertname"] for alert in alerts if alert["status"]["silencedBy"]}


def _show(running: Running) -> None:
    _speak(running)
    unproxied("exporter-redis")(running)


fault(
    "silence-over-what-fires",
    "a critical alert fires, and a silence hides it",
    {
        **expect(prometheus_exporters_see="CRITICAL", alerts_firing="CRITICAL"),
        **expect(A, alertmanager_silences="CRITICAL"),
    },
    _hide,
    _show,
)


def _receiver(mode: Mode) -> Act:
    def act(running: Running) -> None:
        metrics(running)
        running.proxies.set("receiver-webhook", mode)
        running.proxies.set("receiver-mail", mode)
        failing = mode is Mode.REFUSED
        until("notifications fail, or do again", lambda: _notifies(running, failing=failing))

    return act


def _notifies(running: Running, *, failing: bool) -> bool:
    """Whether within a moment a notification failed, or one was made and none failed."""
    before = _notifications(running)
    time.sleep(2.5)
    after = _notifications(running)
    failed, made = after[1] - before[1], after[0] - before[0]
    return failed > 0 if failing else made > 0 and failed == 0


def _notifications(running: Running) -> tuple[float, float]:
    with urlopen(f"http://127.0.0.1:{manager(running).port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    made, failed = (
        sum(map(float, re.findall(rf"^alertmanager_notifications_{kind}total\{{.*\}} (\S+)$", text, re.MULTILINE)))
        for kind in ("", "failed_")
    )
    return made, failed


fault(
    "receiver-refused",
    "whom Alertmanager should tell does not answer",
    expect(A, alertmanager_notifications_failed="CRITICAL"),
    _receiver(Mode.REFUSED),
    _receiver(Mode.PASS),
    A,
)
