"""What goes wrong with the number of connections to PostgreSQL."""

import contextlib
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import psycopg

from lab import postgresql
from lab.api_processes import NAMES
from lab.faults.expect import QUEUE, all_in
from lab.faults.postgresql import AGREEMENT, DEPENDS_ON_PRIMARY
from lab.faults.registry import Act, Fault, register
from lab.postgresql import Cluster
from lab.running import PUBLIC_PATHS, Running

_USABLE = 97  # max_connections less those reserved for superusers
_SESSIONS_OF_API = 5
_FULL = 6  # refusals in a row, a twentieth of a second apart


def _sessions(cluster: Cluster, of: str = "") -> int:
    """Return how many sessions there are, our own left out; `of` one application only."""
    which = f"AND application_name = '{of}'" if of else ""
    query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    count = cluster.value(f"{query} {which}")
    assert isinstance(count, int)  # noqa: S101 (for the type checker: it is a count)
    return count


def _open_sessions(running: Running) -> None:
    """Have every instance of the API open all sessions that it ever will, as it has after some hours of work."""
    urls = [f"{api.url}{path}" for api in running.apis.values() for path in ("/health", *PUBLIC_PATHS) * 3]
    with ThreadPoolExecutor(len(urls)) as pool:
        for _ in range(10):
            list(pool.map(_visit, urls))
            if _sessions(running.primary, "penhas-api") >= len(running.apis) * _SESSIONS_OF_API:
                return


def _visit(url: str) -> None:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (our own API)
        answer.read()


def _fill(cluster_of: str, share: float) -> tuple[Act, Act]:
    """Return acts that hold so many connections that `share` of those that roles may use are taken, and let go."""
    key = f"connections-{cluster_of}"

    def cluster(running: Running) -> Cluster:
        return running.primary if cluster_of == "primary" else running.replica

    def break_(running: Running) -> None:
        if share > 1:
            _open_sessions(running)
        held: list[psycopg.Connection[tuple[object, ...]]] = running.kept.setdefault(key, [])
        refused = 0
        while refused < _FULL and (share > 1 or _sessions(cluster(running)) < _USABLE * share):
            try:
                held.append(cluster(running).connect(postgresql.APPLICATION))
                refused = 0
            except psycopg.OperationalError:
                refused += 1
                time.sleep(0.05)  # a session that was ending gives its place free

    def mend(running: Running) -> None:
        for connection in running.kept.pop(key):
            connection.close()
        server = cluster(running)
        assert server.process is not None  # noqa: S101 (for the type checker: it runs)
        server.process.await_ready(lambda: _sessions(server, "lab") == 0)  # a session ends after its client has gone

    return break_, mend


for _cluster in ("primary", "replica1"):
    for _name, _share, _state in (("warning", 0.82, "WARNING"), ("critical", 0.94, "CRITICAL")):
        register(
            Fault(
                f"postgresql-{_cluster}-connections-{_name}",
                f"{_share:.0%} of the connections to {_cluster} are taken",
                ("postgresql",),
                {f"postgresql-connections-used@{_cluster}": _state},
                *_fill(_cluster, _share),
            )
        )
register(
    Fault(
        "postgresql-primary-connections-exhausted",
        "the primary has no connection left",
        ("postgresql", "minion", "api"),
        {
            "postgresql-connection@primary": "CRITICAL",
            **all_in("UNKNOWN", (*DEPENDS_ON_PRIMARY, *QUEUE, *AGREEMENT)),
            # the instances have their sessions, and say that all is well
            **all_in("CRITICAL", (f"api-agreement-database@{name}" for name in NAMES)),
        },
        *_fill("primary", 1.1),
    )
)
