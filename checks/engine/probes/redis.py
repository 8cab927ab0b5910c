"""The probe of Redis: one connection, PING and INFO in one flight; no key name is ever asked for or shown."""

import time
from collections.abc import Callable
from typing import Any

from redis.backoff import NoBackoff
from redis.connection import Connection as TcpConnection
from redis.connection import parse_url
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    InvalidResponse,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from checks.engine.environment.secrets import Connection
from checks.engine.model import ProbeError, Reading, Reason
from checks.engine.probes import Context
from checks.engine.probes.network import CUT, Watchdog, in_handshake, problem_of, silent
from checks.engine.probes.settling import not_connected, settle_all
from checks.engine.readings.redis import RedisConnection, RedisMemory, RedisServer

CONNECTION = "redis_connection"
TIMEOUT_SECONDS = 3.0
NOT_REDIS = "answers something that is not Redis"
ACL = "Give our user the line in checks/environments/grants/redis.acl."

Answer = bytes | RedisError


class _Problem(Exception):  # noqa: N818 (it is a finding, not an error of ours)
    """What is wrong with the server: the value of the connection's reading."""


def read(context: Context) -> None:
    """Settle every name of `context.names` for one server."""
    due = list(context.names)
    started = time.monotonic()
    try:
        info, pong = _ask(_connection(context), context.remaining(TIMEOUT_SECONDS))
        seconds = time.monotonic() - started
        _raise_unless_answering(info, pong)
    except _Problem as problem:
        settle_all(context, [n for n in due if n != CONNECTION], not_connected(str(problem)))
        _settle(context, due, _unreachable(str(problem), time.monotonic() - started))
        return
    except ProbeError as error:
        settle_all(context, due, error)
        return
    _settle(context, due, _connected(pong, seconds))
    for name in due:
        if name != CONNECTION:
            try:
                context.settle(name, _reading(name, _fields(info)))
            except ProbeError as error:
                context.settle(name, error)


def _settle(context: Context, due: list[str], outcome: Reading | ProbeError) -> None:
    if CONNECTION in due:
        context.settle(CONNECTION, outcome)


def _connection(context: Context) -> Connection:
    settings = context.environment.redis
    for connection in settings.targets if settings is not None else ():
        if connection.name == context.target.name:
            return connection
    raise ProbeError(Reason.OURS, f"the environment file has no Redis target {context.target.name}")


def _ask(connection: Connection, seconds: float) -> tuple[Answer, Answer]:
    """Return the answers to INFO and PING; an error that the server sent in place of one is an answer too."""
    watched = False
    with Watchdog(seconds) as dog:
        # The connection is Any: redis-py types its methods only in part.
        def on_connect(made: Any) -> None:
            nonlocal watched
            dog.watch(made._sock)
            watched = True
            made.on_connect()

        made = _open(connection, seconds, on_connect)
        try:
            made.connect()
            # INFO first: it is answered while the server still loads, and the client stops at LOADING.
            made.send_packed_command(made.pack_commands([("INFO",), ("PING",)]))
            return _answer(made), _answer(made)
        except (RedisError, OSError, ValueError) as error:
            if dog.expired:
                raise _Problem(silent(seconds, accepted=watched or in_handshake(error))) from None
            raise _Problem(_problem(error, seconds, accepted=watched)) from None
        finally:
            made.disconnect()


def _open(connection: Connection, seconds: float, on_connect: Callable[[Any], None]) -> Any:
    try:
        options = parse_url(connection.text().reveal())  # type: ignore[no-untyped-call]
    except ValueError:
        raise ProbeError(
            Reason.OURS,
            f"the connection string in {connection.env} is malformed",
            f"Write it as redis://USER:PASSWORD@HOST:PORT/0 in {connection.env}.",
        ) from None
    kind: Any = options.pop("connection_class", TcpConnection)
    # Version 2 of the protocol: the same from Redis 5 to 8 and Valkey. No CLIENT SETINFO: our user may not, and it
    # would cost two round trips. The database of the URL is not selected: nothing that is asked lies in one.
    ours = {
        "db": 0,
        "protocol": 2,
        "driver_info": None,
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
        "redis_connect_func": on_connect,
    }
    try:
        return kind(**{**options, **ours})
    except (TypeError, RedisError):
        raise ProbeError(
            Reason.OURS, f"the connection string in {connection.env} sets something unknown", "Mend its options."
        ) from None


