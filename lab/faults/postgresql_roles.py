"""What goes wrong with the role that the suite reads PostgreSQL by."""

from lab import postgresql
from lab.api_processes import NAMES
from lab.faults import postgresql_checks
from lab.faults.expect import QUEUE, all_in
from lab.faults.postgresql import AGREEMENT, DEPENDS_ON_PRIMARY, await_replay, statements
from lab.faults.registry import Fault, register
from lab.postgresql import CHECKS
from lab.running import Running

_BOTH = ("primary", "replica1")
_REPLICATION = (
    "replication-standby-streaming@primary",
    "replication-receiver-streaming@replica1",
    "replication-lag-bytes@replica1",
    "replication-lag-seconds@replica1",
)


def _wrong_password(running: Running) -> None:
    running.primary.execute((postgresql.set_password(CHECKS, "another"),))
    await_replay(running)


def _right_password(running: Running) -> None:
    running.primary.execute((postgresql.set_password(CHECKS, running.credentials.checks),))
    await_replay(running)


register(
    Fault(
        "postgresql-role-blind",
        "the checking role has lost pg_monitor",
        ("postgresql",),
        all_in(
            "UNKNOWN",
            (f"{check}@{name}" for name in _BOTH for check in ("postgresql-privileges", "postgresql-connections-used")),
        )
        | all_in("UNKNOWN", (*_REPLICATION, *postgresql_checks.BLIND)),
        *statements((f"REVOKE pg_monitor FROM {CHECKS}",), (f"GRANT pg_monitor TO {CHECKS}",)),
    )
)
register(
    Fault(
        "postgresql-role-writes",
        "the checking role may write to the application's tables",
        ("postgresql",),
        all_in("WARNING", (f"postgresql-privileges@{name}" for name in _BOTH)),
        *statements((f"GRANT pg_write_all_data TO {CHECKS}",), (f"REVOKE pg_write_all_data FROM {CHECKS}",)),
    )
)
register(
    Fault(
        "postgresql-role-superuser",
        "the checking role is a superuser",
        ("postgresql",),
        all_in("WARNING", (f"postgresql-privileges@{name}" for name in _BOTH)),
        *statements((f"ALTER ROLE {CHECKS} SUPERUSER",), (f"ALTER ROLE {CHECKS} NOSUPERUSER",)),
    )
)
register(
    Fault(
        "postgresql-views-denied",
        "the checking role may not read the views over Minion's tables",
        ("postgresql", "minion"),
        all_in("UNKNOWN", (*QUEUE, *postgresql_checks.THROUGH_VIEWS)),
        *statements(
            (f"REVOKE USAGE ON SCHEMA penhas_checks FROM {CHECKS}",),
            (f"GRANT USAGE ON SCHEMA penhas_checks TO {CHECKS}",),
        ),
    )
)
register(
    Fault(
        "postgresql-password-wrong",
        "the checking role's password is not the one that we were given",
        ("postgresql", "minion", "api"),
        all_in(
            "UNKNOWN",
            (
                "postgresql-connection@primary",
                "postgresql-connection@replica1",
                *DEPENDS_ON_PRIMARY,
                *QUEUE,
                *AGREEMENT,
                *(f"api-agreement-database@{name}" for name in NAMES),
                "postgresql-privileges@replica1",
                "postgresql-connections-used@replica1",
                "replication-receiver-streaming@replica1",
                *postgresql_checks.REPLICA,
            ),
        ),
        _wrong_password,
        _right_password,
    )
)
