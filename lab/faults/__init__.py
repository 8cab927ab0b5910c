"""The faults: what the lab can break, what that changes in the checks, and how it is mended again."""

from lab.faults import (  # noqa: F401 (they register)
    api,
    application,
    backup,
    cron,
    host,
    logs,
    minion,
    minion_jobs,
    monitoring,
    network,
    postgresql,
    postgresql_replication,
    postgresql_schema,
    postgresql_sessions,
    postgresql_settings,
    postgresql_statements,
    postgresql_vacuum,
    postgresql_wraparound,
    redis,
    redis_upkeep,
    s3,
)
from lab.faults.registry import FAULTS, Fault, break_, mend

__all__ = ["FAULTS", "Fault", "break_", "mend"]
