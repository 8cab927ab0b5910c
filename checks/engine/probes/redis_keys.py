"""Looks at the session keys of one server: SCAN with pipelined TTL, within the environment's budget.

Called by the probe of Redis, last, because it takes longest. It keeps nothing of a key but whether it expires: the
names are bearer tokens. The server is never asked more than `keys_per_second` commands, and its memory is not touched.
"""

import time
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from checks.engine.environment.operations import Redis
from checks.engine.model import ProbeError, Reason
from checks.engine.readings.redis import RedisKeys

_AT_ONCE = 500
_SPECIAL = frozenset("*?[]^\\")


def look(made: Any, settings: Redis, seconds: float) -> RedisKeys:
    """Return how many session keys have no time to live, of those that a budget of so many seconds lets us see."""
    started, cursor = time.monotonic(), b"0"
    until = started + min(settings.keys_seconds, seconds)
    pattern = "".join(f"\\{c}" if c in _SPECIAL else c for c in settings.session_prefix) + "*"
    keys = int(_one(made, "DBSIZE"))
    sent, rounds, sessions, without = 1, 0, 0, 0
    complete = False
    while not complete and time.monotonic() < until:
        cursor, found = _one(made, "SCAN", cursor, "MATCH", pattern, "COUNT", _AT_ONCE)
        sent, rounds = sent + 1 + len(found), rounds + 1
        sessions += len(found)
        without += _immortal(made, found)
        complete = cursor == b"0"
        # A SCAN walks over as many keys as COUNT says, so it weighs as much as that many commands.
        ahead = (sent + rounds * _AT_ONCE / 10) / settings.keys_per_second - (time.monotonic() - started)
        if ahead > 0 and not complete:
            time.sleep(min(ahead, max(0.0, until - time.monotonic())))
    return RedisKeys(
        keys=keys,
        seen=keys if complete else min(keys, rounds * _AT_ONCE),
        sessions=sessions,
        without_ttl=without,
        complete=complete,
        seconds=time.monotonic() - started,
        source="SCAN, TTL",
        sampled_at=time.time(),
    )


def _one(made: Any, *words: Any) -> Any:
    made.send_packed_command(made.pack_commands([words]))
    try:
        return made.read_response(disconnect_on_error=False)
    except ResponseError:
        raise _denied() from None


def _immortal(made: Any, keys: list[bytes]) -> int:
    """Return how many of the keys never expire.

    The answers are counted as they come, a number a line: the client's own parser takes ten times as long for each.
    Nothing else is under way on the connection, so all that comes is an answer.
    """
    if keys == []:
        return 0
    made._sock.sendall(b"".join(b"*2\r\n$3\r\nTTL\r\n$%d\r\n%s\r\n" % (len(key), key) for key in keys))
    answers = b""
    while answers.count(b"\n") < len(keys):
        part = made._sock.recv(1 << 16)
        if part == b"":
            raise RedisConnectionError
        answers += part
    lines = answers.split(b"\r\n")[:-1]
    if len(lines) != len(keys) or any(not line.startswith(b":") for line in lines):
        raise _denied()
    return lines.count(b":-1")


def _denied() -> ProbeError:
    return ProbeError(
        Reason.DENIED,
        "our user may not look at the keys",
        "Give our user the line in checks/environments/grants/redis.acl.",
    )
