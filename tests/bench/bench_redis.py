"""Session keys without a time to live: the guide's way starts a process a key, ours asks for many at once."""

import resource
import shutil
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from checks.engine.environment import Environment
from checks.engine.model import Target
from checks.engine.probes import redis as probe
from checks.engine.readings.redis import RedisKeys
from lab.client import Lab
from tests.bench.frame import Row, at_least, at_most, bench, shown
from tests.probes.context import Kept
from tests.services.servers import SECRET, Redis, redis

FEW, MANY = 100_000, 1_000_000
SAMPLE = 300  # keys for which the guide's way is really run; it takes the same time for each
BUDGET = 60.0
_AT_ONCE = 10_000


@bench("redis-keys")
def redis_keys(_: Lab) -> list[Row]:
    """Return the ratio at a hundred thousand keys, and time, memory and others' latency at a million."""
    with redis() as server:
        _fill(server, 0, FEW)
        ours = _read(server, BUDGET, 10_000_000)
        ratio = _guides_way(server) * FEW / ours.seconds
        _fill(server, FEW, MANY)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        idle = _Others(server.port).during(lambda: time.sleep(3))
        busy = _Others(server.port)
        found: list[RedisKeys] = []
        latency = busy.during(lambda: found.append(_read(server, BUDGET, 50_000)))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    share = 100 * found[0].sessions / MANY if found[0].complete else 0.0  # a search that was cut short shows nothing
    return [
        shown("keys at 100,000", ours.seconds, "s"),
        at_least("redis-cli/keys-without-ttl", ratio, "times", 100),
        shown("keys at 1,000,000", found[0].seconds, "s"),
        at_least(f"share seen of 1,000,000 within {BUDGET:.0f} s", share, "%", 100),
        at_most("memory that a million keys take", (after - before) / 1024, "MiB", 20),
        shown("others' PING meanwhile, median", latency * 1000, "ms"),
        shown("others' PING without us, median", idle * 1000, "ms"),
    ]


def _fill(server: Redis, first: int, last: int) -> None:
    for start in range(first, last, _AT_ONCE):
        server.send(*(("SET", f"penhas:CaS:{n:024x}", 1, "EX", 99999) for n in range(start, start + _AT_ONCE)))


def _read(server: Redis, seconds: float, per_second: int) -> RedisKeys:
    table = {"targets": [{"name": "cache", "env": "PENHAS_CHECKS_REDIS"}], "keys_seconds": seconds}
    environment = Environment.model_validate({"name": "bench", "redis": {**table, "keys_per_second": per_second}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENHAS_CHECKS_REDIS", server.url)
        kept = Kept(environment, Target("redis", "cache"), ("redis_keys",), seconds=seconds + 5)
        probe.read(kept)
    found = kept.outcomes["redis_keys"]
    if not isinstance(found, RedisKeys):
        raise TypeError(type(found).__name__)
    return found


def _guides_way(server: Redis) -> float:
    """Return the seconds that the guide's loop takes for one key; 0, for which no ratio suffices, without redis-cli."""
    client = shutil.which("redis-cli")
    if client is None:
        return 0.0
    base = [client, "-p", str(server.port), "--user", "default", "--no-auth-warning"]
    started = time.monotonic()
    for number in range(SAMPLE):
        key = f"penhas:CaS:{number:024x}"
        subprocess.run([*base, "TTL", key], env={"REDISCLI_AUTH": SECRET}, capture_output=True, check=True)
    return (time.monotonic() - started) / SAMPLE


@dataclass(slots=True)
class _Others:
    """Another client of the same server, which asks it something all the time."""

    port: int
    times: list[float] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def during(self, work: Callable[[], object]) -> float:
        """Return the median answer while `work` is done."""
        thread = threading.Thread(target=self._ask, daemon=True)
        thread.start()

        work()
        self._stopped.set()
        thread.join(5)
        return statistics.median(self.times)

    def _ask(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), 5) as talk:
            talk.sendall(f"AUTH {SECRET}\r\n".encode())
            talk.recv(100)
            while not self._stopped.is_set():
                started = time.monotonic()
                talk.sendall(b"PING\r\n")
                talk.recv(100)
                self.times.append(time.monotonic() - started)
                time.sleep(0.01)
