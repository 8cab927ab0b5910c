"""Reads one server: one login, one batch of statements, and one more where a replica waits for its primary."""

import time

from psycopg import pq
from psycopg.pq.abc import PGresult

from checks.engine.environment import models
from checks.engine.environment.secrets import Connection
from checks.engine.model import Failure, ProbeError, Reason, Target
from checks.engine.probes import Context, application, statements
from checks.engine.probes.postgresql import settings, table
from checks.engine.probes.postgresql.problems import ConnectionProblem
from checks.engine.probes.postgresql.session import Session, open_session
from checks.engine.probes.postgresql.waiting import Deadline
from checks.engine.probes.settling import not_connected, settle_all
from checks.engine.readings.postgresql import PostgresqlConnection, PostgresqlReplicationLag, PostgresqlStandbys

Outcome = PostgresqlReplicationLag | ProbeError

LOGIN_SECONDS = 5.0
MARGIN_SECONDS = 0.5
_SELECT_1 = "SELECT 1"
CATCH_UP_SECONDS, CATCH_UP_TIMES = 0.1, 2  # a healthy replica replays a position that the primary had within these


def read(context: Context) -> None:
    """Settle every name of `context.names` for one server."""
    ours = context.environment.postgresql
    if ours is None:
        raise ProbeError(Reason.OURS, "the environment file has no table postgresql")
    _Visit(context, ours).run()


