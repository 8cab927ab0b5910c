"""What goes wrong with who is connected to Redis: too many clients, and a replica that does not come online."""

import socket
import time

from lab.faults.registry import Fault, register
from lab.redis import Redis
from lab.running import Running

_FEW = 200  # clients that may be connected while the fault holds: the others still get in
_MANY = 165  # connections of ours, which leave some for them


def _talk(cache: Redis, *commands: str) -> socket.socket:
    """Open a connection as the application's user, and send commands; the answer to each is awaited, and left alone."""
    talk = socket.create_connection(("127.0.0.1", cache.port), 5)
    for command in (f"AUTH {cache.password}", *commands):
        talk.sendall(f"{command}\r\n".encode())
        talk.recv(1000)
    return talk


def _crowd(running: Running) -> None:
    running.kept["redis-clients"] = [_talk(running.cache) for _ in range(_MANY)]
    running.cache.command("CONFIG", "SET", "maxclients", _FEW)


def _leave(running: Running) -> None:
    running.cache.command("CONFIG", "SET", "maxclients", 10000)
    for talk in running.kept.pop("redis-clients"):
        talk.close()


def _wait(running: Running) -> None:
    talk = running.kept["redis-waiting"] = _talk(running.cache)
    talk.sendall(b"BLPOP lab:nothing 0\r\n")
    _await(running.cache, "blocked_clients", 1)


def _go_on(running: Running) -> None:
    running.kept.pop("redis-waiting").close()
    _await(running.cache, "blocked_clients", 0)


def _follow(running: Running) -> None:
    """Ask for all data, as a replica does, of a server that waits for an hour whether others ask too."""
    cache = running.cache
    cache.command("CONFIG", "SET", "repl-diskless-sync", "yes")
    cache.command("CONFIG", "SET", "repl-diskless-sync-delay", 3600)
    running.kept["redis-follower"] = _talk(cache, "REPLCONF listening-port 1", "REPLCONF capa eof capa psync2")
    running.kept["redis-follower"].sendall(b"PSYNC ? -1\r\n")
    _await(cache, "connected_slaves", 1)


def _unfollow(running: Running) -> None:
    running.kept.pop("redis-follower").close()
    _await(running.cache, "connected_slaves", 0)
    running.cache.command("CONFIG", "SET", "repl-diskless-sync-delay", 5)


def _await(cache: Redis, field: str, number: int) -> None:
    until = time.monotonic() + 5
    while int(cache.info(field)) != number and time.monotonic() < until:
        time.sleep(0.02)


register(
    Fault(
        "redis-crowded",
        "five of six clients that Redis may have are connected",
        ("redis",),
        {"redis-clients@cache": "WARNING"},
        _crowd,
        _leave,
    )
)
register(
    Fault(
        "redis-replica-waits",
        "a replica of Redis asked for the data and is not online",
        ("redis",),
        {"redis-replicas@cache": "WARNING"},
        _follow,
        _unfollow,
    )
)
register(
    Fault(
        "redis-client-waits",
        "a client of Redis waits in a blocking command",
        ("redis",),
        {"redis-clients-blocked@cache": "WARNING"},
        _wait,
        _go_on,
    )
)
