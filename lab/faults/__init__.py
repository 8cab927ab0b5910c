"""The faults: what the lab can break, what that changes in the checks, and how it is mended again."""

from lab.faults import (  # noqa: F401 (they register)
    alertmanager,
    api,
    application,
    backup,
    cron,
    host,
    log_index,
    logs,
    minion,
    minion_jobs,
    network,
    postgresql,
    postgresql_connections,
    postgresql_replication,
    postgresql_roles,
    postgresql_schema,
    postgresql_sessions,
    postgresql_settings,
    postgresql_statements,
    postgresql_vacuum,
    postgresql_wraparound,
    prometheus,
    redis,
    redis_upkeep,
    restore,
    rotation,
    rules,
    s3,
    targets,
    traffic,
    watchers_network,
)
from lab.faults.registry import FAULTS, Fault, break_, mend

__all__ = ["FAULTS", "Fault", "break_", "mend"]
