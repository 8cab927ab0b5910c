"""The probe of Redis: one connection, PING, INFO and a few more in one flight; no key's name is ever shown.

What takes longer, or needs a connection of its own, is asked after everything else is settled.
"""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from redis.exceptions import (
    NoPermissionError,
    RedisError,
)

from checks.engine.environment.operations import Redis
from checks.engine.environment.secrets import Connection
from checks.engine.model import NotJudged, ProbeError, Reading, Reason
from checks.engine.probes import Context, redis_keys, redis_round_trips
from checks.engine.probes.redis_connection import Answer, answer_of, error_of, parameters, with_connection
from checks.engine.probes.redis_info import FROM_INFO, counters, due, elsewhere, fields_of
from checks.engine.probes.redis_problems import ACL, NOT_REDIS, Problem, refusal
from checks.engine.probes.settling import not_connected, settle_all
from checks.engine.readings.redis import ASTRAY, RedisConnection, RedisEmergency, RedisExposure, RedisLock

CONNECTION = "redis_connection"
TIMEOUT_SECONDS = 3.0

_AFTERWARDS = ("redis_latency", "redis_exposure", "redis_keys")
_ABSENT, _FOR_EVER = -2, -1
_NOBODY = {"username": None, "password": None, "credential_provider": None, "db": 0, "client_name": None}
_REFUSED = frozenset({"NOAUTH", "WRONGPASS", "DENIED"})


def read(context: Context) -> None:
    """Settle every name of `context.names` for one server."""
    names = list(context.names)
    started = time.monotonic()
    try:
        settings, connection = _settings(context)
        extras = _extras(names, settings, context.environment.emergency.read_only_key)
        answers = _ask(connection, context.remaining(TIMEOUT_SECONDS), [("INFO",), ("PING",), *extras.values()])
        seconds = time.monotonic() - started
        info, pong = answers[:2]
        _raise_unless_answering(info, pong)
    except Problem as problem:
        settle_all(context, [n for n in names if n != CONNECTION], not_connected(str(problem)))
        _settle(context, names, _unreachable(str(problem), time.monotonic() - started))
        return
    except ProbeError as error:
        settle_all(context, names, error)
        return
    _settle(context, names, _connected(pong, seconds))
    told = dict(zip(extras, answers[2:], strict=True))
    astray = isinstance(info, bytes) and elsewhere(fields_of(info), int(parameters(connection).get("db", 0)))
    for name in names:
        if name != CONNECTION and name not in _AFTERWARDS:
            asked = partial(_reading, name, settings, context, info, told, astray=astray)
            context.settle(name, _outcome(asked))
    if "redis_latency" in names:
        context.settle("redis_latency", _outcome(lambda: _trips(connection, context)))
    if "redis_exposure" in names:
        context.settle("redis_exposure", _outcome(lambda: _exposure(connection, settings, context)))
    if "redis_keys" in names:
        context.settle("redis_keys", _outcome(lambda: _keys(connection, settings, context)))


def _outcome(build: Callable[[], Reading | NotJudged]) -> Reading | NotJudged | ProbeError:
    try:
        return build()
    except ProbeError as error:
        return error
    except Problem as problem:
        return not_connected(str(problem))


def _extras(names: list[str], settings: Redis, read_only_key: str) -> dict[str, tuple[str, ...]]:
    """Return what is asked beside INFO and PING, by the reading that needs it."""
    asked = {
        "redis_counters": ("SLOWLOG", "LEN"),
        "redis_lock": ("PTTL", settings.lock_key or ""),
        "redis_emergency": ("EXISTS", read_only_key),
    }
    return {name: words for name, words in asked.items() if name in names}


def _settle(context: Context, due: list[str], outcome: Reading | ProbeError) -> None:
    if CONNECTION in due:
        context.settle(CONNECTION, outcome)


def _settings(context: Context) -> tuple[Redis, Connection]:
    settings = context.environment.redis
    for connection in settings.targets if settings is not None else ():
        if settings is not None and connection.name == context.target.name:
            return settings, connection
    raise ProbeError(Reason.OURS, f"the environment file has no Redis target {context.target.name}")


