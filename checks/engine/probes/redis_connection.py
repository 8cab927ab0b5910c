"""One connection to Redis, watched by a clock of our own; called by the probe, which knows what to ask."""

from collections.abc import Callable
from typing import Any, TypeVar

from redis.backoff import NoBackoff
from redis.connection import Connection as TcpConnection
from redis.connection import parse_url
from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError, ResponseError
from redis.retry import Retry

from checks.engine.environment.secrets import Connection
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.network import Watchdog, in_handshake, silent
from checks.engine.probes.redis_problems import NOT_REDIS, Problem, problem, word_of

Answer = bytes | int | RedisError
_T = TypeVar("_T")


def with_connection(connection: Connection, seconds: float, talk: Callable[[Any], _T], **options: Any) -> _T:
    """Open a connection, let `talk` use it for so many seconds, and close it."""
    watched = False
    with Watchdog(seconds) as dog:
        # The connection is Any: redis-py types its methods only in part.
        def on_connect(made: Any) -> None:
            nonlocal watched
            dog.watch(made._sock)
            watched = True
            made.on_connect()

        made = _open(connection, seconds, on_connect, **options)
        try:
            made.connect()
            return talk(made)
        except (RedisError, OSError, ValueError) as error:
            if dog.expired:
                raise Problem(silent(seconds, accepted=watched or in_handshake(error))) from None
            raise Problem(problem(error, seconds, accepted=watched)) from None
        finally:
            made.disconnect()


def parameters(connection: Connection) -> dict[str, Any]:
    """Return what a connection string says, as the client wants it; raise ProbeError, without quoting it, if malformed.

    Called by --check-config too.
    """
    try:
        return dict(parse_url(connection.text().reveal()))  # type: ignore[no-untyped-call]
    except ValueError:
        raise ProbeError(
            Reason.OURS,
            f"the connection string in {connection.env} is malformed",
            f"Write it as redis://USER:PASSWORD@HOST:PORT/0 in {connection.env}.",
        ) from None


def _open(connection: Connection, seconds: float, on_connect: Callable[[Any], None], **more: Any) -> Any:
    options = parameters(connection)
    kind: Any = options.pop("connection_class", TcpConnection)
    # Version 2 of the protocol: the same from Redis 5 to 8 and Valkey. No CLIENT SETINFO: our user may not, and it
    # would cost two round trips.
    ours = {
        "protocol": 2,
        "driver_info": None,
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
        "redis_connect_func": on_connect,
    }
    try:
        return kind(**{**options, **ours, **more})
    except (TypeError, RedisError):
        raise ProbeError(
            Reason.OURS, f"the connection string in {connection.env} sets something unknown", "Mend its options."
        ) from None


def answer_of(made: Any) -> Answer:
    """Return the next answer; an error that the server sent in its place is one too."""
    try:
        answer = made.read_response(disconnect_on_error=False)
    except (ResponseError, BusyLoadingError) as error:
        return error
    if not isinstance(answer, bytes | int):
        raise Problem(NOT_REDIS)
    return answer


def error_of(made: Any) -> str:
    """Return the first word of the error in place of the next answer, "" where it is none; what it says is dropped."""
    try:
        made.read_response(disconnect_on_error=False)
    except (ResponseError, BusyLoadingError, AuthenticationError) as error:
        return word_of(error)
    return ""
