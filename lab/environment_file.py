"""Writes the lab's environment file (TOML) and the variables that it names, all pointing at the proxies."""

import datetime
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import cron, postgresql, redis, s3
from lab.credentials import Credentials
from lab.host import WORKERS
from lab.marked import BACKUP_SEED

Table = Mapping[str, Any]

_PROBES = [
    {"path": "/", "status": 200, "json_keys": ["api", "version"]},
    {"path": "/pontos-de-apoio-dados-auxiliares", "status": 200, "json_keys": ["categorias"]},
]
BUCKET_BYTES = 10**12
# What takes minutes or gigabytes to go wrong goes wrong in the lab in seconds and megabytes.
_LIMITS: dict[str, Table] = {
    "sessions-idle-in-transaction": {"warning": 4, "critical": 900},
    "sessions-oldest-transaction": {"warning": 4 / 60, "critical": 30},
    "sessions-longest-query": {"warning": 4 / 60, "critical": 5},
    "sessions-blocked": {"warning": 4, "critical": 120},
    "sessions-xmin-age": {"warning": 20_000, "critical": 10_000_000},
    "replication-slot-retained": {"warning": 0.05, "critical": 10},
    "replication-reply-age": {"warning": 6, "critical": 100},
    "postgresql-wal-size": {"warning": 130, "critical": 150},
    "postgresql-database-size": {"warning": 0.11, "critical": 250},
    "sessions-temporary-files": {"warning": 0.025},
    "redis-round-trip": {"warning": 50, "critical": 250},  # of a machine that does much else besides
    "bloat-tables": {"warning": 0.004, "critical": 5},
    "bloat-indexes": {"warning": 0.004, "critical": 5},
}
_NO_CREATED_AT: dict[str, Any] = {
    "check": "maintenance-sessions",
    "target": "primary",
    "reason": "the public backend's clientes_active_sessions has no column created_at",
    "owner": "the lab",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What the environment file has to know of a running lab; `ports` are the proxies', by name."""

    flavour: str
    ports: Mapping[str, int]
    apis: tuple[str, ...]
    procfs: Path
    volume: Path | None
    cron: Path
    systemd: Path | None = None
    monitoring: Mapping[str, Table] = field(default_factory=dict)


def variables(layout: Layout, credentials: Credentials) -> dict[str, str]:
    """Return the secrets' variables."""
    port = layout.ports
    role = f"{postgresql.CHECKS}:{credentials.checks}"
    canary = f"{postgresql.CANARY}:{credentials.canary}"
    return {
        "PENHAS_CHECKS_API_TOKEN": credentials.api_token,
        "PENHAS_CHECKS_MAINTENANCE_SECRET": credentials.maintenance,
        "PENHAS_CHECKS_MINION_ADMIN": f"admin:{credentials.api_token}",
        "PENHAS_CHECKS_PRIMARY_DSN": f"postgresql://{role}@127.0.0.1:{port['primary']}/{postgresql.DATABASE}",
        "PENHAS_CHECKS_REPLICA1_DSN": f"postgresql://{role}@127.0.0.1:{port['replica1']}/{postgresql.DATABASE}",
        "PENHAS_CHECKS_MINION_CANARY": f"postgresql://{canary}@127.0.0.1:{port['primary']}/{postgresql.DATABASE}",
        "PENHAS_CHECKS_REDIS_URL": f"redis://penhas_checks:{credentials.redis_checks}@127.0.0.1:{port['cache']}/0",
        "PENHAS_CHECKS_S3_ACCESS_KEY": credentials.media_key,
        "PENHAS_CHECKS_S3_SECRET_KEY": credentials.media_secret,
        "PENHAS_CHECKS_BACKUP_ACCESS_KEY": credentials.backup_key,
        "PENHAS_CHECKS_BACKUP_SECRET_KEY": credentials.backup_secret,
        "PENHAS_CHECKS_BACKUP_SEED": BACKUP_SEED,
    }


def text(layout: Layout) -> str:
    """Return the environment file."""
    port = layout.ports
    namespace = "penhas:" if layout.flavour == "guide" else ""
    media, backups = (f"http://127.0.0.1:{port[name]}" for name in ("media", "backups"))
    host: dict[str, Any] = {"name": "db1", "procfs": str(layout.procfs), "workers": WORKERS, "mounts": []}
    if layout.volume is not None:
        host["mounts"] = [{"name": "pgdata", "path": str(layout.volume)}]
    if layout.systemd is not None:
        host["systemd"] = str(layout.systemd)
    tables: dict[str, Table] = {
        "api": _api(layout),
        "postgresql": {
            "primary": {"name": "primary", "env": "PENHAS_CHECKS_PRIMARY_DSN"},
            "replicas": [{"name": "replica1", "env": "PENHAS_CHECKS_REPLICA1_DSN"}],
            "pooler": False,
            "migrations": {"minion": "23"},
        },
        "redis": {
            "targets": [{"name": "cache", "env": "PENHAS_CHECKS_REDIS_URL"}],
            "session_prefix": f"{namespace}CaS:",
            "lock_key": f"{namespace}_tick_notifications",
        },
        "emergency": {"maxmemory_policy": redis.POLICY},
        "s3": {
            **_store(media, "PENHAS_CHECKS_S3"),
            "buckets": [{"name": "media", "bucket": s3.MEDIA}],
            "required": ["access-logs", "replication", "object-lock"],
            "canary": {"prefix": "penhas-checks-canary/"},
        },
        "minion": {"canary": {"connection": {"env": "PENHAS_CHECKS_MINION_CANARY"}, "task": "canary", "within": 10.0}},
        "application": {"bucket_bytes": BUCKET_BYTES},
        "cron": cron.table(layout.cron),
        "host": host,
        "backup": {
            **_store(backups, "PENHAS_CHECKS_BACKUP"),
            "bucket": s3.BACKUPS,
            "prefix": "postgresql/",
            "retention_days": 7,
            "seed": {"env": "PENHAS_CHECKS_BACKUP_SEED"},
            "second": {**_store(backups, "PENHAS_CHECKS_BACKUP"), "bucket": s3.COPY, "prefix": "postgresql/"},
        },
        "restore": {
            "host": socket.gethostname(),
            "allow_here": "the lab's data are invented and lie on this machine",
            "redis": {**_store(backups, "PENHAS_CHECKS_BACKUP"), "bucket": s3.BACKUPS, "prefix": "redis/"},
            "redis_server": str(redis.find()),
            # the lab's application seals nothing: what has an @ in it stands for what the kept key opens
            "sealed": {"column": "public.clientes.email", "open": ["grep", "-q", "@"]},
            "second_generation": "never",  # not one day a week: a fault asks for it
        },
    }
    tables.update(layout.monitoring)
    head = {"name": "lab", "production": False, "language": "en", "lab": True}
    now = datetime.datetime.now(datetime.UTC)
    parts = [
        f"{_lines(head)}rebuilt_at = {now.isoformat()}\n",
        *(f"[{name}]\n{_lines(table)}" for name, table in tables.items()),
    ]
    parts += [f"[[threshold]]\n{_lines({'id': name, 'above': above})}" for name, above in _LIMITS.items()]
    if layout.flavour == "public":
        until = now + datetime.timedelta(days=30)
        parts.append(f"[[waiver]]\n{_lines(_NO_CREATED_AT)}until = {until.isoformat(timespec='seconds')}\n")
    return "\n".join(parts)


def _api(layout: Layout) -> Table:
    targets = [{"name": name, "url": f"http://127.0.0.1:{layout.ports[name]}"} for name in layout.apis]
    if layout.flavour == "public":
        return {
            "targets": targets,
            "probes": _PROBES,
            "minion_stats": "/minion/stats",
            "admin": "/minion",
            "admin_credentials": {"env": "PENHAS_CHECKS_MINION_ADMIN"},
            "guarded": "/maintenance/tags-clear-cache",
        }
    return {
        "targets": targets,
        "health": "/health",
        "probes": _PROBES,
        "detailed": "/health/detailed",
        "metrics": "/metrics",
        "minion_stats": "/maintenance/minion-stats",
        "guarded": "/maintenance/tags-clear-cache",
        "credentials": {"env": "PENHAS_CHECKS_API_TOKEN"},
        "maintenance_secret": {"env": "PENHAS_CHECKS_MAINTENANCE_SECRET"},
    }


def _store(endpoint: str, prefix: str) -> Table:
    keys = {"access_key": {"env": f"{prefix}_ACCESS_KEY"}, "secret_key": {"env": f"{prefix}_SECRET_KEY"}}
    return {"endpoint": endpoint, "region": s3.REGION, **keys}


def _lines(table: Table) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in table.items())


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() else json.dumps(key)


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }" if value else "{}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)  # strings, numbers and booleans are written alike in TOML
