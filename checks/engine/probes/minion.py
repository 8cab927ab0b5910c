"""Enqueues one job of ours and waits until a worker has done it: run only with --allow-writes.

What is only read of the queue goes with the primary's other statements; this has a connection and a role of its own,
which may do nothing but call the three functions of grants/minion-canary.sql. Should we be killed before the job is
removed, or lose the connection, it expires by itself: no worker takes it then, and Minion removes it.
"""

import time

from psycopg import pq
from psycopg.pq.abc import PGresult

from checks.engine.environment import Environment
from checks.engine.environment.canaries import MinionCanary as Settings
from checks.engine.model import NotJudged, ProbeError, Reading, Reason, Target
from checks.engine.probes import Context
from checks.engine.probes.postgresql import ConnectionProblem, Deadline, Session, open_session
from checks.engine.probes.statements import refusal, rows_of
from checks.engine.readings.minion import MinionCanary

GRANT = "Run checks/environments/grants/minion-canary.sql in the application's database."
_LOGIN_SECONDS = 5.0
_ANSWER_SECONDS = 4.0
_PAUSE = 0.2
_MARGIN = 2.0  # seconds that the job's removal may take
_ENDED = {"finished", "failed"}
_NOT_GRANTED = {"42501", "42883", "42P01", "3F000"}


def read(context: Context) -> None:
    """Settle the canary: the only reading that goes through a connection of the queue's own."""
    for name in context.names:
        context.settle(name, _outcome(context))


def _outcome(context: Context) -> Reading | NotJudged | ProbeError:
    environment = context.environment
    if environment.minion is None or environment.minion.canary is None:
        return NotJudged("the environment file sets no canary under [minion]")
    try:
        return _canary(context, environment.minion.canary)
    except ConnectionProblem as problem:
        why = f"the canary's role has no connection ({problem.problem})"
        return ProbeError(Reason.CONNECTION, why, blame=_primary(environment))
    except ProbeError as error:
        return error


def _primary(environment: Environment) -> Target | None:
    return next(iter(environment.of("postgresql", ("primary",))), None)


def _canary(context: Context, settings: Settings) -> Reading:
    session = open_session(
        settings.connection.text().reveal(),
        settings.connection.env,
        pooler=True,
        statement_timeout=_ANSWER_SECONDS,
        deadline=Deadline(context.remaining(_LOGIN_SECONDS)),
        writes=True,
    )
    try:
        return _enqueued(context, settings, session)
    finally:
        session.close()


def _enqueued(context: Context, settings: Settings, session: Session) -> Reading:
    expires = round(settings.within) + 30
    started = time.monotonic()
    # the file's words are letters, digits and a few signs: none needs quoting
    job = _value(session, f"canary_enqueue('{settings.task}', '{settings.queue}', {expires})")
    state, waited, removed = "inactive", 0.0, ""
    try:
        until = context.remaining(settings.within + _MARGIN) - _MARGIN
        while state not in _ENDED and waited < until:
            time.sleep(_PAUSE)
            state = _value(session, f"canary_state({int(job)})")
            waited = time.monotonic() - started
    finally:
        removed = _value(session, f"canary_remove({int(job)})")
    if state not in _ENDED and waited < settings.within - _PAUSE:
        why = f"the run ends before its job had the {settings.within:.0f} s that it may take"
        raise ProbeError(Reason.TIMEOUT, why, "Run with a longer --deadline, or set a shorter `within`.")
    return MinionCanary(
        state=state,
        task=settings.task,
        queue=settings.queue,
        waited=waited,
        left=removed != "t",
        source="penhas_checks.canary_enqueue()",
        sampled_at=time.time(),
    )


def _value(session: Session, call: str) -> str:
    """Return what a function of ours gives, as text; raises ProbeError where it gives nothing."""
    text = f"SELECT penhas_checks.{call} AS value"
    found: list[PGresult] = []
    session.run([text], Deadline(_ANSWER_SECONDS + 1), lambda _, result: found.append(result))
    result = found[0]
    if result.status != pq.ExecStatus.TUPLES_OK:
        sqlstate = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        if sqlstate in _NOT_GRANTED:
            raise ProbeError(Reason.DENIED, f"the canary's role may not enqueue its job ({sqlstate})", GRANT)
        raise refusal(result, text, GRANT, session.user)
    return rows_of(result)[0].text("value")
