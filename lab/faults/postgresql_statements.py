"""What goes wrong with statement statistics, and what they tell."""

from lab.faults.postgresql import statements
from lab.faults.registry import Act, Fault, register
from lab.postgresql import APPLICATION
from lab.running import Running


def _overflow(running: Running) -> None:
    """Run more different statements than there are places for, and as many more as fill the places again."""
    most = running.primary.value("SELECT current_setting('pg_stat_statements.max')::int")
    assert isinstance(most, int)  # noqa: S101 (for the type checker: it is a count)
    with running.primary.connect() as connection:
        for number in range(most + 100):
            connection.execute(f"SET lab.n{number} = 1".encode())
        fill = f"SELECT greatest(0, {most} * 97 / 100 - count(*)) FROM pg_stat_statements(false)"
        left = running.primary.value(fill)
        assert isinstance(left, int)  # noqa: S101 (for the type checker: it is a count)
        for number in range(left):
            connection.execute(f"SET lab.m{number} = 1".encode())


def _slow(running: Running) -> None:
    with running.primary.connect(APPLICATION) as connection:
        connection.execute("SELECT pg_sleep(1.3)")


def _nothing(running: Running) -> None:
    """Leave it: it has happened."""


def _register(name: str, what: str, expect: dict[str, str], break_: Act, mend: Act) -> None:
    on_primary = {f"{key}@primary": state for key, state in expect.items()}
    register(Fault(name, what, ("postgresql",), on_primary, break_, mend, lingers=True))


_register(
    "statements-not-collected",
    "the extension pg_stat_statements is not installed",
    {
        "statements-collected": "WARNING",
        "statements-store-used": "UNKNOWN",
        "statements-thrown-away": "UNKNOWN",
        "statements-slow": "UNKNOWN",
        "statements-frequent": "UNKNOWN",
    },
    *statements(("DROP EXTENSION pg_stat_statements",), ("CREATE EXTENSION pg_stat_statements",)),
)
_register(
    "statements-overflow",
    "there are more different statements than pg_stat_statements has places for",
    {"statements-store-used": "WARNING", "statements-thrown-away": "WARNING"},
    _overflow,
    statements((), ("SELECT pg_stat_statements_reset()",))[1],
)
_register(
    "statements-slow",
    "a statement of the application takes more than a second",
    {"statements-slow": "WARNING"},
    _slow,
    _nothing,
)
