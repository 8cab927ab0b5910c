"""What loses data or opens the database to others: checksums, superusers, passwords that end, TLS."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.postgresql_security import PostgresqlRoles, PostgresqlTls
from checks.engine.readings.postgresql_wal import PostgresqlChecksums

LATELY = 26 * 3600.0  # seconds: each nightly run sees each failure once
DAY = 86400.0


@pytest.mark.guide("metrics.database")
@pytest.mark.profiles("nightly", "triage")
def test_postgresql_checksums(postgresql_checksums: PostgresqlChecksums, judged: Judge) -> None:
    """Pages have checksums, and none failed within a day."""
    if not postgresql_checksums.enabled:
        judged.warning("pages have no checksums: damage is not noticed. pg_checksums --enable, with the server stopped")
    age = postgresql_checksums.failure_age
    if age is not None and age < LATELY:
        judged.critical(
            "a page is damaged: fail over or restore, and keep the last good backup from being overwritten",
            postgresql_checksums.culprits,
        )
    judged.ok("no checksum failed within a day", postgresql_checksums.culprits)


@pytest.mark.guide("metrics.database")
@pytest.mark.profiles("nightly", "triage")
def test_postgresql_superusers(postgresql_roles: PostgresqlRoles, judged: Judge) -> None:
    """Only those roles are superusers that the environment file names."""
    if postgresql_roles.unexpected_superusers != ():
        names = postgresql_roles.unexpected_superusers
        judged.warning(f"not expected as superuser: {', '.join(names)}. ALTER ROLE … NOSUPERUSER, or name it", names)
    judged.ok(f"superusers: {', '.join(postgresql_roles.superusers)}")


@pytest.mark.guide("metrics.database")
@pytest.mark.profiles("nightly", "triage")
def test_postgresql_passwords(postgresql_roles: PostgresqlRoles, judged: Judge) -> None:
    """No role's password ends within a month."""
    if postgresql_roles.expiring is None:
        judged.ok("no password ends")
        return
    judged(
        postgresql_roles.expiring / DAY,
        unit="d",
        subject="until the next password ends",
        reading=postgresql_roles,
        below=(30, 7),
        evidence=postgresql_roles.culprits,
    )


@pytest.mark.guide("metrics.database")
@pytest.mark.profiles("nightly", "triage")
def test_postgresql_public_schema(postgresql_roles: PostgresqlRoles, judged: Judge) -> None:
    """Not everyone may create objects in the schema public, where others would call them."""
    if postgresql_roles.public_create:
        judged.warning("everyone may create in the schema public. REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    judged.ok("only its owner may create in the schema public")


@pytest.mark.guide("metrics.database")
@pytest.mark.profiles("nightly", "triage")
def test_postgresql_tls(postgresql_tls: PostgresqlTls, judged: Judge) -> None:
    """Every session from another machine is encrypted."""
    if postgresql_tls.plaintext != ():
        judged.critical(
            "sessions from other machines without TLS. Use hostssl in pg_hba.conf", postgresql_tls.plaintext
        )
    unseen = "; the pooler's own clients cannot be seen through it" if postgresql_tls.pooled else ""
    judged.ok(f"{postgresql_tls.remote} sessions from other machines, all of them encrypted{unseen}")
