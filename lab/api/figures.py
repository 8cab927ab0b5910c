"""The figures of /health/detailed and of the metrics, read from the servers each time they are asked for."""

from typing import Any

from lab.api.control import Control
from lab.api.counters import Counters
from lab.api.database import Database
from lab.api.keyvalue import Redis

_MINION = """
    SELECT count(*) FILTER (WHERE state = 'inactive' AND (expires IS NULL OR expires > now())) AS inactive_jobs,
           count(*) FILTER (WHERE state = 'inactive' AND delayed > now()) AS delayed_jobs,
           count(*) FILTER (WHERE state = 'active') AS active_jobs,
           count(*) FILTER (WHERE state = 'failed') AS failed_jobs,
           count(*) FILTER (WHERE state = 'finished') AS finished_jobs,
           count(DISTINCT worker) FILTER (WHERE state = 'active') AS active_workers,
           (SELECT count(*) FROM minion_workers) AS workers,
           (SELECT count(*) FROM minion_locks WHERE expires > now()) AS active_locks,
           (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM minion_jobs_id_seq) AS enqueued_jobs,
           extract(epoch FROM now() - pg_postmaster_start_time())::text AS uptime
    FROM minion_jobs
"""

_DATABASE = """
    SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname IS NOT NULL) AS connections,
           (SELECT coalesce(max(extract(epoch FROM replay_lag)), 0)::float FROM pg_stat_replication) AS replication_lag,
           to_regclass('pg_stat_statements') IS NOT NULL AS has_statements
"""

_SLOW = """
    SELECT count(*) AS slow FROM pg_stat_statements
    WHERE mean_exec_time > 1000 AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

_BUSINESS = """
    SELECT (SELECT count(*) FROM clientes_app_activity
            WHERE last_tm_activity > now() - interval '1 day') AS active_users,
           (SELECT count(*) FROM media_upload WHERE intention = 'guardiao') AS audio_uploads,
           (SELECT count(*) FROM ponto_apoio_keywords_log) AS searches,
           (SELECT coalesce(sum(sms_enviados), 0)::bigint FROM cliente_ativacoes_panico) AS alerts
"""


def minion_stats(database: Database) -> dict[str, Any]:
    """Return what Minion's own `stats` does (uptime is a text), and the short names that the guide's script reads."""
    row = database.query(_MINION)[0]
    row["inactive_workers"] = row["workers"] - row["active_workers"]
    return row | {state: row[f"{state}_jobs"] for state in ("inactive", "active", "failed", "finished", "delayed")}


def business(database: Database) -> dict[str, int]:
    """Return users active within a day, and uploads, searches and alerts since ever."""
    return database.query(_BUSINESS)[0]


def detailed(database: Database, redis: Redis, counters: Counters, control: Control) -> dict[str, dict[str, object]]:
    """Return the guide's figures by group; seconds, bytes and ratios."""
    server = database.query(_DATABASE)[0]
    slow = database.query(_SLOW)[0]["slow"] if server["has_statements"] else None
    jobs, info, recent = minion_stats(database), redis.info(), counters.recent()
    figures: dict[str, dict[str, object]] = {
        "database": {
            "connections": server["connections"],
            "slow_queries": slow,
            "replication_lag": server["replication_lag"],
        },
        "redis": {
            "memory_used": int(info["used_memory"]),
            "connected_clients": int(info["connected_clients"]),
            "ops_per_sec": int(info["instantaneous_ops_per_sec"]),
        },
        "minion": {
            "active_workers": jobs["workers"],
            "job_queue_size": jobs["inactive_jobs"],
            "failed_jobs": jobs["failed_jobs"],
        },
        "api": {
            "requests_per_minute": recent.requests,
            "average_response_time": round(recent.mean_seconds, 6),
            "error_rate": round(recent.error_ratio, 6),
        },
    }
    for name, value in control.wrong_figures.items():
        group, _, figure = name.partition(".")
        figures[group][figure] = value
    for name in control.drop_figures:
        group, _, figure = name.partition(".")
        del figures[group][figure]
    return figures
