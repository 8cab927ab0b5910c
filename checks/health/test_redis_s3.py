"""Health of Redis and of the media bucket, asked from here and not only through the API."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.redis import RedisConnection, RedisServer
from checks.engine.readings.s3 import S3Connection


@pytest.mark.convergent
@pytest.mark.guide("health.redis")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_redis_connection(redis_connection: RedisConnection, judged: Judge) -> None:
    """The server answers PING."""
    if not redis_connection.reachable:
        judged.critical(redis_connection.problem)
    judged.ok(f"answers in {redis_connection.seconds * 1000:.0f} ms")


@pytest.mark.convergent
@pytest.mark.guide("health.redis")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_redis_is_master(redis_server: RedisServer, judged: Judge) -> None:
    """The server has loaded its data and is the master that it should be."""
    if redis_server.loading:
        judged.critical("is still loading its data: commands are refused until it is done")
    if redis_server.role != "master":
        judged.critical("is a replica: every write of the application is refused")
    judged.ok("is a master and has loaded its data")


@pytest.mark.convergent
@pytest.mark.guide("health.s3")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_s3_connection(s3_connection: S3Connection, judged: Judge) -> None:
    """HeadBucket succeeds: the bucket is there, and ours."""
    if not s3_connection.reachable:
        judged.critical(s3_connection.problem)
    judged.ok(f"answers in {s3_connection.seconds * 1000:.0f} ms")
