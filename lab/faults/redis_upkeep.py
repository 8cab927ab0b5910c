"""What goes wrong within a Redis that answers: keys that stay, locks that stay, saves that fail, writes refused."""

import socket
import time

from lab import marked, redis
from lab.api_processes import NAMES
from lab.faults.expect import all_in
from lab.faults.registry import Act, Fault, register
from lab.running import Running

_TURNS = 40
_VALUES, _VALUE, _AT_ONCE = 50_000, 5000, 500
_NEEDING_REDIS = ("api-health", "api-agreement-redis", "api-detailed-complete")


def _namespace(running: Running) -> str:
    return "penhas:" if running.options.flavour == "guide" else ""


def _immortal(running: Running) -> list[str]:
    return [f"{_namespace(running)}CaS:{marked.word('sessao', f'eterna-{number}')}" for number in range(3)]


def _lock(running: Running) -> str:
    return f"{_namespace(running)}_tick_notifications"


def _config(**settings: str | int) -> Act:
    def act(running: Running) -> None:
        for name, value in settings.items():
            running.cache.command("CONFIG", "SET", name.replace("_", "-"), value)

    return act


def _failing_save(running: Running) -> None:
    """Put a folder where the file of the data should go: the save comes to its end and cannot be renamed."""
    (running.cache.folder / "dump.rdb").unlink(missing_ok=True)
    (running.cache.folder / "dump.rdb").mkdir()
    _save(running, "err")


def _working_save(running: Running) -> None:
    (running.cache.folder / "dump.rdb").rmdir()
    _save(running, "ok")
    (running.cache.folder / "dump.rdb").unlink(missing_ok=True)


def _save(running: Running, status: str) -> None:
    running.cache.command("BGSAVE")
    until = time.monotonic() + 5
    while running.cache.info("rdb_last_bgsave_status") != status and time.monotonic() < until:
        time.sleep(0.02)


def _evict(running: Running) -> None:
    """Leave too little room for a moment: of keys that may be evicted there are enough, so no write is refused."""
    cache = running.cache
    cache.pipeline(*(("SET", f"lab:evict:{number}", "x" * 65536, "EX", 60) for number in range(8)))
    cache.command("CONFIG", "SET", "maxmemory", cache.used_memory() - 2 * 65536)
    cache.command("SET", "lab:evict:last", 1, "EX", 60)
    cache.command("CONFIG", "SET", "maxmemory", redis.MAXMEMORY)
    cache.command("DEL", *(f"lab:evict:{number}" for number in range(8)), "lab:evict:last")


def _reject(running: Running) -> None:
    """Let nobody else in for a moment."""
    with socket.create_connection(("127.0.0.1", running.cache.port), 5) as inside, inside.makefile("rwb", 0) as talk:
        for words in (f"AUTH {running.cache.password}", "CONFIG SET maxclients 1"):
            talk.write(f"{words}\r\n".encode())
            talk.readline()
        with socket.create_connection(("127.0.0.1", running.cache.port), 5) as outside:
            outside.recv(100)
        talk.write(b"CONFIG SET maxclients 10000\r\n")
        talk.readline()


def _fragment(running: Running) -> None:
    """Fill a quarter of a gigabyte, and take every second value away again: the holes are too small for anything."""
    running.cache.command("CONFIG", "SET", "maxmemory", 1 << 30)
    _each_value(running, f"redis.call('SET', 'lab:hole:' .. i, string.rep('x', {_VALUE}))")
    _each_value(running, "redis.call('DEL', 'lab:hole:' .. i)", step=2)


def _defragment(running: Running) -> None:
    _each_value(running, "redis.call('DEL', 'lab:hole:' .. i)")
    running.cache.pipeline(("MEMORY", "PURGE"), ("CONFIG", "SET", "maxmemory", redis.MAXMEMORY))


def _each_value(running: Running, act: str, step: int = 1) -> None:
    """Have the server do something with every `step`th value, a few at a time, and not count that as slow."""
    loops = (f"for i = {n}, {n + _AT_ONCE - 1}, {step} do {act} end" for n in range(0, _VALUES, _AT_ONCE))
    slow = ("CONFIG", "SET", "slowlog-log-slower-than")
    running.cache.pipeline((*slow, -1), *(("EVAL", loop, 0) for loop in loops), (*slow, 10000))


