"""A smoke run against its floor and against the naive way, at 0 and at 200 ms of latency."""

import sys
import tempfile
from pathlib import Path

import psycopg

from lab.client import Lab
from lab.running import SUITE_PROXIES
from tests.bench.frame import Row, at_most, bench, in_turn, median, shown

SLOW = 0.2
_STATEMENTS = """
select coalesce(sum(s.calls), 0), coalesce(sum(s.total_exec_time), 0)
from pg_stat_statements s join pg_roles r on r.oid = s.userid where r.rolname = 'penhas_checks'
"""


@bench("smoke")
def smoke(lab: Lab) -> list[Row]:
    """Return ratio, round trips, connections, statements and memory of a smoke run."""
    file = str(lab.environment_file)
    with tempfile.TemporaryDirectory() as folder:
        suite = [sys.executable, "-m", "pytest", "checks", f"--environment={file}", "--profile=smoke"]
        suite += ["-q", "-p", "no:cacheprovider", f"--reports-dir={folder}"]
        floor = [sys.executable, "-m", "tests.bench.floor", file]
        results = Path(folder) / "lab/latest/results.json"
        naive = [sys.executable, "-m", "tests.bench.naive", file, str(results)]
        median(suite, lab.variables, times=1)
        before, calls = _connections(lab), _statements(lab)
        once = median(suite, lab.variables, times=1)
        connections = {name: count - before[name] for name, count in _connections(lab).items()}
        statements = tuple(b - a for a, b in zip(calls, _statements(lab), strict=True))
        if once.code != 0:
            raise RuntimeError(f"the healthy lab is not OK:\n{once.output}")
        kinds = {"suite": suite, "floor": floor, "naive": naive}
        near = in_turn(kinds, lab.variables)
        lab.slow(SLOW)
        try:
            far = in_turn(kinds, lab.variables, 3)
        finally:
            lab.slow(0)
    rows = [
        at_most("smoke/floor", near["suite"].seconds / near["floor"].seconds, "ratio", 2.0),
        at_most("smoke-round-trips", (far["suite"].seconds - near["suite"].seconds) / SLOW, "round trips", 8),
        at_most("smoke-peak-memory", near["suite"].megabytes, "MB", 150),
        at_most("smoke-connections", max(connections.values()), "a server", 1),
        at_most("smoke-statements", statements[0], "statements", 40),
        at_most("smoke-server-ms", statements[1], "ms", 50),
    ]
    rows += [shown(f"{kind}-seconds", process.seconds, "s at 0 ms") for kind, process in near.items()]
    rows += [shown(f"{kind}-seconds-far", process.seconds, "s at 200 ms") for kind, process in far.items()]
    return rows + [shown(f"smoke-connections-{name}", count, "connections") for name, count in connections.items()]


def _connections(lab: Lab) -> dict[str, int]:
    """Return the connections that each proxy between suite and service has seen; the application has others."""
    return {name: int(lab.status()["proxies"][name]["connections"]) for name in SUITE_PROXIES}


def _statements(lab: Lab) -> tuple[float, float]:
    """Return calls and milliseconds of the suite's role on the primary."""
    with psycopg.connect(lab.admin["primary"], autocommit=True) as connection:
        row = connection.execute(_STATEMENTS).fetchone()
    return (0.0, 0.0) if row is None else (float(row[0]), float(row[1]))
