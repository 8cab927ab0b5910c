"""Settings: those that lose data, those that wait for a restart, timeouts of roles, and what changed."""

from checks.engine.model import Count, NotJudged, Reading
from checks.engine.readings import derived, reading
from checks.engine.records import dataclass


@reading("postgresql_settings", service="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlSettings(Reading):
    """Settings that lose or corrupt data as they are, and those that wait for a restart (catalogue PG41)."""

    dangerous: Count
    pending: Count
    culprits: tuple[str, ...]


@reading("postgresql_timeouts", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlTimeouts(Reading):
    """Roles that may leave a transaction open for ever: idle_in_transaction_session_timeout is 0 for them.

    The other timeouts are 0 by PostgreSQL's own advice, for the sake of dumps; what they would end is judged as it
    happens: by the longest query, the longest wait for a lock, the oldest transaction.
    """

    roles: Count
    culprits: tuple[str, ...]


@reading("postgresql_configuration", service="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlConfiguration(Reading):
    """Every configured setting as `name digest`, never its value, which may be a secret."""

    in_recovery: bool
    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlConfigurationChange(Reading):
    """Settings that are not what they were at the last sample."""

    changed: Count
    culprits: tuple[str, ...]


@derived(
    "postgresql_configuration_change",
    base="postgresql_configuration",
    apart=(10.0, 7 * 86400.0),
    type=PostgresqlConfigurationChange,
)
def configuration_change(
    earlier: PostgresqlConfiguration, later: PostgresqlConfiguration
) -> PostgresqlConfigurationChange | NotJudged:
    """Return the names whose digest differs, those set or unset included."""
    if earlier.in_recovery != later.in_recovery:
        return NotJudged("another server than at the last sample, or one of another role")
    differing = set(earlier.digests) ^ set(later.digests)
    names = sorted({digest.split(" ")[0] for digest in differing})
    return PostgresqlConfigurationChange(
        changed=len(names), culprits=tuple(names), source=later.source, sampled_at=later.sampled_at
    )
