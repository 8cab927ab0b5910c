"""What goes wrong with Redis."""

import socket

from lab import redis
from lab.api_processes import NAMES
from lab.faults.expect import REDIS, REDIS_INFO, all_in
from lab.faults.registry import Act, Fault, register
from lab.running import Running

_PREFIX = "lab:filler:"
_VALUE = 64 * 1024


def _command(*words: str | int) -> Act:
    def act(running: Running) -> None:
        running.cache.command(*words)

    return act


def _fill(share: float) -> Act:
    def act(running: Running) -> None:
        number = 0
        while running.cache.used_memory() < share * redis.MAXMEMORY:
            running.cache.pipeline(("SET", f"{_PREFIX}{number}", "x" * _VALUE))
            number += 1
        running.kept["redis-filler"] = number

    return act


def _empty(running: Running) -> None:
    running.cache.pipeline(
        *(("DEL", f"{_PREFIX}{number}") for number in range(running.kept.pop("redis-filler"))),
    )


def _become_replica(running: Running) -> None:
    with socket.socket() as nobody:  # a master that is not there: the data stay
        nobody.bind(("127.0.0.1", 0))
        running.cache.command("REPLICAOF", "127.0.0.1", nobody.getsockname()[1])


def _password(running: Running, password: str) -> None:
    running.cache.command("ACL", "SETUSER", "penhas_checks", "resetpass", f">{password}")


register(
    Fault(
        "redis-replica",
        "Redis is a replica: it refuses every write",
        ("redis",),
        {"redis-is-master@cache": "CRITICAL"},
        _become_replica,
        _command("REPLICAOF", "NO", "ONE"),
    )
)
for _name, _share, _state in (("warning", 0.84, "WARNING"), ("critical", 0.94, "CRITICAL")):
    register(
        Fault(
            f"redis-memory-{_name}",
            f"Redis has used {_share:.0%} of its memory",
            ("redis",),
            {"capacity-redis-memory@cache": _state},
            _fill(_share),
            _empty,
        )
    )
register(
    Fault(
        "redis-no-limit",
        "Redis has no maxmemory: it takes what the host has",
        ("redis",),
        {"capacity-redis-memory-limit@cache": "WARNING"},
        _command("CONFIG", "SET", "maxmemory", 0),
        _command("CONFIG", "SET", "maxmemory", redis.MAXMEMORY),
    )
)
register(
    Fault(
        "redis-password-wrong",
        "the checking user's password is not the one that we were given",
        ("redis", "api"),
        all_in(
            "UNKNOWN",
            (
                *REDIS,
                *(f"api-agreement-redis@{name}" for name in NAMES),
            ),
        ),
        lambda running: _password(running, "another"),
        lambda running: _password(running, running.credentials.redis_checks),
    )
)
register(
    Fault(
        "redis-info-denied",
        "the checking user may not ask for INFO",
        ("redis", "api"),
        all_in(
            "UNKNOWN",
            (
                *REDIS_INFO,
                *(f"api-detailed-agreement@{name}" for name in NAMES),
            ),
        ),
        _command("ACL", "SETUSER", "penhas_checks", "-info"),
        _command("ACL", "SETUSER", "penhas_checks", "+info"),
    )
)