def _answer(made: Any) -> Answer:
    try:
        answer = made.read_response(disconnect_on_error=False)
    except (ResponseError, BusyLoadingError) as error:
        return error
    if not isinstance(answer, bytes):
        raise _Problem(NOT_REDIS)
    return answer


def _problem(error: Exception, seconds: float, *, accepted: bool) -> str:
    """Return what is wrong with the server; raises ProbeError where it is our own fault."""
    if isinstance(error, BusyLoadingError | ResponseError | AuthenticationError | AuthorizationError):
        return _refusal(error)
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
}


_OURS = {
    "NOAUTH": (Reason.OURS, "it demands a password (NOAUTH)", "Put user and password into the variable."),
    "WRONGPASS": (Reason.OURS, "the user or password is wrong", "Mend them in the variable."),
    "NOPERM": (Reason.DENIED, "our user may not ask it (NOPERM)", ACL),
    "DENIED": (Reason.OURS, "protected mode refuses connections from here", "Set a password, or run beside it."),
}


def _refusal(error: RedisError) -> str:
    """Return what the server's error in place of an answer means, by its first word; its text is not repeated."""
    if isinstance(error, BusyLoadingError):
        return "loading its data set (LOADING)"
    # redis-py takes the word off where it has a class of its own for it, and keeps it here.
    word = str(getattr(error, "status_code", None) or str(error).partition(" ")[0])
    if word in _OURS:
        raise ProbeError(*_OURS[word])
    if isinstance(error, AuthenticationError | AuthorizationError):
        raise ProbeError(*_OURS["WRONGPASS"])
    return _REFUSALS.get(word, "answers with an error that has no name here")


def _raise_unless_answering(info: Answer, pong: Answer) -> None:
    """Raise where there is nothing to read; a server that answers INFO but not PING is there and has its readings."""
    if isinstance(info, RedisError) and isinstance(pong, RedisError) and not isinstance(info, NoPermissionError):
        raise _Problem(_refusal(pong))
    if isinstance(pong, bytes) and pong != b"PONG":
        raise _Problem(NOT_REDIS)


def _connected(pong: Answer, seconds: float) -> Reading | ProbeError:
    if not isinstance(pong, RedisError):
        return RedisConnection(reachable=True, seconds=seconds, source="PING", sampled_at=time.time())
    try:
        return _unreachable(_refusal(pong), seconds)
    except ProbeError as error:
        return error


def _unreachable(problem: str, seconds: float) -> RedisConnection:
    return RedisConnection(reachable=False, problem=problem, seconds=seconds, source="PING", sampled_at=time.time())


def _fields(info: Answer) -> dict[str, str]:
    if isinstance(info, NoPermissionError):
        raise ProbeError(Reason.DENIED, "our user may not run INFO (NOPERM)", ACL)
    if isinstance(info, RedisError):
        raise ProbeError(Reason.PROTOCOL, "the server refused INFO")
    lines = info.decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))


def _reading(name: str, fields: dict[str, str]) -> Reading:
    sampled_at = time.time()
    if name == "redis_server":
        return RedisServer(
            version=_due(fields, "redis_version"),
            role=_due(fields, "role"),
            loading=_due(fields, "loading") != "0",
            uptime=_number(fields, "uptime_in_seconds"),
            connected_clients=_number(fields, "connected_clients"),
            ops_per_second=_number(fields, "instantaneous_ops_per_sec"),
            source="INFO",
            sampled_at=sampled_at,
        )
    used, maxmemory = _number(fields, "used_memory"), _number(fields, "maxmemory")
    limit = maxmemory if maxmemory > 0 else _number(fields, "total_system_memory")
    if limit <= 0:
        raise ProbeError(Reason.NO_DATA, "neither maxmemory nor the host's memory is known", "Set maxmemory.")
    return RedisMemory(
        used=used,
        maxmemory=maxmemory,
        limit=limit,
        limit_is="maxmemory" if maxmemory > 0 else "the host's memory, because maxmemory is not set",
        used_ratio=used / limit,
        policy=_due(fields, "maxmemory_policy"),
        source="INFO memory",
        sampled_at=sampled_at,
    )


def _due(fields: dict[str, str], name: str) -> str:
    value = fields.get(name, "")
    if value == "":
        raise ProbeError(Reason.NO_DATA, f"INFO has no {name}", "See whether a proxy or a rename hides it.")
    return value


def _number(fields: dict[str, str], name: str) -> int:
    try:
        return int(_due(fields, name))
    except ValueError:
        raise ProbeError(Reason.PROTOCOL, f"INFO has no number for {name}") from None
