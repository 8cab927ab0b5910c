"""What goes wrong with alert rules: missing, wrong, failing, flapping, not sent."""

import re
import time

from lab import prometheus
from lab.faults.configured import configured, edited, own_figures, reload, restored, without
from lab.faults.watching import A, expect, fault, fires, firing, metrics, no_watchdog, scraped, stamp, until
from lab.proxy import Mode
from lab.running import Running
from lab.state import REPOSITORY

GUIDE = REPOSITORY / "docs" / "alerts" / "guide.yml"

_RECORDING = """\
  - name: recorded
    rules:
      - record: job:filesystem_used:ratio
        expr: node_filesystem_avail_bytes / on (instance) node_filesystem_size_bytes
"""


def _failed_often(running: Running) -> None:
    """Return when rules have failed more often than is excused."""
    found = metrics(running)
    before = own_figures(found, _FAILURES)
    until("a rule has failed four times", lambda: own_figures(found, _FAILURES) >= before + 4)


_FAILURES = "prometheus_rule_evaluation_failures_total"

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
    expect(alerts_rules_loaded="WARNING", alerts_rules_healthy="CRITICAL", prometheus_rules_failed="WARNING"),
    configured(
        _failed_often,
        rules=edited(lambda text: text.replace("/ node_filesystem_size", "/ on (instance) node_filesystem_size")),
    ),
    restored,
)
fault(
    "rule-recording-fails",
    "a recording rule fails: no alert rule of its own tells",
    expect(prometheus_rules_failed="WARNING"),
    configured(_failed_often, rules=edited(lambda text: text + _RECORDING)),
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


def _as_guided(running: Running) -> None:
    """Load the guide's rules over what its middleware exports, which counts no requests beside the histogram."""
    for api in running.apis.values():
        api.misbehave(drop_metrics=["http_requests_total"])
    rules = prometheus.shortened(GUIDE.read_text(encoding="utf-8"))
    configured(no_watchdog, scraped, rules=rules)(running)


def _no_more_as_guided(running: Running) -> None:
    for api in running.apis.values():
        api.misbehave(drop_metrics=None)
    restored(running)


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
    _as_guided,
    _no_more_as_guided,
)

_TURNING = """\
  - name: turning
    interval: 100ms
    rules:
      - alert: Turning
        expr: vector(1) unless on () (vector({on}) < 5)
        {wait}
        labels: {{severity: none}}
"""
_SELDOM = "time() / 3 % 2 * 5"  # on for three seconds of six
_OFTEN = "time() * 10 % 10"  # on for half of each second
_TIMES = 'sum(changes(ALERTS_FOR_STATE{alertname="Turning"}[1h]))'


def _turned(running: Running, on: str, wait: str = "") -> None:
    """Let an alert begin twelve times, and end."""
    reload(running, rules=edited(lambda text: text) + _TURNING.format(on=on, wait=wait))
    until("it has begun often", lambda: (metrics(running).value(_TIMES) or 0) > 11, within=90)  # noqa: PLR2004
    reload(running, rules=None)
    until("it is over", lambda: "Turning" not in firing(metrics(running)))


def _pend(running: Running) -> None:
    began = time.time()
    _turned(running, f"({_OFTEN}) + 10 * (time() < bool {began + 12:.0f})", wait="for: 2s")


def _forgotten(running: Running) -> None:
    metrics(running).forget('{alertname="Turning"}')
    restored(running)


fault(
    "alert-flapping",
    "an alert fires again and again",
    expect(alerts_flapping="WARNING"),
    lambda running: _turned(running, _SELDOM),
    _forgotten,
)
fault(
    "alert-pending-often",
    "an alert fires once, and is pending again and again: that is what its `for` is there for, and no finding",
    {},
    _pend,
    _forgotten,
)


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
