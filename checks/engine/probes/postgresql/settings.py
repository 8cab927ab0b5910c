"""What the environment file adds to a reading: what is expected there, which no server can say."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

from checks.engine.environment import models
from checks.engine.model import NotJudged, Reading
from checks.engine.readings.postgresql import PostgresqlStandbys
from checks.engine.readings.postgresql_schema import PostgresqlMigrations
from checks.engine.readings.postgresql_security import PostgresqlRoles, PostgresqlTls


def completed(outcome: Reading | NotJudged, ours: models.Postgresql) -> Reading | NotJudged:
    """Return a reading with what the environment file says of it."""
    if isinstance(outcome, PostgresqlStandbys):
        return replace(outcome, expected=len(ours.replicas))
    if isinstance(outcome, PostgresqlMigrations):
        return replace(
            outcome, expected=tuple(f"{tool} {version}" for tool, version in (ours.migrations or {}).items())
        )
    if isinstance(outcome, PostgresqlRoles):
        unexpected = tuple(name for name in outcome.superusers if name not in ours.superusers)
        return replace(outcome, unexpected_superusers=unexpected)
    if isinstance(outcome, PostgresqlTls):
        networks = [ip_network(network) for network in ours.plaintext_networks]
        plain = tuple(a for a in outcome.plaintext if not any(ip_address(a.split(" ")[0]) in n for n in networks))
        return replace(outcome, plaintext=plain, pooled=ours.pooler)
    return outcome
