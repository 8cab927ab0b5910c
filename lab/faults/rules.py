"""What goes wrong with alert rules: missing, wrong, failing, flapping, not sent."""

import re
import time

from lab import prometheus
from lab.faults.configured import configured, edited, reload, restored, without
from lab.faults.watching import A, expect, fault, fires, firing, metrics, no_watchdog, scraped, stamp, until
from lab.proxy import Mode
from lab.running import Running
from lab.state import REPOSITORY

GUIDE = REPOSITORY / "docs" / "alerts" / "guide.yml"

fault(
    "rule-missing",
    "one alert rule is not loaded",
    expect(alerts_rules_loaded="CRITICAL"),
    configured(rules=without("MinionJobQueueHigh")),
    restored,
)
fault(
    "rule-wrong-label",
    "a rule selects by a label that does not exist",
    expect(alerts_rules_loaded="WARNING", alerts_can_fire="CRITICAL"),
    configured(rules=edited(lambda text: text.replace("{status=~", "{stauts=~"))),
    restored,
)
fault(
    "rule-failing",
    "a rule fails when it is evaluated: many-to-many matching",
    expect(alerts_rules_loaded="WARNING", alerts_rules_healthy="CRITICAL"),
    configured(
        rules=edited(lambda text: text.replace("/ node_filesystem_size", "/ on (instance) node_filesystem_size"))
    ),
    restored,
)
fault(
    "rule-too-mild",
    "a rule calls a warning what the capacity table calls critical",
    expect(alerts_rules_loaded="WARNING", alerts_coherence="WARNING"),
    configured(
        rules=edited(
            lambda text: re.sub(r"(minion_jobs_inactive[^-]*?severity: )critical", r"\1warning", text, flags=re.DOTALL)
        )
    ),
    restored,
)
fault(
    "rule-short-window",
    "a rule's window never holds two scrapes",
    expect(alerts_rules_loaded="WARNING", alerts_can_fire="CRITICAL"),
    configured(rules=edited(lambda text: text.replace('{status=~"5.."}[5m]', '{status=~"5.."}[1s]'))),
    restored,
)
fault(
    "rules-gone",
    "no alert rule is loaded",
    {
        **expect(alerts_rules_loaded="CRITICAL", alerts_rules_healthy="CRITICAL", alerts_no_data="WARNING"),
        **expect(A, alertmanager_watchdog_arrives="CRITICAL"),
    },
    configured(no_watchdog, rules="groups: []\n"),
    restored,
)
fault(
    "rules-of-the-guide",
    "the guide's five rules are loaded as they are written there",
    {
        **expect(
            alerts_rules_loaded="CRITICAL",
            alerts_can_fire="CRITICAL",
            alerts_coherence="WARNING",
            alerts_no_data="WARNING",
        ),
        **expect(A, alertmanager_watchdog_arrives="CRITICAL"),
    },
    configured(no_watchdog, scraped, rules=prometheus.shortened(GUIDE.read_text(encoding="utf-8"))),
    restored,
)

_FLAPPING = """\
groups:
  - name: flapping
    interval: 100ms
    rules:
      - alert: Flapping
        expr: vector(1) unless on () (vector(time() * 10 % 10) < 5)
        labels: {severity: none}
"""


def _flap(running: Running) -> None:
    rules = edited(lambda text: text) + _FLAPPING.removeprefix("groups:\n")
    reload(running, rules=rules)
    times = 'sum(changes(ALERTS_FOR_STATE{alertname="Flapping"}[1h]))'
    until("it has fired often", lambda: (metrics(running).value(times) or 0) > 11)  # noqa: PLR2004
    reload(running, rules=None)
    until("it fires no more", lambda: "Flapping" not in firing(metrics(running)))


def _flapped(running: Running) -> None:
    metrics(running).forget('{alertname="Flapping"}')
    restored(running)


fault("alert-flapping", "an alert fires again and again", expect(alerts_flapping="WARNING"), _flap, _flapped)


def _drop_alert(running: Running) -> None:
    reload(running, drop="ExporterBlind")
    running.proxies.set("exporter-redis", Mode.REFUSED)
    fires("ExporterBlind")(running)
    until(
        "it fires for long enough",
        lambda: any(
            a["labels"]["alertname"] == "ExporterBlind" and time.time() - stamp(a["activeAt"]) > 16 + prometheus.FOR
            for a in metrics(running).ask("/api/v1/alerts")["alerts"]
        ),
    )


def _undrop(running: Running) -> None:
    running.proxies.set("exporter-redis", Mode.PASS)
    restored(running)


fault(
    "alert-not-sent",
    "an alert fires that Prometheus does not send",
    expect(prometheus_exporters_see="CRITICAL", alerts_firing="CRITICAL", alerts_reach_alertmanager="CRITICAL"),
    _drop_alert,
    _undrop,
)
