"""PostgreSQL's refusals in our own words; nothing here repeats a text that a server or driver wrote."""

import re

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.settling import within


class ConnectionProblem(Exception):  # noqa: N818 (it is a finding, not an error of ours)
    """The server does not let us in or went away: the value of the connection's reading, not a fault of ours."""

    def __init__(self, problem: str, sqlstate: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.sqlstate = sqlstate


class OptionsRefused(ConnectionProblem):
    """A pooler does not take start-up options: the session must set everything within its transactions."""


CONNECTION = {
    "53300": "connections exhausted (53300)",
    "53000": "the server is out of resources (53000)",
    "53100": "the server's disk is full (53100)",
    "53200": "the server is out of memory (53200)",
    "57P01": "the server is shutting down (57P01)",
    "57P02": "the server crashed and ended every session (57P02)",
    "57P03": "starting up, shutting down or not yet consistent: it takes no sessions (57P03)",
    "57P05": "the server ended our idle session (57P05)",
    "3D000": "the database that the connection string names does not exist (3D000)",
    "08P01": "the server does not take our protocol (08P01)",
    "55P03": "no session begins: a table of the system's own is locked, as by VACUUM FULL of it (55P03)",
    "55000": "the database takes no sessions: ALTER DATABASE … ALLOW_CONNECTIONS true (55000)",
    "58000": "the server has a system error (58000)",
    "XX000": "the server has an internal error (XX000)",
    "XX001": "the server found corrupt data (XX001)",
}

_OURS = {
    "28P01": (
        "the password is wrong or has ended, or the role does not exist (28P01)",
        "Mend the password in the variable, or the role's VALID UNTIL.",
    ),
    "28000": (
        "the server does not accept our role from here (28000)",
        "Create the role, allow it LOGIN, and add a line for it and this host to pg_hba.conf.",
    ),
    "42501": ("our role may not connect to the database (42501)", "GRANT CONNECT ON DATABASE … TO our role."),
    "42704": ("the connection string sets something that the server does not know (42704)", "Mend its options."),
    "22023": ("the connection string sets something that the server does not accept (22023)", "Mend its options."),
    "55P02": ("the connection string sets something that cannot be set (55P02)", "Mend its options."),
}

# PgBouncer has one code for all its refusals; its texts are matched, never shown. The first match holds.
_POOLER: tuple[tuple[str, str], ...] = (
    ("no such database", "the pooler has no such database (08P01)"),
    ("no more connections allowed", "connections exhausted: the pooler takes no more clients (08P01)"),
    ("query_wait_timeout", "the pooler got us no session at its server in time: all are taken, or it is down (08P01)"),
    ("server login", "the pooler is refused by its server, or cannot reach it (08P01)"),
    ("cannot connect to server", "the pooler is refused by its server, or cannot reach it (08P01)"),
    ("server_login_retry", "the pooler is refused by its server, or cannot reach it (08P01)"),
    ("shutting down", "the pooler is shutting down (08P01)"),
)
_POOLER_OURS = ("authentication failed", "no such user", "password")

# What libpq itself says, in English because nothing here calls setlocale; matched, never shown. The first match holds.
_SAYS: tuple[tuple[str, str], ...] = (
    ("Connection refused", "connection refused"),
    ("No such file or directory", "connection refused: no server listens on its socket"),
    ("No route to host", "no route to it"),
    ("Network is unreachable", "no route to it"),
    ("Connection timed out", "does not answer: the attempt to connect timed out"),
    ("server closed the connection unexpectedly", "the connection was cut"),
    ("Connection reset by peer", "the connection was cut"),
    ("EOF detected", "the connection was cut"),
    ("Broken pipe", "the connection was cut"),
    ("no connection to the server", "the connection was cut"),
    ("connection not open", "the connection was cut"),
    ("expected authentication request", "answers something that is not PostgreSQL"),
    ("invalid response to SSL negotiation", "answers something that is not PostgreSQL"),
    ("invalid response to GSSAPI negotiation", "answers something that is not PostgreSQL"),
    ("unencrypted data after SSL response", "answers something that is not PostgreSQL"),
    ("wrong version number", "answers something that is not PostgreSQL"),
    ("invalid message length", "answers something that is not PostgreSQL"),
    ("lost synchronization", "answers something that is not PostgreSQL"),
    ("unexpected response from server", "answers something that is not PostgreSQL"),
    ("message contents do not agree", "answers something that is not PostgreSQL"),
    ("message type 0x", "answers something that is not PostgreSQL"),
    ("protocol error", "answers something that is not PostgreSQL"),
)

_SEE = "See its dates with openssl s_client -starttls postgres, and set sslrootcert."
_SAYS_OURS: tuple[tuple[str, str, str], ...] = (
    ("could not translate host name", "its host name does not resolve", "Mend the host in the variable, or DNS."),
    ("Name or service not known", "its host name does not resolve", "Mend the host in the variable, or DNS."),
    ("no password supplied", "the connection string has no password", "Put the password into the variable."),
    ("password authentication failed", "the password is wrong", "Mend the password in the variable."),
    ("no pg_hba.conf entry", "the server does not accept our role from here", "Add a line to pg_hba.conf."),
    ("Permission denied", "this user may not open the server's socket", "Run as a user that may."),
    ("root certificate file", "the root certificate to verify it with is not there", "Set sslrootcert."),
    ("does not match host name", "its TLS certificate is for another name", "Use the name that is in it."),
    # libpq does not tell the two apart.
    ("certificate verify failed", "its TLS certificate cannot be verified: expired, or of another root", _SEE),
    ("does not support SSL", "it has no TLS, which the connection string demands", "Turn TLS on, or mend sslmode."),
    ("private key file", "our TLS key cannot be used", "Mend sslkey and its mode."),
    ("could not read certificate file", "our TLS certificate cannot be used", "Mend sslcert."),
    ("invalid sslmode", "the connection string is malformed", "Mend sslmode in the variable."),
    ("invalid port number", "the connection string is malformed", "Mend the port in the variable."),
    ("invalid integer value", "the connection string is malformed", "Mend its numbers in the variable."),
    ("definition of service", "the service that the connection string names is not there", "Name the host instead."),
)


def refused(sqlstate: str, routine: str, message: str) -> Exception:
    """Return what a failed login means: a ConnectionProblem, or a ProbeError where it is our own fault."""
    if sqlstate != "":
        return by_sqlstate(sqlstate, routine, message)
    for pattern, why, mend in _SAYS_OURS:
        if pattern in message:
            return ProbeError(Reason.OURS, why, mend)
    return _by_text(message)


def lost(message: str) -> ConnectionProblem:
    """Return what became of a connection that was open."""
    return _by_text(message)


def _by_text(message: str) -> ConnectionProblem:
    for pattern, problem in _SAYS:
        if pattern in message:
            return ConnectionProblem(problem)
    return ConnectionProblem("the connection failed in a way that has no name here")


def by_sqlstate(sqlstate: str, routine: str, message: str = "") -> ConnectionProblem:
    """Return what the server's refusal means; raises ProbeError where it is our own fault."""
    if sqlstate in {"08P01", "0A000"} and ("startup parameter" in message or "option" in message):
        return OptionsRefused("start-up options refused: a pooler", sqlstate)
    if sqlstate == "53300" and routine == "InitializeSessionUserId":
        raise ProbeError(
            Reason.OURS,
            "our role's own CONNECTION LIMIT is used up (53300)",
            "See whether another run is still connected (application_name penhas-checks).",
        )
    if sqlstate == "53300" and routine == "CheckMyDatabase":
        return ConnectionProblem("connections exhausted: the limit of this database is reached (53300)", sqlstate)
    if sqlstate == "08P01" and routine == "":  # PostgreSQL itself names one
        return _by_pooler(message)
    if sqlstate in _OURS:
        raise ProbeError(Reason.OURS, *_OURS[sqlstate])
    known = CONNECTION.get(sqlstate, f"the server refused the session (SQLSTATE {sqlstate})")
    return ConnectionProblem(known, sqlstate)


def _by_pooler(message: str) -> ConnectionProblem:
    for pattern, problem in _POOLER:
        if pattern in message:
            return ConnectionProblem(problem, "08P01")
    if any(pattern in message for pattern in _POOLER_OURS):
        mend = "Mend role and password in the variable, and the pooler's list of users."
        raise ProbeError(Reason.OURS, "the pooler does not let our role in (08P01)", mend)
    return ConnectionProblem("a pooler refused the session (08P01): see its log", "08P01")


def silent(seconds: float, *, accepted: bool) -> ConnectionProblem:
    """Return the problem of a login that ended at its deadline."""
    if accepted:
        return ConnectionProblem(f"accepts but does not answer {within(seconds)}")
    return ConnectionProblem(f"does not answer {within(seconds)}: nothing accepts and nothing refuses")


def error_in_trace(trace: str) -> tuple[str, str]:
    """Return SQLSTATE and routine of the last ErrorResponse in libpq's trace, empty where there is none."""
    lines = [line for line in trace.splitlines() if "\tErrorResponse\t" in line]
    if not lines:
        return "", ""
    code = re.search(r' C "([0-9A-Z]{5})"', lines[-1])
    routine = re.search(r' R "([A-Za-z0-9_]+)"', lines[-1])
    return (code.group(1) if code is not None else ""), (routine.group(1) if routine is not None else "")
