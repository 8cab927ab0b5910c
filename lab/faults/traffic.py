"""What real requests, jobs and connections do to the application's figures, and which alerts then fire."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.error import URLError
from urllib.request import urlopen

from lab.faults.watching import (
    A,
    P,
    expect,
    fault,
    fires,
    fires_now,
    metrics,
    scraped,
    until,
    watchers,
    well,
)
from lab.running import Running

_LATE = 1.4
_COUNT = 'sum(increase(http_request_duration_seconds_count{endpoint!~"/health.*|/metrics|/maintenance/.*"}[5m]))'


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
    until("there are requests enough", lambda: (found.value(_COUNT) or 0) > 60)  # noqa: PLR2004
    well(running)


def _errors(running: Running) -> None:
    metrics(running)
    for api in running.apis.values():
        api.misbehave(errors=1.0)
    _requests(running, "/pontos-de-apoio", 100)
    fires("HighErrorRate")(running)


def _late(running: Running) -> None:
    """Return when nearly all requests of the last minutes were slow, for even the median is to show it."""
    found = metrics(running)
    for api in running.apis.values():
        api.misbehave(latency=_LATE)
    found.forget('{__name__=~"http_request_duration.*"}')  # what was quick before
    while not fires_now(found, ("SlowResponseTime",)) or (found.value(_COUNT) or 0) < 80:  # noqa: PLR2004 (past the least)
        _requests(running, "/pontos-de-apoio", 12)


def _quick(running: Running) -> None:
    """Wait for the requests that are under way: what they took is to be forgotten too."""
    for api in running.apis.values():
        api.misbehave(latency=None)
    time.sleep(_LATE + 0.3)
    _calm(running)


def _nowhere(running: Running) -> None:
    found = metrics(running)
    count = "http_request_duration_seconds_count"
    share = f'sum(rate({count}{{status="404"}}[5m])) / sum(rate({count}[5m]))'
    while (found.value(share) or 0) < 0.6:  # noqa: PLR2004 (well past the limit)
        _requests(running, "/nowhere", 100)
        scraped(running)


fault(
    "api-errors-everywhere",
    "every request is answered 500",
    expect(metrics_server_errors="CRITICAL", alerts_firing="CRITICAL"),
    _errors,
    _calm,
    P,
    A,
)
fault(
    "api-slow-everywhere",
    "every request takes longer than a second",
    {
        **expect(
            metrics_response_time="CRITICAL",
            metrics_response_time_p50="CRITICAL",
            metrics_response_time_p99="CRITICAL",
            slow_requests_measured="CRITICAL",
            alerts_firing="CRITICAL",
        ),
        "slow-requests-logged@api": "WARNING",
    },
    _late,
    _quick,
    P,
    A,
    "logs",
)
fault(
    "api-requests-to-nowhere",
    "most requests ask for what is not there",
    expect(metrics_client_errors="CRITICAL"),
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
    fires("MinionJobQueueHigh")(running)


def _queue_empty(running: Running) -> None:
    running.primary.execute(["DELETE FROM minion_jobs WHERE queue = 'nobody'"])
    well(running)


fault(
    "queue-of-delayed-jobs",
    "1200 jobs are delayed: the rule, which counts them too, fires",
    expect(alerts_firing="CRITICAL"),
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
    fires("DatabaseConnectionsHigh")(running)


def _disconnect(running: Running) -> None:
    for session in running.kept.pop("sessions", ()):
        session.close()
    well(running)


fault(
    "database-connections-many",
    "four of five connections of the database are in use",
    {
        **expect(alerts_firing="WARNING"),
        "postgresql-connections-used@primary": "WARNING",
    },
    _connections,
    _disconnect,
    P,
    A,
    "postgresql",
)
