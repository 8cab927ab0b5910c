"""Open a few values of the copy with the key that is kept: what nobody can read again is lost; called by `restored`.

A value goes from the throw-away server to the standard input of the environment's own command, and nowhere else.
"""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from checks.engine.environment import models
from checks.engine.environment.sealed import Sealed
from checks.engine.model import ProbeError, Reason
from checks.engine.probes import Context
from checks.engine.probes.backup import pipe
from checks.engine.probes.backup.copy import Copy
from checks.engine.probes.backup.database import RESTORER
from checks.engine.readings.restore import BackupSealed

_EACH = 10.0  # seconds
_NOT_RUN = 126  # from here on a shell says that it could not run the command


def unseal(context: Context, declared: models.Restore, copy: Copy) -> BackupSealed:
    """Return how many values can be opened; raise ProbeError where there is none, or the command cannot be run."""
    ours = declared.sealed
    assert ours is not None  # noqa: S101 (the reading requires it)
    values = list(_values(copy, ours))
    if not values:
        raise ProbeError(Reason.NO_DATA, f"the copy has no value in {ours.column}", "Correct [restore] sealed.")
    opened = sum(_opens(ours.open, value, context.remaining(_EACH)) for value in values)
    return BackupSealed(
        source=copy.newest.name,
        sampled_at=time.time(),
        backup=copy.newest.name,
        column=ours.column,
        tried=len(values),
        opened=opened,
    )


def _values(copy: Copy, ours: Sealed) -> Iterator[bytes]:
    """Yield values from all over the table, the same ones for the same copy."""
    schema, table, column = ours.column.split(".")
    statement = sql.SQL(
        "SELECT {0} FROM {1} WHERE {0} IS NOT NULL ORDER BY pg_catalog.hashtext(ctid::text), ctid LIMIT {2}"
    ).format(sql.Identifier(column), sql.Identifier(schema, table), sql.Literal(ours.sample))
    try:
        with copy.server.connect(copy.done.database, RESTORER) as link:
            link.execute("SET row_security = off")
            for (value,) in link.execute(statement).fetchall():
                yield value if isinstance(value, bytes) else str(value).encode()
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        why = f"the copy has no column {ours.column}"
        raise ProbeError(Reason.NO_DATA, why, "Correct [restore] sealed.") from None


def _opens(command: tuple[str, ...], value: bytes, seconds: float) -> bool:
    name = Path(command[0]).name
    mend = "Correct [restore] sealed."
    try:
        done = subprocess.run(
            command,
            input=value,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=pipe.variables(),
            start_new_session=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProbeError(Reason.TIMEOUT, f"{name} did not open a value in {seconds:.0f} s", mend) from None
    except OSError:
        raise ProbeError(Reason.OURS, f"{name} cannot be run", mend) from None
    if done.returncode < 0 or done.returncode >= _NOT_RUN:
        raise ProbeError(Reason.OURS, f"{name} was ended or could not be run", mend)
    return done.returncode == 0
