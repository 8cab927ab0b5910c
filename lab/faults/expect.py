"""The keys of checks (id@target) by what they need, from which the faults say what they change."""

from collections.abc import Iterable

from lab.api_processes import NAMES
from lab.faults import postgresql_checks

APIS = NAMES

API = (
    "api-connection",
    "api-health",
    "api-probes",
    "api-agreement-database",
    "api-agreement-redis",
    "api-agreement-s3",
    "api-detailed-guarded",
    "api-detailed-complete",
    "api-detailed-agreement",
    "api-health-discreet",
    "api-versions-agree",
    "api-maintenance-guarded",
    "api-admin-guarded",
    "api-certificate",
    "minion-stats",
    "capacity-api-response-time",
    "capacity-api-response-time-smoke",
)
QUEUE = tuple(
    f"{check}@queue"
    for check in (
        "capacity-job-queue",
        "minion-workers-live",
        "minion-workers-busy",
        "minion-queue-moves",
        "minion-failures",
        "minion-abandoned",
        "minion-orphans",
        "minion-jobs-long",
        "minion-retries",
        "minion-dependents",
        "minion-locks",
        "minion-retention",
        "minion-jobs-kept",
    )
)
APPLICATION = tuple(
    f"application-{check}@penhas"
    for check in (
        "guardian-alerts",
        "alert-messages",
        "audio-uploads",
        "searches",
        "active-users",
        "users-growth",
        "uploads-growth",
        "mail-sent",
        "mail-failures",
        "addresses",
    )
)
S3 = tuple(
    f"s3-{check}@media"
    for check in (
        *("objects", "private", "versioning", "encryption", "uploads-ended", "clock"),
        *("access-blocked", "encrypted-only", "versions-expire", "access-logged", "replicated", "locked"),
        *("key-age", "key-not-root"),
    )
)
PRIMARY = (
    "postgresql-connection@primary",
    "postgresql-accepts-writes@primary",
    "postgresql-privileges@primary",
    "postgresql-connections-used@primary",
    "replication-standby-streaming@primary",
    "postgresql-replica-follows@replica1",
    "replication-lag-bytes@replica1",
    "replication-lag-seconds@replica1",
    *QUEUE,
    *APPLICATION,
    "cron-effects-traced@cron",
    "emergency-mode-workers@cache",
    "s3-objects@media",
    *(f"api-detailed-agreement@{name}" for name in APIS),
    *(f"minion-stats@{name}" for name in APIS),
    *postgresql_checks.PRIMARY,
)
REPLICA = (
    "postgresql-connection@replica1",
    "postgresql-privileges@replica1",
    "postgresql-connections-used@replica1",
    "postgresql-replica-follows@replica1",
    "replication-receiver-streaming@replica1",
    "replication-lag-bytes@replica1",
    "replication-lag-seconds@replica1",
    *postgresql_checks.REPLICA,
)
REDIS_INFO = (
    "redis-is-master@cache",
    "capacity-redis-memory@cache",
    "capacity-redis-memory-limit@cache",
    "redis-persistence@cache",
    "redis-replicas@cache",
    "redis-restarted@cache",
    "redis-takes-writes@cache",
    "redis-fragmentation@cache",
    "redis-clients@cache",
    "redis-clients-blocked@cache",
    "redis-evictions@cache",
    "redis-writes-refused@cache",
    "redis-connections-rejected@cache",
    "redis-slow-commands@cache",
    "emergency-mode@cache",
    "emergency-mode-workers@cache",
)
REDIS = (
    "redis-connection@cache",
    *REDIS_INFO,
    "redis-keys-expire@cache",
    "redis-lock-expires@cache",
    "redis-round-trip@cache",
    "redis-guarded@cache",
    *(f"api-detailed-agreement@{name}" for name in APIS),
)

# What a copy that was not restored cannot tell.
COPY = (
    "backup-media-complete",
    "backup-media-left-over",
    "backup-restore-contents",
    "backup-restore-current",
    "backup-restore-extensions",
    "backup-restore-indexes",
    "backup-restore-large-objects",
    "backup-restore-listed",
    "backup-restore-locale",
    "backup-restore-policies",
    "backup-restore-readable",
    "backup-restore-references",
    "backup-restore-rows",
    "backup-restore-security",
    "backup-restore-sequences",
    "backup-restore-structure",
    "backup-restore-texts",
    "backup-restore-validated",
    "backup-restore-views-filled",
    "backup-rpo",
    "backup-rto",
    "emergency-recovery-keeps-properties",
    "emergency-recovery-rehearsed",
)
BACKUP = (
    "backup-freshness",
    "backup-retention-complete",
    "backup-databases-complete",
    "backup-size-usual",
    "backup-second-copy",
    "backup-nothing-deleted",
    "backup-redis-age",
    "backup-redis-checksummed",
    "backup-redis-loads",
    "backup-locked",
    "backup-key-apart",
    "backup-manifest-signed",
    "backup-source-current",
    "backup-whole",
    "backup-toc-complete",
    "backup-rows-complete",
    "backup-checksummed",
    "backup-encrypted",
    "backup-globals",
    "backup-version-restorable",
    "backup-restore",
    "backup-restore-private",
    *COPY,
)


def at(target: str, ids: Iterable[str]) -> tuple[str, ...]:
    """Return the keys of checks at one target."""
    return tuple(f"{check}@{target}" for check in ids)


def all_in(state: str, keys: Iterable[str]) -> dict[str, str]:
    """Return an expectation: every key in the same state."""
    return dict.fromkeys(keys, state)


def unreachable(connection: str, dependents: Iterable[str]) -> dict[str, str]:
    """Return what a dead connection changes: itself CRITICAL, whatever needs it UNKNOWN."""
    return {**all_in("UNKNOWN", dependents), connection: "CRITICAL"}
