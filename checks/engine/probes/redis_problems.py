"""What is wrong with a Redis server, in our own words: called by its probe; no text of the server is repeated."""

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    InvalidResponse,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.network import CUT, problem_of, silent

NOT_REDIS = "answers something that is not Redis"
ACL = "Give our user the line in checks/environments/grants/redis.acl."


class Problem(Exception):  # noqa: N818 (it is a finding, not an error of ours)
    """What is wrong with the server: the value of the connection's reading."""


def problem(error: Exception, seconds: float, *, accepted: bool) -> str:
    """Return what is wrong with the server; raises ProbeError where it is our own fault."""
    if isinstance(error, BusyLoadingError | ResponseError | AuthenticationError | AuthorizationError):
        return refusal(error)
    if isinstance(error, InvalidResponse | ValueError):
        return NOT_REDIS
    found = problem_of(error, "Redis", seconds, accepted=accepted)
    if found is None and isinstance(error, RedisTimeoutError):
        found = silent(seconds, accepted=accepted)
    if found is None and "max number of clients" in str(error):
        found = "connections exhausted (maxclients)"
    return CUT if found is None else found


_REFUSALS = {
    "MISCONF": "answers MISCONF: its last save failed, and it takes no writes",
    "OOM": "answers OOM: its memory is full, and it takes no writes",
    "MASTERDOWN": "answers MASTERDOWN: it is a replica that has lost its master",
    "READONLY": "answers READONLY: it is a replica",
    "BUSY": "answers BUSY: a script runs for too long and holds up everybody (SCRIPT KILL ends it)",
}


_OURS = {
    "NOAUTH": (Reason.OURS, "it demands a password (NOAUTH)", "Put user and password into the variable."),
    "WRONGPASS": (Reason.OURS, "the user or password is wrong", "Mend them in the variable."),
    "NOPERM": (Reason.DENIED, "our user may not ask it (NOPERM)", ACL),
    "DENIED": (Reason.OURS, "protected mode refuses connections from here", "Set a password, or run beside it."),
}


def word_of(error: RedisError) -> str:
    """Return the first word of the server's error."""
    # redis-py takes the word off where it has a class of its own for it, and keeps it here.
    return str(getattr(error, "status_code", None) or str(error).partition(" ")[0])


def refusal(error: RedisError) -> str:
    """Return what the server's error in place of an answer means, by its first word; its text is not repeated."""
    if isinstance(error, BusyLoadingError):
        return "loading its data set (LOADING)"
    word = word_of(error)
    if word in _OURS:
        raise ProbeError(*_OURS[word])
    if isinstance(error, AuthenticationError | AuthorizationError):
        raise ProbeError(*_OURS["WRONGPASS"])
    if "DB index" in str(error):
        raise ProbeError(Reason.OURS, "it has no database of that number", "Mend the number in the variable.")
    return _REFUSALS.get(word, "answers with an error that has no name here")
