"""Probes that do as a test says, in the place of those that the reader would find."""

import sys
import threading
import time
import types
from collections.abc import Callable

import pytest

from checks.engine.model import Reading, Target
from checks.engine.probes import Context
from checks.engine.readings.api import ApiConnection
from checks.engine.readings.postgresql import PostgresqlConnection
from checks.engine.readings.redis import RedisConnection


def connection(context: Context) -> None:
    """Be a probe that finds its target well and knows nothing else."""
    made = {"source": "made", "sampled_at": time.time(), "reachable": True}
    kinds: dict[str, type[Reading]] = {
        "api": ApiConnection, "redis": RedisConnection, "postgresql": PostgresqlConnection,
    }  # fmt: skip
    for name in context.names:
        if name.endswith("_connection"):
            context.settle(name, kinds[context.target.service](**made))  # type: ignore[arg-type]


class Probes:
    """The probes that the reader finds, by service, and what they were asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.asked: list[tuple[Target, tuple[str, ...]]] = []
        self.hangs = threading.Event()
        for service in ("api", "redis", "postgresql", "host"):
            self.set(service, connection)

    def set(self, service: str, read: Callable[[Context], None]) -> None:
        """Let `read` be the probe of a service."""

        def noted(context: Context) -> None:
            self.asked.append((context.target, context.names))
            read(context)

        module = types.ModuleType(service)
        module.read = noted  # type: ignore[attr-defined]
        self._monkeypatch.setitem(sys.modules, f"checks.engine.probes.{service}", module)

    def hang(self, _context: Context) -> None:
        """Never come back, until the test is over."""
        self.hangs.wait(60)