def _dawdle(running: Running) -> None:
    running.cache.pipeline(
        ("CONFIG", "SET", "slowlog-log-slower-than", 0),
        *(("PING",) for _ in range(_TURNS)),
        ("CONFIG", "SET", "slowlog-log-slower-than", 10000),
    )


def _fill(running: Running) -> None:
    cache = running.cache
    cache.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    cache.command("CONFIG", "SET", "maxmemory", int(cache.used_memory() * 0.9))
    cache.pipeline(("SET", "lab:one", "x"), ("SET", "lab:two", "x"))


def _restart(running: Running) -> None:
    cache = running.cache
    assert cache.process is not None  # noqa: S101 (for the type checker: it runs)
    cache.process.stop()
    (cache.folder / "dump.rdb").unlink(missing_ok=True)  # it keeps nothing, so nothing comes back
    redis.start(running.launcher, cache, running.credentials, cache.port)


def _nothing(_: Running) -> None:
    return


for _name, _what, _expect, _break, _mend in (
    (
        "redis-keys-immortal",
        "three session keys have no time to live",
        {"redis-keys-expire@cache": "WARNING"},
        lambda running: running.cache.pipeline(*(("SET", key, "{}") for key in _immortal(running))),
        lambda running: running.cache.command("DEL", *_immortal(running)),
    ),
    (
        "redis-lock-stuck",
        "the lock of the notifications' job never expires",
        {"redis-lock-expires@cache": "CRITICAL"},
        lambda running: running.cache.command("SET", _lock(running), 1),
        lambda running: running.cache.command("DEL", _lock(running)),
    ),
    (
        "redis-save-failed",
        "Redis cannot save its data",
        {"redis-persistence@cache": "WARNING"},
        _failing_save,
        _working_save,
    ),
    (
        "redis-open",
        "Redis lets everybody in, with any password or none",
        # the application's own password is refused now, as there is none
        {
            "redis-guarded@cache": "CRITICAL",
            **all_in("CRITICAL", (f"{check}@{name}" for name in NAMES for check in _NEEDING_REDIS)),
            **all_in("WARNING", (f"api-health-discreet@{name}" for name in NAMES)),
            **all_in("UNKNOWN", (f"api-detailed-agreement@{name}" for name in NAMES)),
        },
        lambda running: running.cache.command("ACL", "SETUSER", "default", "nopass"),
        lambda running: running.cache.command("ACL", "SETUSER", "default", "resetpass", f">{running.cache.password}"),
    ),
    ("redis-evicted", "Redis had to evict keys", {"redis-evictions@cache": "WARNING"}, _evict, _nothing),
    (
        "redis-rejected",
        "Redis had no connection for a client",
        {"redis-connections-rejected@cache": "WARNING"},
        _reject,
        _nothing,
    ),
    (
        "redis-dawdles",
        "Redis took long for many commands",
        {"redis-slow-commands@cache": "WARNING"},
        _dawdle,
        lambda running: running.cache.command("SLOWLOG", "RESET"),
    ),
    (
        "redis-full",
        "Redis is full and may evict nothing: it answers PING and refuses writes",
        {
            "redis-takes-writes@cache": "CRITICAL",
            "redis-writes-refused@cache": "WARNING",
            "capacity-redis-memory@cache": "CRITICAL",
            "emergency-mode@cache": "WARNING",
        },
        _fill,
        _config(maxmemory=redis.MAXMEMORY, maxmemory_policy=redis.POLICY),
    ),
    (
        "redis-fragmented",
        "the process of Redis takes twice the memory of its data",
        {"redis-fragmentation@cache": "WARNING"},
        _fragment,
        _defragment,
    ),
    ("redis-restarted", "Redis was restarted", {"redis-restarted@cache": "WARNING"}, _restart, _nothing),
    (
        "emergency-read-only",
        "emergency mode was left on: the application is read-only",
        {"emergency-mode@cache": "CRITICAL"},
        lambda running: running.cache.command("SET", "penhas:read_only_mode", 1),
        lambda running: running.cache.command("DEL", "penhas:read_only_mode"),
    ),
    (
        "emergency-policy",
        "emergency mode left its maxmemory-policy behind",
        {"emergency-mode@cache": "WARNING"},
        _config(maxmemory_policy="allkeys-lru"),
        _config(maxmemory_policy=redis.POLICY),
    ),
):
    register(Fault(_name, _what, ("redis", "api"), _expect, _break, _mend))
