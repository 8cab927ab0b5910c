"""Our checks of PostgreSQL against check_postgres and check_pgactivity as cron or Nagios run them: a process a service.

Whole processes on both sides, ours included with its start, its reports and its exit; only services that both have.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from lab.client import Lab
from tests.bench.frame import TIMES, Process, Row, at_least, bench, median, middle, run, shown

FILES = (
    "checks/health/test_postgresql.py",
    "checks/monitoring/test_limits.py",
    "checks/maintenance/test_limits.py",
    "checks/maintenance/test_postgresql.py",
    "checks/performance/test_limits.py",
    "checks/troubleshooting/test_limits.py",
    "checks/capacity/test_capacity.py",
)
# check_postgres' service with its limits, and the check of ours that says the same
ON_EACH = {
    "connection": ([], "postgresql-connection"),
    "backends": (["-w", "75%", "-c", "90%"], "postgresql-connections-used"),
    "txn_idle": (["-w", "300", "-c", "900"], "sessions-idle-in-transaction"),
    "txn_time": (["-w", "600", "-c", "1800"], "sessions-oldest-transaction"),
    "query_time": (["-w", "120", "-c", "300"], "sessions-longest-query"),
    "timesync": (["-w", "1", "-c", "5"], "postgresql-clock-offset"),
    "hitratio": (["-w", "50%", "-c", "10%"], "postgresql-cache-hit"),
    "settings_checksum": (["-c", "0"], "postgresql-settings-changed"),
}
ON_PRIMARY = {
    "prepared_txns": (["-w", "1", "-c", "30"], "sessions-prepared-transactions"),
    "archive_ready": (["-w", "10", "-c", "15"], "wal-archive-queue"),
    "wal_files": (["-w", "500", "-c", "900"], "postgresql-wal-size"),
    "replication_slots": (["-w", "1GB", "-c", "10GB"], "replication-slot-retained"),
    "txn_wraparound": ([], "postgresql-wraparound"),
    "autovac_freeze": ([], "postgresql-freeze-overdue"),
    "database_size": (["-w", "100GB", "-c", "250GB"], "postgresql-database-size"),
    "last_vacuum": (["-w", "1d", "-c", "2d", "--include=clientes"], "vacuum-recent"),
    "last_analyze": (["-w", "1d", "-c", "2d", "--include=clientes"], "vacuum-recent"),
    "bloat": (["-w", "1GB", "-c", "5GB"], "bloat-tables"),
    "disabled_triggers": (["-w", "1", "-c", "1"], "postgresql-constraints-off"),
    "sequence": (["-w", "85%", "-c", "95%"], "postgresql-sequences-used"),
}
PGACTIVITY_PROGRAM = "/usr/lib/nagios/plugins/check_pgactivity"
PGACTIVITY = {
    "connection": [],
    "backends": ["-w", "75%", "-c", "90%"],
    "hit_ratio": ["-w", "50%", "-c", "10%"],
    "longest_query": ["-w", "2m", "-c", "5m"],
    "oldest_idlexact": ["-w", "5m", "-c", "15m"],
    "max_freeze_age": ["-w", "50%", "-c", "75%"],
    "invalid_indexes": [],
    "archiver": ["-w", "10", "-c", "15"],
}


@bench("postgresql")
def postgresql(lab: Lab) -> list[Row]:
    """Return how many times as long the plugins take as one run of ours that holds the same checks."""
    wanted = [name for _, name in (*ON_EACH.values(), *ON_PRIMARY.values())] + ["replication-lag-bytes"]
    with tempfile.TemporaryDirectory() as folder:
        suite = [sys.executable, "-m", "pytest", *FILES, f"--environment={lab.environment_file}", "-q"]
        suite += ["-p", "no:cacheprovider", f"--reports-dir={folder}", "-k", " or ".join(_words(wanted))]
        ours = median(suite, lab.variables)
        _judged(ours, wanted, Path(folder) / "lab/latest/results.json")
    rows = [shown("postgresql-checks-seconds", ours.seconds, "s"), shown("postgresql-checks-cpu", ours.cpu, "s")]
    if shutil.which("check_postgres") is not None:
        plugins = _check_postgres(lab)
        seconds = middle([sum(run(command, {}).seconds for command in plugins) for _ in range(TIMES)])
        rows.append(at_least("check_postgres/postgresql-checks", seconds / ours.seconds, "ratio", 5.0))
        rows += [shown("check_postgres-seconds", seconds, "s"), shown("check_postgres-processes", len(plugins), "")]
    if shutil.which(PGACTIVITY_PROGRAM) is not None:
        plugins = _check_pgactivity(lab)
        seconds = middle([sum(run(command, {}).seconds for command in plugins) for _ in range(TIMES)])
        rows.append(shown("check_pgactivity-seconds-a-process", seconds / len(plugins), "s"))
    return rows


def _judged(ours: Process, wanted: list[str], results: Path) -> None:
    """Raise where our run was not well, or did not judge on each server what the plugins do: it would be quick."""
    found = json.loads(results.read_text(encoding="utf-8"))["checks"] if ours.code == 0 else []
    well = {(check["id"], check["target"]) for check in found if check["state"] in {"OK", "not judged"}}
    names = {"primary": {*wanted} - {"replication-lag-bytes"}, "replica1": {ours for _, ours in ON_EACH.values()}}
    due = {(name, target) for target, ids in names.items() for name in ids} | {("replication-lag-bytes", "replica1")}
    if ours.code != 0 or due - well:
        raise RuntimeError(f"exit {ours.code}, not judged: {sorted(due - well)}\n{ours.output[-2000:]}")


def _words(ids: list[str]) -> list[str]:
    """Return the ids as -k finds them: those of rows as they are, those of written checks as their functions."""
    written = {"postgresql-connection", "vacuum-recent"}
    return [name.replace("-", "_") if name in written else name for name in ids]


def _check_postgres(lab: Lab) -> list[list[str]]:
    servers = {name: _where(lab.admin[name]) for name in ("primary", "replica1")}
    commands = []
    for name, services in (("primary", {**ON_EACH, **ON_PRIMARY}), ("replica1", ON_EACH)):
        host, port = servers[name]
        for service, (limits, _) in services.items():
            where = [f"--host={host}", f"--port={port}", "--dbname=penhas", "--dbuser=postgres"]
            commands.append(["check_postgres", f"--action={service}", *where, *limits])
    hosts, ports = zip(*servers.values(), strict=True)
    both = [f"--host={','.join(hosts)}", f"--port={','.join(ports)}", "--dbname=penhas", "--dbuser=postgres"]
    return [*commands, ["check_postgres", "--action=hot_standby_delay", *both, "-w", "50000000", "-c", "100000000"]]


def _check_pgactivity(lab: Lab) -> list[list[str]]:
    host, port = _where(lab.admin["primary"])
    where = ["-h", host, "-p", port, "-d", "penhas", "-U", "postgres"]
    return [[PGACTIVITY_PROGRAM, "-s", service, *where, *limits] for service, limits in PGACTIVITY.items()]


def _where(dsn: str) -> tuple[str, str]:
    """Return host and port of a connection string over a unix socket."""
    query = parse_qs(urlsplit(dsn).query)
    return query["host"][0], query["port"][0]
