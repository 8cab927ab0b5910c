"""Exposure: who may do everything, whose password ends, and who speaks without TLS."""

from checks.engine.model import Count, Reading, Seconds
from checks.engine.readings import reading
from checks.engine.records import dataclass


@reading("postgresql_roles", service="postgresql", kinds=("primary",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlRoles(Reading):
    """Superusers, roles whose password ends, and whether everyone may create in the schema public (PG37, PG46)."""

    superusers: tuple[str, ...]
    public_create: bool
    expiring: Seconds | None
    culprits: tuple[str, ...]
    unexpected_superusers: tuple[str, ...] = ()


@reading("postgresql_tls", service="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlTls(Reading):
    """Sessions from other machines, and the addresses of those without TLS, as `address role`.

    `pooled`: we came through a pooler, whose clients the server does not see.
    """

    remote: Count
    plaintext: tuple[str, ...]
    pooled: bool = False
