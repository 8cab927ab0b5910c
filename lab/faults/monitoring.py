"""What goes wrong with the watchers: Prometheus, its targets, rules and figures; Alertmanager, its routes and silences.

A fault returns when Prometheus has seen it; what it leaves in the last minutes is deleted when it is mended.
"""

import contextlib
import datetime
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from lab import exporters, host, prometheus
from lab.alertmanager import Alertmanager
from lab.faults.registry import Act, Fault, register
from lab.monitoring import Watchers
from lab.prometheus import Prometheus
from lab.proxy import Mode
from lab.relay import Relay, json_at
from lab.running import Running
from lab.state import REPOSITORY, LabError

WITHIN = 25.0
P, A = "prometheus", "alertmanager"
GUIDE = REPOSITORY / "docs" / "alerts" / "guide.yml"

PROMETHEUS = (
    "prometheus-reloaded",
    "prometheus-retention",
    "prometheus-storage",
    "prometheus-clock",
    "prometheus-ingests",
    "prometheus-targets-expected",
    "prometheus-targets-up",
    "prometheus-targets-fresh",
    "prometheus-exporters-see",
    "prometheus-alertmanager-connected",
    "prometheus-notifications-lost",
    "prometheus-evaluations-missed",
    "metrics-application-kept",
    "metrics-database-kept",
    "metrics-infrastructure-kept",
    "metrics-endpoints-folded",
    "metrics-node-cpu",
    "metrics-node-memory",
    "metrics-node-disk",
    "metrics-node-inodes",
    "metrics-node-disk-io",
    "metrics-node-clock",
    "metrics-server-errors",
    "metrics-client-errors",
    "metrics-response-time",
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


def watchers(running: Running) -> Watchers:
    """Return the watchers of a lab that has them."""
    if running.watchers is None:
        raise LabError("this lab runs without what this breaks: python -m lab up --monitoring")
    return running.watchers


def metrics(running: Running) -> Prometheus:
    """Return the Prometheus of a lab that has one."""
    found = watchers(running).prometheus
    if found is None:
        raise LabError("Debian's prometheus, prometheus-alertmanager and exporters are not installed")
    return found


def manager(running: Running) -> Alertmanager:
    """Return the Alertmanager of a lab that has one."""
    metrics(running)
    found = watchers(running).alertmanager
    assert found is not None  # noqa: S101 (it comes with Prometheus)
    return found


def until(what: str, condition: Callable[[], bool], within: float = WITHIN) -> None:
    """Return when a condition holds; a LabError when it does not in time."""
    end = time.monotonic() + within
    while True:
        with contextlib.suppress(URLError, OSError):
            if condition():
                return
        if time.monotonic() > end:
            raise LabError(f"not so within {within:.0f} s: {what}")
        time.sleep(0.15)


def _expect(service: str = P, **states: str) -> dict[str, str]:
    return {f"{name.replace('_', '-')}@{service}": state for name, state in states.items()}


def _fault(name: str, what: str, expect: Mapping[str, str], break_: Act, mend: Act, *services: str) -> None:
    register(Fault(name, what, services or (P, A), expect, break_, mend, monitoring=True))


# ── the network before each of them ──

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
            "logs-index-today",
            "logs-index-parsed",
            "logs-index-located",
            "logs-index-fields",
            "logs-index-secrets",
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
        _fault(
            f"{_service}-{_suffix}",
            f"{_service}: {_text}",
            {}
            if _mode is Mode.SLOW
            else {**dict.fromkeys(_others, "UNKNOWN"), f"{_service}-connection@{_service}": "CRITICAL"},
            _network(_service, _mode),
            _network(_service, Mode.PASS),
            _service,
        )


# ── configuration: written, reloaded, and seen to be in force ──


def _reload(running: Running, **changes: Any) -> None:
    found = metrics(running)
    before = _loaded_at(found)
    time.sleep(max(0.0, 1.05 - (time.time() - before)))  # its stamp counts whole seconds
    found.write(**changes)
    found.reload()
    until("Prometheus has loaded its configuration", lambda: _loaded_at(found) > before)


def _loaded_at(found: Prometheus) -> float:
    with urlopen(f"http://127.0.0.1:{found.port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    stamp = re.search(r"^prometheus_config_last_reload_success_timestamp_seconds (\S+)$", text, re.MULTILINE)
    return float(stamp.group(1)) if stamp is not None else 0.0


def scraped(running: Running) -> None:
    """Return when every target has been scraped and every rule evaluated since now."""
    found = metrics(running)
    began = time.time()

    def seen() -> bool:
        targets = found.ask("/api/v1/targets", {"state": "active"})["activeTargets"]
        return bool(targets) and all(_stamp(target["lastScrape"]) > began for target in targets)

    def evaluated() -> bool:
        rules = [r for g in found.ask("/api/v1/rules")["groups"] for r in g["rules"]]
        return all(_stamp(rule["lastEvaluation"]) > began for rule in rules)

    until("every target is scraped", seen)
    began = time.time()
    until("every rule is evaluated", evaluated)


def well(running: Running) -> None:
    """Return when every target is up, nothing fires, and the watchdog has arrived."""
    found = metrics(running)

    def up() -> bool:
        targets = found.ask("/api/v1/targets", {"state": "active"})["activeTargets"]
        due = sum(map(len, found.jobs.values()))
        return len(targets) == due and all(target["health"] == "up" for target in targets)

    until("every target is up", up)
    scraped(running)
    until("nothing fires", lambda: _firing(found) == {"Watchdog"})
    until("Alertmanager has the watchdog", lambda: "Watchdog" in _held(running))


def _stamp(text: str) -> float:
    whole, _, rest = text.partition(".")
    digits = re.match(r"\d*", rest)
    moment = datetime.datetime.fromisoformat(f"{whole.removesuffix('Z')}+00:00").timestamp()
    return moment + float(f"0.{digits.group(0) or 0}" if digits is not None else 0)


def _firing(found: Prometheus) -> set[str]:
    alerts = found.ask("/api/v1/alerts")["alerts"]
    return {alert["labels"]["alertname"] for alert in alerts if alert["state"] != "inactive"}


def _held(running: Running) -> set[str]:
    with urlopen(f"http://127.0.0.1:{manager(running).port}/api/v2/alerts", timeout=5) as answer:
        return {alert["labels"]["alertname"] for alert in json.loads(answer.read())}


def _fires(*names: str) -> Act:
    def act(running: Running) -> None:
        found = metrics(running)
        until(f"{', '.join(names)} fires", lambda: _fire(found, names))

    return act


def _fire(found: Prometheus, names: tuple[str, ...]) -> bool:
    alerts = found.ask("/api/v1/alerts")["alerts"]
    return set(names) <= {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}


def _configured(*after: Act, **changes: Any) -> Act:
    def act(running: Running) -> None:
        _reload(running, **changes)
        for one in after or (scraped,):
            one(running)

    return act


def _restored(running: Running) -> None:
    found = metrics(running)
    found.intervals, found.limits = {}, {}
    _reload(running)
    well(running)


def _no_watchdog(running: Running) -> None:
    until("Alertmanager has lost the watchdog", lambda: "Watchdog" not in _held(running))


def _rules(change: Callable[[str], str]) -> str:
    return change(prometheus.shortened(prometheus.RULES.read_text(encoding="utf-8")))


def _without(name: str) -> str:
    return _rules(lambda text: re.sub(rf"      - alert: {name}\n(?:        .*\n|\n)*", "", text))


def _jobs(running: Running, change: Callable[[prometheus.Jobs], prometheus.Jobs], *after: Act) -> None:
    _reload(running, jobs=change(dict(metrics(running).jobs)))
    for one in after or (scraped,):
        one(running)


_GONE = {"jobs": {}, "rules": "groups: []\n"}

_fault(
    "prometheus-target-missing",
    "node3 is not in Prometheus' configuration",
    _expect(prometheus_targets_expected="CRITICAL", metrics_infrastructure_kept="WARNING"),
    lambda running: _jobs(running, lambda jobs: {**jobs, "node-exporter": jobs["node-exporter"][:2]}, scraped),
    _restored,
)
_fault(
    "prometheus-job-missing",
    "the job redis-exporter is not in Prometheus' configuration",
    _expect(prometheus_targets_expected="CRITICAL", prometheus_exporters_see="CRITICAL", alerts_can_fire="CRITICAL"),
    lambda running: _jobs(running, lambda jobs: {k: v for k, v in jobs.items() if k != "redis-exporter"}, scraped),
    _restored,
)
_fault(
    "prometheus-stray-target-down",
    "Prometheus scrapes something that nobody expects, and it is down",
    _expect(prometheus_targets_up="WARNING", alerts_firing="CRITICAL"),
    lambda running: _jobs(running, lambda jobs: {**jobs, "stray": ("127.0.0.1:9",)}, _fires("TargetDown")),
    _restored,
)


def _slowly(running: Running) -> None:
    metrics(running).intervals = {"node-exporter": "5s"}
    _reload(running)
    until(
        "the node exporters are scraped every 5 s",
        lambda: any(t["scrapeInterval"] == "5s" for t in metrics(running).ask("/api/v1/targets")["activeTargets"]),
    )
    scraped(running)


_fault(
    "prometheus-interval-wrong",
    "the node exporters are scraped less often than is due",
    _expect(prometheus_targets_fresh="WARNING"),
    _slowly,
    _restored,
)


def _broken_reload(running: Running) -> None:
    found = metrics(running)
    found.config.write_text("scrape_configs: [")
    found.reload()
    until(
        "Prometheus has refused its configuration",
        lambda: not found.ask("/api/v1/status/runtimeinfo")["reloadConfigSuccess"],
    )


_fault(
    "prometheus-reload-broken",
    "prometheus.yml on disk is broken; Prometheus runs with the old one",
    _expect(prometheus_reloaded="CRITICAL"),
    _broken_reload,
    _restored,
)
_fault(
    "prometheus-no-alertmanager",
    "Prometheus is configured without an Alertmanager",
    {
        **_expect(prometheus_alertmanager_connected="CRITICAL"),
        **_expect(A, alertmanager_watchdog_arrives="CRITICAL"),
    },
    _configured(_no_watchdog, alertmanager=False),
    _restored,
)


def _alertmanager_gone(running: Running) -> None:
    metrics(running)
    running.proxies.set("prometheus-alertmanager", Mode.REFUSED)
    _no_watchdog(running)


def _alertmanager_back(running: Running) -> None:
    running.proxies.set("prometheus-alertmanager", Mode.PASS)
    well(running)


_fault(
    "prometheus-alertmanager-unreachable",
    "Prometheus does not reach its Alertmanager",
    {
        **_expect(prometheus_notifications_lost="CRITICAL"),
        **_expect(A, alertmanager_watchdog_arrives="CRITICAL"),
    },
    _alertmanager_gone,
    _alertmanager_back,
)
_fault(
    "prometheus-scrapes-nothing",
    "Prometheus has an empty configuration: no job, no rule",
    {},
    _configured(_no_watchdog, **_GONE),
    _restored,
)


def _over_limit(running: Running) -> None:
    metrics(running).limits = {"redis-exporter": 5}
    _reload(running)
    _fires("TargetDown")(running)


_fault(
    "prometheus-sample-limit",
    "the redis exporter has more samples than its sample_limit",
    _expect(
        prometheus_targets_up="CRITICAL",
        prometheus_storage="WARNING",
        prometheus_exporters_see="CRITICAL",
        alerts_can_fire="CRITICAL",
        alerts_firing="CRITICAL",
    ),
    _over_limit,
    _restored,
)

# ── targets ──


def _end(name: str, *after: Act) -> Act:
    def act(running: Running) -> None:
        process = watchers(running).exporters[name].process
        if process is not None:
            process.stop()
        for one in after:
            one(running)

    return act


def _begin(name: str) -> Act:
    def act(running: Running) -> None:
        exporter = watchers(running).exporters[name]
        exporter.start(running.launcher)
        exporter.await_ready()
        well(running)

    return act


def _proxied(proxy: str, *after: Act) -> Act:
    def act(running: Running) -> None:
        metrics(running)
        running.proxies.set(proxy, Mode.REFUSED)
        for one in after:
            one(running)

    return act


def _unproxied(proxy: str) -> Act:
    def act(running: Running) -> None:
        running.proxies.set(proxy, Mode.PASS)
        well(running)

    return act


_fault(
    "target-down",
    "the redis exporter is not running",
    _expect(
        prometheus_targets_up="CRITICAL",
        prometheus_exporters_see="CRITICAL",
        alerts_can_fire="CRITICAL",
        alerts_firing="CRITICAL",
    ),
    _end("redis-exporter", _fires("TargetDown")),
    _begin("redis-exporter"),
)
_fault(
    "exporter-blind",
    "the redis exporter is up and does not reach Redis",
    _expect(prometheus_exporters_see="CRITICAL", alerts_firing="CRITICAL"),
    _proxied("exporter-redis", _fires("ExporterBlind")),
    _unproxied("exporter-redis"),
)
_fault(
    "metrics-database-gone",
    "the postgres exporter does not reach PostgreSQL: its series end",
    _expect(
        prometheus_exporters_see="CRITICAL",
        metrics_database_kept="CRITICAL",
        alerts_can_fire="CRITICAL",
        alerts_firing="CRITICAL",
    ),
    _proxied("exporter-postgresql", _fires("ExporterBlind")),
    _unproxied("exporter-postgresql"),
)


def _drop_metrics(*names: str, apis: tuple[str, ...] = ("api1", "api2", "api3")) -> Act:
    def act(running: Running) -> None:
        metrics(running)
        for api in apis:
            running.apis[api].misbehave(drop_metrics=list(names) or None)
        scraped(running)

    return act


_fault(
    "metric-dead",
    "nothing exports minion_jobs_inactive any more",
    _expect(alerts_can_fire="CRITICAL"),
    _drop_metrics("minion_jobs_inactive"),
    _drop_metrics(),
)
_fault(
    "metric-missing-somewhere",
    "one instance of three does not export its connections",
    _expect(metrics_application_kept="WARNING"),
    _drop_metrics("http_connections_active", apis=("api3",)),
    _drop_metrics(),
)
_fault(
    "metric-missing",
    "no instance exports its queue of requests",
    _expect(metrics_application_kept="CRITICAL", metrics_queue_depth="UNKNOWN"),
    _drop_metrics("http_request_queue_depth"),
    _drop_metrics(),
)


def _textfile(text: str | None) -> Act:
    def act(running: Running) -> None:
        metrics(running)
        exporters.textfile(running.machine, text)
        scraped(running)

    return act


_fault(
    "requests-queue",
    "180 requests wait for a worker",
    _expect(metrics_queue_depth="CRITICAL"),
    _textfile("http_request_queue_depth 60\n"),
    _textfile(None),
)
_fault(
    "endpoints-raw",
    "a label holds paths with ids in them",
    _expect(metrics_endpoints_folded="WARNING"),
    _textfile('http_request_duration_seconds_count{endpoint="/clientes/77131",method="GET",status="200"} 1\n'),
    _textfile(None),
)


def _clock_wrong(running: Running) -> None:
    metrics(running)
    exporter = watchers(running).exporters["node3"]
    if exporter.process is not None:
        exporter.process.stop()

    def later(_path: str, body: bytes) -> bytes:
        return re.sub(
            rb"^node_time_seconds .*$", b"node_time_seconds %f" % (time.time() + 47), body, flags=re.MULTILINE
        )

    other = watchers(running).exporters["node2"]
    running.kept["clock"] = Relay(other.port, later, exporter.port)
    scraped(running)
    until("Prometheus sees it", lambda: (metrics(running).value("max(node_time_seconds) - time()") or 0) > 40)  # noqa: PLR2004


def _clock_right(running: Running) -> None:
    running.kept.pop("clock").stop()
    _begin("node3")(running)


_fault(
    "node-clock-wrong",
    "the clock of node3 is 47 s ahead",
    _expect(metrics_node_clock="CRITICAL"),
    _clock_wrong,
    _clock_right,
)


def _cpu_busy(running: Running) -> None:
    metrics(running)
    running.machine.work(0.99)
    until("the processors are busy", lambda: (metrics(running).value(_CPU) or 0) > 0.97)  # noqa: PLR2004


def _cpu_idle(running: Running) -> None:
    running.machine.work(host.CALM)
    until("the processors are idle", lambda: (metrics(running).value(_CPU) or 1) < 0.5)  # noqa: PLR2004


_CPU = (
    'max(1 - sum by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))'
    " / sum by (instance) (rate(node_cpu_seconds_total[5m])))"
)
_fault(
    "node-cpu-busy",
    "the nodes' processors are busy",
    {**_expect(metrics_node_cpu="CRITICAL"), "capacity-database-cpu@db1": "CRITICAL"},
    _cpu_busy,
    _cpu_idle,
    P,
    "host",
)


def _memory(used: float) -> Act:
    def act(running: Running) -> None:
        metrics(running)
        exporters.memory(running.machine, used)
        scraped(running)

    return act


_fault(
    "node-memory-full",
    "the nodes have no memory left",
    _expect(metrics_node_memory="CRITICAL"),
    _memory(0.98),
    _memory(0.4),
)


def _io(running: Running) -> None:
    found = metrics(running)
    exporters.disk_io(running.machine, 900_000)
    until("the disk is busy", lambda: (found.value("max(rate(node_disk_io_time_seconds_total[5m]))") or 0) > 0.97)  # noqa: PLR2004


def _io_calm(running: Running) -> None:
    found = metrics(running)
    found.forget("node_disk_io_time_seconds_total")
    until("the disk is idle", lambda: found.value("max(rate(node_disk_io_time_seconds_total[5m]))") == 0)
    # below what it was: a counter that starts anew, and nothing to be added up
    exporters.disk_io(running.machine, 900_000)


_fault(
    "node-disk-busy", "the nodes' disks are busy all the time", _expect(metrics_node_disk_io="CRITICAL"), _io, _io_calm
)


def _fill(running: Running) -> None:
    metrics(running)
    base = (running.machine.volume / "base").stat().st_size
    host.fill(running.machine.volume / "node-filler", int(host.VOLUME_BYTES * 0.96) - base)
    _fires("DiskSpaceLow")(running)


def _many_files(running: Running) -> None:
    metrics(running)
    folder = running.machine.volume / "node-files"
    folder.mkdir()
    for number in range(int(host.VOLUME_INODES * 0.92)):
        (folder / str(number)).touch()
    scraped(running)


def _empty(running: Running) -> None:
    (running.machine.volume / "node-filler").unlink(missing_ok=True)
    folder = running.machine.volume / "node-files"
    if folder.is_dir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    well(running)


_fault(
    "node-disk-full",
    "the nodes' disks are 96 % full, and with them a log's",
    {
        **_expect(metrics_node_disk="CRITICAL", alerts_firing="CRITICAL"),
        "capacity-disk@pgdata": "CRITICAL",
        "logs-disk-free@worker": "CRITICAL",
    },
    _fill,
    _empty,
    P,
    A,
    "host",
    "logs",
)
_fault(
    "node-inodes-full",
    "the nodes' disks have hardly an inode left",
    {**_expect(metrics_node_inodes="CRITICAL"), "capacity-disk-inodes@pgdata": "CRITICAL"},
    _many_files,
    _empty,
    P,
    A,
    "host",
)

# ── traffic: real requests ──

_LATE = 1.4


def _requests(running: Running, path: str, number: int) -> None:
    """Make so many requests to each instance, some at once."""

    def ask(port: int) -> None:
        with contextlib.suppress(URLError, OSError):
            urlopen(f"http://127.0.0.1:{port}{path}", timeout=10).close()

    ports = [api.port for api in running.apis.values()] * number
    with ThreadPoolExecutor(24) as pool:
        list(pool.map(ask, ports))


def _calm(running: Running) -> None:
    for api in running.apis.values():
        api.misbehave(latency=None, errors=None)
    found = metrics(running)
    found.forget('{__name__=~"http_request.*"}')
    for log in watchers(running).logs.values():
        log.remove("Requisição lenta")
    scraped(running)
    _requests(running, "/pontos-de-apoio", 40)
    count = 'sum(increase(http_request_duration_seconds_count{endpoint!~"/health.*|/metrics|/maintenance/.*"}[5m]))'
    until("there are requests enough", lambda: (found.value(count) or 0) > 60)  # noqa: PLR2004
    well(running)


def _errors(running: Running) -> None:
    metrics(running)
    for api in running.apis.values():
        api.misbehave(errors=1.0)
    _requests(running, "/pontos-de-apoio", 100)
    _fires("HighErrorRate")(running)


def _late(running: Running) -> None:
    metrics(running)
    for api in running.apis.values():
        api.misbehave(latency=_LATE)
    while not _fire(metrics(running), ("SlowResponseTime",)):
        _requests(running, "/pontos-de-apoio", 12)


def _nowhere(running: Running) -> None:
    found = metrics(running)
    count = "http_request_duration_seconds_count"
    share = f'sum(rate({count}{{status="404"}}[5m])) / sum(rate({count}[5m]))'
    while (found.value(share) or 0) < 0.6:  # noqa: PLR2004 (well past the limit)
        _requests(running, "/nowhere", 100)
        scraped(running)


_fault(
    "api-errors-everywhere",
    "every request is answered 500",
    {
        **_expect(metrics_server_errors="CRITICAL", alerts_firing="CRITICAL"),
        **{f"api-probes@api{n}": "CRITICAL" for n in (1, 2, 3)},
    },
    _errors,
    _calm,
    P,
    A,
)
_fault(
    "api-slow-everywhere",
    "every request takes longer than a second",
    {
        **_expect(metrics_response_time="CRITICAL", slow_requests_measured="CRITICAL", alerts_firing="CRITICAL"),
        "slow-requests-logged@api": "WARNING",
    },
    _late,
    _calm,
    P,
    A,
    "logs",
)
_fault(
    "api-requests-to-nowhere",
    "most requests ask for what is not there",
    _expect(metrics_client_errors="CRITICAL"),
    _nowhere,
    _calm,
)


def _queue(running: Running) -> None:
    metrics(running)
    running.primary.execute(
        [
            """INSERT INTO minion_jobs (args, priority, queue, task, delayed, attempts, parents, notes)
            SELECT '[]', 0, 'nobody', 'send_sms', now() + interval '1 hour', 1, '{}', '{"lab": true}'
            FROM generate_series(1, 1200)"""
        ]
    )
    _fires("MinionJobQueueHigh")(running)


def _queue_empty(running: Running) -> None:
    running.primary.execute(["DELETE FROM minion_jobs WHERE queue = 'nobody'"])
    well(running)


_fault(
    "queue-of-delayed-jobs",
    "1200 jobs are delayed: the rule, which counts them too, fires",
    _expect(alerts_firing="CRITICAL"),
    _queue,
    _queue_empty,
)


def _connections(running: Running) -> None:
    metrics(running)
    most = int(str(running.primary.value("SELECT setting::int FROM pg_settings WHERE name = 'max_connections'")))
    used = int(
        str(running.primary.value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"))
    )
    running.kept["sessions"] = [running.primary.connect() for _ in range(int(most * 0.82) - used)]
    _fires("DatabaseConnectionsHigh")(running)


def _disconnect(running: Running) -> None:
    for session in running.kept.pop("sessions", ()):
        session.close()
    well(running)


_fault(
    "database-connections-many",
    "four of five connections of the database are in use",
    {
        **_expect(alerts_firing="WARNING"),
        "postgresql-connections-used@primary": "WARNING",
    },
    _connections,
    _disconnect,
    P,
    A,
    "postgresql",
)

# ── rules ──

_fault(
    "rule-missing",
    "one alert rule is not loaded",
    _expect(alerts_rules_loaded="CRITICAL"),
    _configured(rules=_without("MinionJobQueueHigh")),
    _restored,
)
_fault(
    "rule-wrong-label",
    "a rule selects by a label that does not exist",
    _expect(alerts_rules_loaded="WARNING", alerts_can_fire="CRITICAL"),
    _configured(rules=_rules(lambda text: text.replace("{status=~", "{stauts=~"))),
    _restored,
)
_fault(
    "rule-failing",
    "a rule fails when it is evaluated: many-to-many matching",
    _expect(alerts_rules_loaded="WARNING", alerts_rules_healthy="CRITICAL"),
    _configured(
        rules=_rules(lambda text: text.replace("/ node_filesystem_size", "/ on (instance) node_filesystem_size"))
    ),
    _restored,
)
_fault(
    "rule-too-mild",
    "a rule calls a warning what the capacity table calls critical",
    _expect(alerts_rules_loaded="WARNING", alerts_coherence="WARNING"),
    _configured(
        rules=_rules(
            lambda text: re.sub(r"(minion_jobs_inactive[^-]*?severity: )critical", r"\1warning", text, flags=re.DOTALL)
        )
    ),
    _restored,
)
_fault(
    "rule-short-window",
    "a rule's window never holds two scrapes",
    _expect(alerts_rules_loaded="WARNING", alerts_can_fire="CRITICAL"),
    _configured(rules=_rules(lambda text: text.replace('{status=~"5.."}[5m]', '{status=~"5.."}[1s]'))),
    _restored,
)
_fault(
    "rules-gone",
    "no alert rule is loaded",
    {
        **_expect(alerts_rules_loaded="CRITICAL", alerts_rules_healthy="CRITICAL", alerts_no_data="WARNING"),
        **_expect(A, alertmanager_watchdog_arrives="CRITICAL"),
    },
    _configured(_no_watchdog, rules="groups: []\n"),
    _restored,
)
_fault(
    "rules-of-the-guide",
    "the guide's five rules are loaded as they are written there",
    {
        **_expect(
            alerts_rules_loaded="CRITICAL",
            alerts_can_fire="CRITICAL",
            alerts_coherence="WARNING",
            alerts_no_data="WARNING",
        ),
        **_expect(A, alertmanager_watchdog_arrives="CRITICAL"),
    },
    _configured(_no_watchdog, scraped, rules=prometheus.shortened(GUIDE.read_text(encoding="utf-8"))),
    _restored,
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
    rules = _rules(lambda text: text) + _FLAPPING.removeprefix("groups:\n")
    _reload(running, rules=rules)
    times = 'sum(changes(ALERTS_FOR_STATE{alertname="Flapping"}[1h]))'
    until("it has fired often", lambda: (metrics(running).value(times) or 0) > 11)  # noqa: PLR2004
    _reload(running)
    until("it fires no more", lambda: "Flapping" not in _firing(metrics(running)))


def _flapped(running: Running) -> None:
    metrics(running).forget('{alertname="Flapping"}')
    _restored(running)


_fault("alert-flapping", "an alert fires again and again", _expect(alerts_flapping="WARNING"), _flap, _flapped)


def _drop_alert(running: Running) -> None:
    _reload(running, drop="ExporterBlind")
    running.proxies.set("exporter-redis", Mode.REFUSED)
    _fires("ExporterBlind")(running)
    until(
        "it fires for long enough",
        lambda: any(
            a["labels"]["alertname"] == "ExporterBlind" and time.time() - _stamp(a["activeAt"]) > 16  # noqa: PLR2004
            for a in metrics(running).ask("/api/v1/alerts")["alerts"]
        ),
    )


def _undrop(running: Running) -> None:
    running.proxies.set("exporter-redis", Mode.PASS)
    _restored(running)


_fault(
    "alert-not-sent",
    "an alert fires that Prometheus does not send",
    _expect(prometheus_exporters_see="CRITICAL", alerts_firing="CRITICAL", alerts_reach_alertmanager="CRITICAL"),
    _drop_alert,
    _undrop,
)

# ── what cannot be made to happen to a real Prometheus within a test ──


def _lied(**paths: Callable[[Any], None]) -> Act:
    def act(running: Running) -> None:
        found = metrics(running)
        ((path, change),) = ((name.replace("__", "/"), one) for name, one in paths.items())
        running.kept["relay"] = Relay(found.port, json_at(path, change))
        running.proxies.redirect("prometheus", running.kept["relay"].port)

    return act


def _truth(running: Running) -> None:
    running.proxies.redirect("prometheus", metrics(running).port)
    running.kept.pop("relay").stop()


def _set(**values: Any) -> Callable[[Any], None]:
    return lambda table: table["data"].update(values)


def _hurry(table: Any) -> None:
    if table["data"]["resultType"] == "scalar":
        table["data"]["result"][1] = str(float(table["data"]["result"][1]) + 90)


_fault(
    "prometheus-clock-wrong",
    "Prometheus' clock is 90 s ahead",
    _expect(prometheus_clock="CRITICAL"),
    _lied(__api__v1__query=_hurry),
    _truth,
    P,
)
_fault(
    "prometheus-retention-short",
    "Prometheus keeps two days",
    _expect(prometheus_retention="WARNING"),
    _lied(__api__v1__status__runtimeinfo=_set(storageRetention="2d")),
    _truth,
    P,
)
_fault(
    "prometheus-storage-damaged",
    "Prometheus found its storage damaged",
    _expect(prometheus_storage="CRITICAL"),
    _lied(__api__v1__status__runtimeinfo=_set(corruptionCount=1)),
    _truth,
    P,
)


def _overloaded(running: Running) -> None:
    found = metrics(running)
    name = b"prometheus_rule_group_iterations_missed_total"
    began = time.time()

    def more(path: str, body: bytes) -> bytes:
        missed = b'\n%s{rule_group="lab"} %d\n' % (name, 10 * (time.time() - began))
        return body + missed if path.startswith("/metrics") else body

    running.kept["relay"] = Relay(found.port, more)
    running.proxies.redirect("prometheus", running.kept["relay"].port)


_fault(
    "prometheus-overloaded",
    "Prometheus is too slow to evaluate its rules",
    _expect(prometheus_evaluations_missed="WARNING"),
    _overloaded,
    _truth,
    P,
)

# ── Alertmanager ──


def _manager_loaded(running: Running, wanted: str) -> Iterator[bool]:
    with urlopen(f"http://127.0.0.1:{manager(running).port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    yield f"alertmanager_config_last_reload_successful {wanted}\n" in text


def _manager_broken(running: Running) -> None:
    manager(running).config.write_text("route: [")
    manager(running).reload()
    until("Alertmanager has refused its configuration", lambda: next(_manager_loaded(running, "0")))


def _manager_written(**changes: str) -> Act:
    def act(running: Running) -> None:
        found = manager(running)
        found.write(**changes)
        found.reload()
        wanted = changes.get("critical", "on-call")

        def loaded() -> bool:
            with urlopen(f"http://127.0.0.1:{found.port}/api/v2/status", timeout=5) as answer:
                text = json.loads(answer.read())["config"]["original"]
            return f"receiver: {wanted}" in text and next(_manager_loaded(running, "1"))

        until("Alertmanager has loaded its configuration", loaded)
        until("Alertmanager has the watchdog", lambda: "Watchdog" in _held(running))

    return act


_fault(
    "alertmanager-reload-broken",
    "alertmanager.yml on disk is broken",
    _expect(A, alertmanager_configured="CRITICAL"),
    _manager_broken,
    _manager_written(),
    A,
)
_fault(
    "alertmanager-route-to-nobody",
    "critical alerts go to a receiver that tells nobody",
    _expect(A, alertmanager_routes="CRITICAL"),
    _manager_written(critical="nobody"),
    _manager_written(),
    A,
)
_fault(
    "watchdog-missing",
    "the alert that always fires does not",
    {
        **_expect(alerts_rules_loaded="CRITICAL"),
        **_expect(A, alertmanager_watchdog_arrives="CRITICAL"),
    },
    _configured(_no_watchdog, rules=_without("Watchdog")),
    _restored,
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


_fault(
    "silence-over-everything",
    "a silence is over every alert",
    _expect(A, alertmanager_silences="CRITICAL"),
    _silence("alertname", ".*", regex=True, days=1),
    _speak,
    A,
)
_fault(
    "silence-for-a-month",
    "a silence lasts 30 days",
    _expect(A, alertmanager_silences="WARNING"),
    _silence("alertname", "DiskSpaceLow", regex=False, days=30),
    _speak,
    A,
)


def _hide(running: Running) -> None:
    _proxied("exporter-redis", _fires("ExporterBlind"))(running)
    _silence("alertname", "ExporterBlind", regex=False, days=1)(running)
    until("Alertmanager hides it", lambda: "ExporterBlind" in _hidden(running))


def _hidden(running: Running) -> set[str]:
    with urlopen(f"http://127.0.0.1:{manager(running).port}/api/v2/alerts", timeout=5) as answer:
        alerts = json.loads(answer.read())
    return {alert["labels"]["alertname"] for alert in alerts if alert["status"]["silencedBy"]}


def _show(running: Running) -> None:
    _speak(running)
    _unproxied("exporter-redis")(running)


_fault(
    "silence-over-what-fires",
    "a critical alert fires, and a silence hides it",
    {
        **_expect(prometheus_exporters_see="CRITICAL", alerts_firing="CRITICAL"),
        **_expect(A, alertmanager_silences="CRITICAL"),
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


_fault(
    "receiver-refused",
    "whom Alertmanager should tell does not answer",
    _expect(A, alertmanager_notifications_failed="CRITICAL"),
    _receiver(Mode.REFUSED),
    _receiver(Mode.PASS),
    A,
)
