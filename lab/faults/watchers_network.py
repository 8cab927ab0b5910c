"""What the network does before Prometheus, Alertmanager, the index and Logstash."""

from lab.faults.registry import Act
from lab.faults.watching import A, P, fault, watchers
from lab.proxy import Mode
from lab.running import Running

PROMETHEUS = (
    "prometheus-reloaded",
    "prometheus-retention",
    "prometheus-storage",
    "prometheus-clock",
    "prometheus-ingests",
    "prometheus-targets-expected",
    "prometheus-targets-up",
    "prometheus-targets-fresh",
    "prometheus-evaluation-interval",
    "prometheus-exporters-see",
    "prometheus-alertmanager-connected",
    "prometheus-notifications-lost",
    "prometheus-notifications-waiting",
    "prometheus-evaluations-missed",
    "prometheus-rules-failed",
    "metrics-application-kept",
    "metrics-database-kept",
    "metrics-infrastructure-kept",
    "metrics-endpoints-folded",
    "metrics-history-kept",
    "metrics-textfiles-fresh",
    "metrics-node-cpu",
    "metrics-node-memory",
    "metrics-node-disk",
    "metrics-node-inodes",
    "metrics-node-disk-io",
    "metrics-node-disk-forecast",
    "metrics-node-clock",
    "metrics-server-errors",
    "metrics-client-errors",
    "metrics-response-time",
    "metrics-response-time-p50",
    "metrics-response-time-p99",
    "metrics-queue-depth",
    "alerts-rules-loaded",
    "alerts-rules-healthy",
    "alerts-can-fire",
    "alerts-no-data",
    "alerts-coherence",
    "alerts-firing",
    "alerts-flapping",
    "alerts-reach-alertmanager",
    "slow-requests-measured",
)
ALERTMANAGER = (
    "alertmanager-configured",
    "alertmanager-routes",
    "alertmanager-watchdog-arrives",
    "alertmanager-silences",
    "alertmanager-notifications-failed",
)


_MODES = {
    "refused": (Mode.REFUSED, "nobody listens"),
    "hangs": (Mode.HANG, "connections are accepted and never answered"),
    "slow": (Mode.SLOW, "every round trip takes 100 ms longer"),
    "cut": (Mode.CUT, "connections are closed in the middle of the first answer"),
    "rubbish": (Mode.RUBBISH, "what answers does not speak HTTP"),
}
_DEPENDENTS = {
    P: tuple(f"{check}@{P}" for check in PROMETHEUS),
    A: (*(f"{check}@{A}" for check in ALERTMANAGER), f"alerts-reach-alertmanager@{P}"),
    "elasticsearch": tuple(
        f"{check}@elasticsearch"
        for check in (
            "logs-cluster",
            "logs-cluster-disk",
            "logs-heap",
            "logs-breakers",
            "logs-tasks-waiting",
            "logs-index-today",
            "logs-index-parsed",
            "logs-index-located",
            "logs-index-fields",
            "logs-index-secrets",
            "logs-index-personal-data",
            "logs-index-retention",
        )
    ),
}


def _network(proxy: str, mode: Mode) -> Act:
    def act(running: Running) -> None:
        watchers(running)
        running.proxies.set(proxy, mode, 0.1 if mode is Mode.SLOW else 0.0)

    return act


for _service, _others in _DEPENDENTS.items():
    for _suffix, (_mode, _text) in _MODES.items():
        fault(
            f"{_service}-{_suffix}",
            f"{_service}: {_text}",
            {}
            if _mode is Mode.SLOW
            else {**dict.fromkeys(_others, "UNKNOWN"), f"{_service}-connection@{_service}": "CRITICAL"},
            _network(_service, _mode),
            _network(_service, Mode.PASS),
            *((A, P) if _service == A else (_service,)),
        )

_OF_THE_API = ("logs-logstash-queue", "logs-logstash-reloaded", "logs-logstash-flows")
for _suffix, (_mode, _text) in _MODES.items():
    fault(
        f"logstash-api-{_suffix}",
        f"Logstash's own API: {_text}",
        {}
        if _mode is Mode.SLOW
        else {
            **dict.fromkeys((f"{check}@elasticsearch" for check in _OF_THE_API), "UNKNOWN"),
            "logs-logstash-answers@elasticsearch": "CRITICAL",
        },
        _network("logstash-api", _mode),
        _network("logstash-api", Mode.PASS),
        "elasticsearch",
    )
fault(
    "logstash-refused",
    "Logstash does not listen",
    {"logs-logstash-listens@elasticsearch": "CRITICAL"},
    _network("logstash", Mode.REFUSED),
    _network("logstash", Mode.PASS),
    "elasticsearch",
)