def _ask(connection: Connection, seconds: float, commands: list[tuple[str, ...]]) -> list[Answer]:
    """Return the answers; an error that the server sent in place of one is an answer too."""

    def talk(made: Any) -> list[Answer]:
        # INFO first: it is answered while the server still loads, and the client stops at LOADING.
        made.send_packed_command(made.pack_commands(commands))
        return [answer_of(made) for _ in commands]

    return with_connection(connection, seconds, talk)


def _raise_unless_answering(info: Answer, pong: Answer) -> None:
    """Raise where there is nothing to read; a server that answers INFO but not PING is there and has its readings."""
    if isinstance(info, RedisError) and isinstance(pong, RedisError) and not isinstance(info, NoPermissionError):
        raise Problem(refusal(pong))
    if not isinstance(pong, RedisError) and pong != b"PONG":
        raise Problem(NOT_REDIS)


def _connected(pong: Answer, seconds: float) -> Reading | ProbeError:
    if not isinstance(pong, RedisError):
        return RedisConnection(reachable=True, seconds=seconds, source="PING", sampled_at=time.time())
    try:
        return _unreachable(refusal(pong), seconds)
    except ProbeError as error:
        return error


def _unreachable(problem: str, seconds: float) -> RedisConnection:
    return RedisConnection(reachable=False, problem=problem, seconds=seconds, source="PING", sampled_at=time.time())


def _fields(info: Answer) -> dict[str, str]:
    if isinstance(info, NoPermissionError):
        raise ProbeError(Reason.DENIED, "our user may not run INFO (NOPERM)", ACL)
    if not isinstance(info, bytes):
        raise ProbeError(Reason.PROTOCOL, "the server refused INFO")
    return fields_of(info)


def _reading(
    name: str, settings: Redis, context: Context, info: Answer, told: dict[str, Answer], *, astray: bool
) -> Reading | NotJudged:
    if name in FROM_INFO:
        return FROM_INFO[name](_fields(info), settings)
    answer = told[name]
    if isinstance(answer, NoPermissionError):
        raise ProbeError(Reason.DENIED, "our user may not ask for it (NOPERM)", ACL)
    if not isinstance(answer, int):
        raise ProbeError(Reason.PROTOCOL, "the server refused to say it")
    if name == "redis_counters":
        return counters(_fields(info), answer)
    if name == "redis_lock" and answer == _ABSENT and astray:
        return NotJudged(ASTRAY)
    if name == "redis_lock":
        left = None if answer == _ABSENT else math.inf if answer == _FOR_EVER else answer / 1000
        return RedisLock(expires_in=left, source="PTTL of the lock", sampled_at=time.time())
    emergency = context.environment.emergency
    return RedisEmergency(
        read_only=answer > 0,
        astray=astray,
        policy=due(_fields(info), "maxmemory_policy"),
        expected_policy=emergency.maxmemory_policy,
        until=None if emergency.until is None else emergency.until.timestamp(),
        source="EXISTS, INFO memory",
        sampled_at=time.time(),
    )


def _exposure(connection: Connection, settings: Redis, context: Context) -> Reading:
    """Knock without a password: each knock must be refused for want of one.

    NOPERM is said to a user: whoever hears it was let in. What a knock that is answered gives is dropped.
    """
    knocks = (("PING",), ("SCAN", "0", "COUNT", "1"), ("GET", settings.session_prefix))

    def knock(made: Any) -> set[str]:
        made.send_packed_command(made.pack_commands(knocks))
        first = error_of(made)
        return {first} if first in _REFUSED else {first, *(error_of(made) for _ in knocks[1:])}

    heard = with_connection(connection, context.remaining(TIMEOUT_SECONDS), knock, **_NOBODY)
    if heard == {"ERR"}:
        raise ProbeError(Reason.PROTOCOL, "it answers whoever gives no password with an error that has no name here")
    return RedisExposure(
        open=not heard <= {*_REFUSED, "NOPERM", "ERR"},
        admits="NOPERM" in heard,
        source="PING, SCAN, GET without a password",
        sampled_at=time.time(),
    )


def _keys(connection: Connection, settings: Redis, context: Context) -> Reading:
    # All but a moment: what was seen until then is worth having.
    seconds = context.remaining(settings.keys_seconds + TIMEOUT_SECONDS)
    return with_connection(connection, seconds, lambda made: redis_keys.look(made, settings, seconds - 0.5))


def _trips(connection: Connection, context: Context) -> Reading:
    return with_connection(connection, context.remaining(TIMEOUT_SECONDS), redis_round_trips.look)
