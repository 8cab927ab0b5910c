"""What the lab's environment file says of its watchers."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import logs, prometheus
from lab.logs import Log

if TYPE_CHECKING:
    from lab.monitoring import Watchers

LEVELS = {"root": "INFO", "Penhas.Controller": "DEBUG", "Penhas.Minion": "INFO", "Mojolicious": "WARN"}

# What an exporter tells of what is judged: its job -> row, target and expression. Of the last hour, so that one that is
# down at the moment leaves no gap.
HISTORY = {
    "postgres-exporter": (
        *("postgresql-database-size", "primary"),
        "sum(last_over_time(pg_database_size_bytes[1h])) / 2^30",
    ),
    "redis-exporter": (
        *("capacity-redis-memory", "cache"),
        "100 * last_over_time(redis_memory_used_bytes[1h]) / last_over_time(redis_memory_max_bytes[1h])",
    ),
}


def tables(watchers: "Watchers") -> Mapping[str, Mapping[str, Any]]:
    """Return what the environment file says of them, by table."""
    found: dict[str, Mapping[str, Any]] = {}
    url = {name: f"http://127.0.0.1:{p.port}" for name, p in watchers.running.proxies.by_name.items()}
    if watchers.prometheus is not None:
        found["prometheus"] = {
            "url": url["prometheus"],
            "interval": prometheus.INTERVAL,
            "rules_interval": prometheus.INTERVAL,
            "jobs": [_job(name, targets) for name, targets in watchers.prometheus.jobs.items()],
            "rules": _rules(watchers.prometheus.loaded),
            "guide_rules": watchers.guide,
            "history": [
                {"check": check, "target": target, "expr": expr}
                for job, (check, target, expr) in HISTORY.items()
                if job in watchers.prometheus.jobs
            ],
        }
        found["alertmanager"] = {"url": url["alertmanager"], "watchdog": "Watchdog"}
    if watchers.logs:
        targets = [_log(name, watchers.logs[name]) for name in sorted(watchers.logs)]
        if not watchers.guide:  # a file a program, day and process
            pattern = str(watchers.running.apis["api1"].folder / "api1.*.*.log")
            targets.append({"name": "api", "pattern": pattern, "layout": "public", "quiet": 60.0})
        if watchers.worker_log is not None:
            targets.append({"name": "worker", "pattern": str(watchers.worker_log), "layout": "guide", "quiet": 86400.0})
        found["logs"] = {"timezone": _zone(), "window": 900.0, "targets": targets}
    if watchers.index is not None:
        found["elasticsearch"] = {
            "url": url["elasticsearch"],
            "index": "penhas-%Y.%m.%d",
            "grows_within": 60.0,
            "seen_within": 6.0,
            "logstash": url["logstash"].removeprefix("http://"),
            "logstash_api": {"url": url["logstash-api"]},
        }
    return found


def _job(name: str, targets: tuple[str, ...]) -> Mapping[str, Any]:
    exporter = {"postgres-exporter": "pg_up", "redis-exporter": "redis_up"}.get(name)
    return {"name": name, "targets": list(targets), **({"exporter": exporter} if exporter is not None else {})}


def _log(name: str, log: Log) -> Mapping[str, Any]:
    rotation: dict[str, Any] = {"config": str(log.config), "keep_days": logs.DAYS[name]}
    if name == "nginx":
        rotation["pidfile"] = str(log.pidfile)  # nginx writes it anew whenever it starts
    if name in {"nginx", "syslog"}:
        return {"name": name, "pattern": str(log.file), "layout": "nginx", "quiet": 60.0, "rotation": rotation}
    return {
        "name": name,
        "pattern": str(log.file),
        "layout": "guide",
        "quiet": 60.0,
        "structured": True,
        "levels": LEVELS,
        "rotation": rotation,
        "canary": True,
    }


def _rules(loaded: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
    """Return what must be loaded: the rules with the lab's shortened `for`."""
    return [
        {
            "alert": rule["alert"],
            "expr": rule["expr"].strip(),
            "for": float(prometheus.FOR) if "for" in rule else 0.0,
            "severity": rule["labels"]["severity"],
        }
        for group in loaded
        for rule in group["rules"]
    ]


def _zone() -> str:
    """Return the name of this machine's time zone, in which the instances stamp their entries."""
    found = Path("/etc/localtime").resolve().parts
    return "/".join(found[found.index("zoneinfo") + 1 :]) if "zoneinfo" in found else "UTC"
