"""GET /health: what the guide's literal does, error text of the drivers included."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import psycopg

from lab.api.bucket import Bucket, BucketError
from lab.api.control import Control
from lab.api.database import Database
from lab.api.keyvalue import Redis, RedisError

_LONGEST = 300


class Health:
    """Asks the three services at the same time, each with a time limit of its own."""

    def __init__(self, database: Database, dsn: str, redis: Redis, redis_url: str, bucket: Bucket) -> None:
        self._pings: dict[str, tuple[Callable[[], None], str]] = {
            "database": (database.ping, dsn),
            "redis": (redis.ping, redis_url),
            "s3": (bucket.head, bucket.endpoint),
        }
        self._pool = ThreadPoolExecutor(max_workers=9, thread_name_prefix="health")

    def answer(self, control: Control, version: str) -> tuple[int, dict[str, object]]:
        """Return the HTTP status and the document."""
        pings = {name: self._pool.submit(_ask, *ping) for name, ping in self._pings.items()}
        checks = {name: future.result() for name, future in pings.items()} | control.health_claims
        degraded = any("error" in value for value in checks.values())
        document: dict[str, object] = {
            "status": "degraded" if degraded else "ok",
            "timestamp": int(time.time() + control.clock_offset),
            "version": version if control.version is None else control.version,
            "checks": checks,
        }
        status = 503 if degraded else 200
        return (status if control.health_status is None else control.health_status), document


def _ask(ping: Callable[[], None], where: str) -> str:
    """Return 'ok', or what the guide's code returns: the error's own text, here with all that a driver ever quotes."""
    try:
        ping()
    except (psycopg.Error, OSError, HTTPException, RedisError, BucketError, ValueError) as error:
        return f"error: {type(error).__name__} at {where}: {error}"[:_LONGEST]
    return "ok"