class _Visit:
    """One visit to one server: what is due, and what was settled already."""

    def __init__(self, context: Context, ours: models.Postgresql) -> None:
        self._context = context
        self._settings = ours
        self._due = list(context.names)
        self._started = time.monotonic()

    def run(self) -> None:
        session: Session | None = None
        try:
            session = self._login()
            self._first_batch(session)
            self._lag(session)
        except ConnectionProblem as problem:
            self._refused(problem)
        except ProbeError as error:
            settle_all(self._context, self._take_all(), error)
        finally:
            if session is not None:
                session.close()

    def _login(self) -> Session:
        connection = _connection(self._settings, self._context.target)
        return open_session(
            connection.text().reveal(),
            connection.env,
            pooler=self._settings.pooler,
            statement_timeout=self._settings.statement_timeout,
            deadline=Deadline(self._context.remaining(LOGIN_SECONDS)),
        )

    def _first_batch(self, session: Session) -> None:
        names = [n for n in self._due if n not in {table.CONNECTION, table.LAG}]
        names.sort(key=lambda name: table.STATEMENTS[name].heavy)
        texts = [_SELECT_1, *(self._text(name, session) for name in names)]
        seconds = 0.0
        sent = time.time()
        patience = self._patience()
        blocked: dict[str, ProbeError] = {}

        def arrived(index: int, result: PGresult) -> None:
            nonlocal seconds
            patience.restart(self._context.remaining(patience.seconds + MARGIN_SECONDS) - MARGIN_SECONDS)
            if index == 0:
                seconds = time.monotonic() - self._started
                if result.status != pq.ExecStatus.TUPLES_OK:
                    raise ConnectionProblem("lets us in but does not execute SELECT 1")
            else:
                error = self._settle(names[index - 1], texts[index], result, session, sent)
                if error is not None:
                    blocked[names[index - 1]] = error

        session.run(texts, patience, arrived)
        if blocked:
            self._settle_blocked(session, blocked)
        # Last, because a server that cuts us off between two answers is not one that answers.
        if table.CONNECTION in self._due:
            self._due.remove(table.CONNECTION)
            self._context.settle(table.CONNECTION, _connected(seconds))

    def _patience(self) -> Deadline:
        """Longer than a statement may take, which ends by the server's own timeout; shorter than the reader waits."""
        most = self._settings.statement_timeout + 2
        return Deadline(max(0.05, min(most, self._context.remaining(most + MARGIN_SECONDS) - MARGIN_SECONDS)))

    def _text(self, name: str, session: Session) -> str:
        return table.STATEMENTS[name].text(session.version)

    def _settle(self, name: str, text: str, result: PGresult, session: Session, sent: float) -> ProbeError | None:
        """Settle one reading; return the error of one that waited for a lock, which is settled with who holds it."""
        statement = table.STATEMENTS[name]
        self._due.remove(name)
        try:
            if result.status != pq.ExecStatus.TUPLES_OK:
                raise statements.refusal(result, text, statement.grant, session.user)
            came = time.time()
            stamp = statement.stamp(session.version, (sent + came) / 2, within=max(0.0, came - sent) / 2)
            outcome = statement.reading_of(result, stamp, session.user)
            outcome = application.completed(outcome, self._context.environment)
            self._context.settle(name, settings.completed(outcome, self._settings))
        except ProbeError as error:
            if statements.is_lock_timeout(result):
                self._due.append(name)
                return error
            self._context.settle(name, error)
        return None

    def _settle_blocked(self, session: Session, blocked: dict[str, ProbeError]) -> None:
        """Ask who holds the locks that statements waited for in vain, and say so in each of their errors."""
        holders: list[str] = []

        def arrived(_: int, result: PGresult) -> None:
            if result.status == pq.ExecStatus.TUPLES_OK:
                holders.extend(text for row in statements.rows_of(result) for text in row.texts("culprits"))

        session.run([statements.text_of("postgresql_lock_holders", session.version)], self._patience(), arrived)
        for name, error in blocked.items():
            why = f"{error.why}: {'; '.join(holders)}" if holders else error.why
            self._due.remove(name)
            self._context.settle(name, ProbeError(error.reason, why, "Wait for that session, or end it."))

    def _lag(self, session: Session) -> None:
        if table.LAG not in self._due:
            return
        primary = self._context.peer("postgresql_standbys", _primary(self._settings))
        if isinstance(primary, Failure) or not isinstance(primary, PostgresqlStandbys):
            why = primary.why if isinstance(primary, Failure) else "it gave something else"
            reason, blame = (primary.reason, primary.target) if isinstance(primary, Failure) else (Reason.NO_DATA, None)
            error = ProbeError(reason, f"the primary's position is not known: {why}", "Mend the primary first.", blame)
            self._due.remove(table.LAG)
            self._context.settle(table.LAG, error)
            return
        outcome = self._lag_behind(session, primary.current_lsn)
        self._due.remove(table.LAG)
        self._context.settle(table.LAG, outcome)

    def _lag_behind(self, session: Session, primary_lsn: int) -> Outcome:
        for _ in range(CATCH_UP_TIMES):
            outcome = self._lag_once(session, primary_lsn)
            if isinstance(outcome, ProbeError) or outcome.bytes == 0:
                return outcome
            # WAL is on its way at every moment: behind is only what stays behind for longer than the way takes.
            time.sleep(CATCH_UP_SECONDS)
        return self._lag_once(session, primary_lsn)

    def _lag_once(self, session: Session, primary_lsn: int) -> Outcome:
        statement = table.STATEMENTS[table.LAG]
        text = statement.text(session.version)
        results: list[Outcome] = []

        def arrived(_: int, result: PGresult) -> None:
            try:
                if result.status != pq.ExecStatus.TUPLES_OK:
                    raise statements.refusal(result, text, statement.grant, session.user)
                stamp = statement.stamp(session.version, time.time())
                results.append(table.replication_lag(primary_lsn, statements.rows_of(result), stamp))
            except ProbeError as error:
                results.append(error)

        session.run([text], self._patience(), arrived)
        return results[0]

    def _refused(self, problem: ConnectionProblem) -> None:
        if table.CONNECTION in self._due:
            self._due.remove(table.CONNECTION)
            self._context.settle(
                table.CONNECTION,
                PostgresqlConnection(
                    reachable=False,
                    problem=problem.problem,
                    sqlstate=problem.sqlstate,
                    seconds=time.monotonic() - self._started,
                    source="login",
                    sampled_at=time.time(),
                ),
            )
        settle_all(self._context, self._take_all(), not_connected(problem.problem))

    def _take_all(self) -> list[str]:
        due, self._due = self._due, []
        return due


def _connected(seconds: float) -> PostgresqlConnection:
    return PostgresqlConnection(reachable=True, seconds=seconds, source=_SELECT_1, sampled_at=time.time())


def _primary(settings: models.Postgresql) -> Target:
    return Target("postgresql", settings.primary.name, "primary")


def _connection(settings: models.Postgresql, target: Target) -> Connection:
    for connection in (settings.primary, *settings.replicas):
        if connection.name == target.name:
            return connection
    raise ProbeError(Reason.OURS, f"the environment file has no PostgreSQL target {target.name}")
