"""Questions to a live server for what a backup should hold; called by `live_rows` and `live_catalog`.

Each goes over the same session as the probe of PostgreSQL: read-only, with limits that a pooler does not keep, and with
a deadline of our own, so that a server that accepts and never answers cannot hold a restore.
"""

from collections.abc import Sequence

from psycopg import pq
from psycopg.pq.abc import PGresult

from checks.engine.environment.secrets import Connection
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.postgresql import ConnectionProblem, Deadline, open_session

LOGIN = 4.0  # seconds
MARGIN = 2.0  # seconds that we wait longer than the server's own statement_timeout
Rows = list[tuple[str, ...]]


class RefusedError(Exception):
    """The server did not execute a statement; only its SQLSTATE is kept."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def ask(connection: Connection, statements: Sequence[str], *, pooler: bool, seconds: float) -> list[Rows]:
    """Return the rows of each statement, NULLs as "", each of them within `seconds`.

    Raises RefusedError for one that the server does not execute, ProbeError where it does not answer or let us in.
    """
    answers: list[Rows] = []

    def arrived(_index: int, result: PGresult) -> None:
        if result.status != pq.ExecStatus.TUPLES_OK:
            sqlstate = result.error_field(pq.DiagnosticField.SQLSTATE) or b""
            raise RefusedError(sqlstate.decode("ascii", "replace"))
        answers.append(
            [
                tuple((result.get_value(row, column) or b"").decode() for column in range(result.nfields))
                for row in range(result.ntuples)
            ]
        )

    try:
        session = open_session(
            connection.text().reveal(),
            connection.env,
            pooler=pooler,
            statement_timeout=seconds,
            deadline=Deadline(min(LOGIN, seconds)),
        )
        try:
            for statement in statements:
                session.run((statement,), Deadline(seconds + MARGIN), arrived)
        finally:
            session.close()
    except ConnectionProblem as problem:
        raise ProbeError(Reason.CONNECTION, problem.problem, "") from None
    return answers
