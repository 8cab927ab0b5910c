"""A smoke run against its floor and against the naive way, at 0 and at 200 ms of latency."""

import sys
import tempfile
from dataclasses import dataclass
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
        kinds = {"suite": suite, "floor": floor, "naive": naive}
        seen = {kind: _seen(lab, kind, command) for kind, command in kinds.items()}
        near = in_turn(kinds, lab.variables)
        lab.slow(SLOW)
        try:
            far = in_turn(kinds, lab.variables)
        finally:
            lab.slow(0)
    rows = [
        at_most("smoke/floor", near["suite"].seconds / near["floor"].seconds, "ratio", 2.0),
        at_most("smoke-round-trips", (far["suite"].seconds - near["suite"].seconds) / SLOW, "round trips", 8),
        at_most("smoke-peak-memory", near["suite"].megabytes, "MB", 150),
        at_most("smoke-connections", max(seen["suite"].connections.values()), "a server", 1),
        at_most("smoke-statements", seen["suite"].statements["primary"], "statements", 40),
        at_most("smoke-server-ms", seen["suite"].milliseconds["primary"], "ms", 50),
    ]
    rows += [shown(f"{kind}-seconds", process.seconds, "s at 0 ms") for kind, process in near.items()]
    rows += [shown(f"{kind}-seconds-far", process.seconds, "s at 200 ms") for kind, process in far.items()]
    for kind, load in seen.items():
        name = "smoke" if kind == "suite" else kind
        rows += [shown(f"{name}-connections-{server}", n, "connections") for server, n in load.connections.items()]
        rows += [shown(f"{name}-statements-{server}", n, "statements") for server, n in load.statements.items()]
    return rows


@dataclass(frozen=True, slots=True)
class _Load:
    """What one run cost each server: connections through its proxy, statements and their time by the suite's role."""

    connections: dict[str, int]
    statements: dict[str, float]
    milliseconds: dict[str, float]


def _seen(lab: Lab, kind: str, command: list[str]) -> _Load:
    """Run a command once and return what each server saw of it."""
    connections, statements = _connections(lab), _statements(lab)
    once = median(command, lab.variables, times=1)
    if once.code != 0:
        raise RuntimeError(f"{kind} is not well on a healthy lab:\n{once.output}")
    after = _statements(lab)
    return _Load(
        {name: count - connections[name] for name, count in _connections(lab).items()},
        {name: after[name][0] - statements[name][0] for name in after},
        {name: after[name][1] - statements[name][1] for name in after},
    )


def _connections(lab: Lab) -> dict[str, int]:
    """Return the connections that each proxy between suite and service has seen; the application has others."""
    return {name: int(lab.status()["proxies"][name]["connections"]) for name in SUITE_PROXIES}


def _statements(lab: Lab) -> dict[str, tuple[float, float]]:
    """Return calls and milliseconds of the suite's role on each PostgreSQL."""
    found = {}
    for name in ("primary", "replica1"):
        with psycopg.connect(lab.admin[name], autocommit=True) as connection:
            row = connection.execute(_STATEMENTS).fetchone()
        found[name] = (0.0, 0.0) if row is None else (float(row[0]), float(row[1]))
    return found
