"""Session keys without a time to live are found within the budget, and none of their names is kept."""

import time
from collections.abc import Iterator

import pytest

from checks.emergency import test_emergency as emergency
from checks.engine.environment import Environment
from checks.engine.model import NotJudged, ProbeError, Reading, Target
from checks.engine.probes import redis as probe
from checks.engine.probes.redis_info import elsewhere
from checks.engine.readings.redis import (
    RedisConnection,
    RedisCounters,
    RedisExposure,
    RedisKeys,
    RedisLock,
    RedisPersistence,
    RedisWrites,
)
from checks.maintenance import test_redis as upkeep
from tests.probes.context import Kept
from tests.services.saying import says
from tests.services.servers import SECRET, Redis, redis

KEYS = 20000
IMMORTAL = 7
MARK = "MARCADA-SESSAO"


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with redis() as started:
        expiring = [("SET", f"penhas:CaS:{MARK}-{n}", "x", "EX", 9999) for n in range(KEYS - IMMORTAL)]
        started.send(*expiring, *(("SET", f"penhas:CaS:{MARK}-i{n}", "x") for n in range(IMMORTAL)))
        started.send(*(("SET", f"other:{n}", "x") for n in range(100)))
        yield started


def read(
    server: Redis, *names: str, url: str = "", settings: dict[str, object] | None = None
) -> dict[str, Reading | ProbeError | NotJudged]:
    table = {"targets": [{"name": "cache", "env": "PENHAS_CHECKS_REDIS"}], **(settings or {})}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENHAS_CHECKS_REDIS", url or server.url)
        kept = Kept(Environment.model_validate({"name": "t", "redis": table}), Target("redis", "cache"), names)
        probe.read(kept)
    assert MARK not in repr(kept.outcomes)
    return kept.outcomes


def keys(server: Redis, **settings: object) -> RedisKeys:
    found = read(server, "redis_connection", "redis_keys", settings=settings)["redis_keys"]
    assert isinstance(found, RedisKeys), found
    return found


def test_every_immortal_key_is_counted(server: Redis) -> None:
    found = keys(server, keys_per_second=1000000)

    assert (found.complete, found.keys, found.seen) == (True, KEYS + 100, KEYS + 100)
    assert (found.sessions, found.without_ttl) == (KEYS, IMMORTAL)


def test_a_search_ends_with_its_time(server: Redis) -> None:
    found = keys(server, keys_seconds=0.3, keys_per_second=5000)

    assert not found.complete
    assert found.seconds < 1
    assert 0 < found.sessions < KEYS


def test_no_more_commands_a_second_than_allowed(server: Redis) -> None:
    started = time.monotonic()

    found = keys(server, keys_seconds=1.0, keys_per_second=4000)

    assert found.sessions / (time.monotonic() - started) < 4600


def test_what_other_prefixes_hold_does_not_count(server: Redis) -> None:
    found = keys(server, session_prefix="nothing:")

    assert found.sessions == 0
    assert says(upkeep.test_redis_keys_expire, found)[0].value == "not judged"


@pytest.mark.parametrize(("database", "state"), [("0", "OK"), ("5", "not judged")])
def test_nothing_is_concluded_from_a_database_that_nobody_uses(server: Redis, database: str, state: str) -> None:
    """Emergency mode and the lock are not off because a database that is empty beside a full one does not name them."""
    url = server.url.removesuffix("0") + database
    found = read(server, "redis_lock", "redis_emergency", url=url, settings={"lock_key": "no-such-lock"})

    assert says(emergency.test_emergency_mode, found["redis_emergency"])[0].value == state
    assert isinstance(found["redis_lock"], RedisLock if state == "OK" else NotJudged)


def test_in_a_server_without_any_key_emergency_mode_is_off() -> None:
    assert not elsewhere({}, 0)
    assert not elsewhere({"db0": "keys=1", "db5": "keys=1"}, 5)
    assert elsewhere({"db0": "keys=1"}, 5)


def test_an_empty_namespace_is_a_prefix_too(server: Redis) -> None:
    found = keys(server, session_prefix="", keys_per_second=1000000)

    assert (found.sessions, found.without_ttl) == (KEYS + 100, IMMORTAL + 100)


def test_a_prefix_is_no_pattern(server: Redis) -> None:
    assert keys(server, session_prefix="penhas:[C]aS:").sessions == 0


def test_another_database_is_looked_at_where_the_url_names_one(server: Redis) -> None:
    outcomes = read(server, "redis_keys", url=server.url.removesuffix("0") + "1")

    found = outcomes["redis_keys"]
    assert isinstance(found, RedisKeys)
    assert found.keys == 0


@pytest.mark.parametrize(
    ("default", "state"),
    [
        (f">{SECRET} on", "OK"),
        ("nopass off", "OK"),
        ("nopass", "CRITICAL"),
        ("nopass -ping", "CRITICAL"),
        ("nopass -@all +scan", "CRITICAL"),
        ("nopass -@all +get", "CRITICAL"),
        ("nopass -@all", "WARNING"),
    ],
)
@pytest.mark.parametrize("database", ["0", "5"])
def test_who_gives_no_password_is_refused(server: Redis, default: str, state: str, database: str) -> None:
    """NOPERM is no refusal: it is said to one who is let in, and may do something else."""
    boss = ("AUTH", "boss", SECRET)
    server.send(("ACL", "SETUSER", "boss", "on", f">{SECRET}", "+@all"))
    server.send(boss, ("ACL", "SETUSER", "default", *default.split()))
    try:
        url = server.url.removesuffix("0") + database
        found = read(server, "redis_connection", "redis_exposure", url=url)["redis_exposure"]
    finally:
        server.send(boss, ("ACL", "SETUSER", "default", "resetpass", f">{SECRET}", "on", "+@all"))

    assert isinstance(found, RedisExposure)
    assert says(upkeep.test_redis_guarded, found)[0].value == state


@pytest.mark.parametrize(("command", "left"), [(("SET", "lock", 1, "EX", 50), 50), (("SET", "lock", 1), float("inf"))])
def test_the_lock_says_how_long_it_holds(server: Redis, command: tuple[str | int, ...], left: float) -> None:
    server.send(command)

    found = read(server, "redis_lock", settings={"lock_key": "lock"})["redis_lock"]

    assert isinstance(found, RedisLock)
    assert found.expires_in == pytest.approx(left, abs=2)


def test_a_lock_that_nobody_holds(server: Redis) -> None:
    found = read(server, "redis_lock", settings={"lock_key": "no-such-lock"})["redis_lock"]

    assert isinstance(found, RedisLock)
    assert found.expires_in is None


def test_full_and_nothing_to_evict_is_seen_though_ping_is_answered() -> None:
    with redis("maxmemory 900kb", "maxmemory-policy noeviction") as full:
        outcomes = read(full, "redis_connection", "redis_writes")

    connection, writes = outcomes["redis_connection"], outcomes["redis_writes"]
    assert isinstance(connection, RedisConnection)
    assert isinstance(writes, RedisWrites)
    assert connection.reachable
    assert writes.used >= writes.maxmemory
    assert writes.evictable == 0


def test_writes_that_are_refused_for_want_of_replicas_are_seen() -> None:
    with redis("min-replicas-to-write 1") as alone:
        alone.send(("SET", "a", 1), ("SET", "a", 2))
        outcomes = read(alone, "redis_connection", "redis_writes", "redis_counters")

    writes, counters = outcomes["redis_writes"], outcomes["redis_counters"]
    assert isinstance(writes, RedisWrites)
    assert isinstance(counters, RedisCounters)
    assert (writes.good_replicas, counters.refused) == (0, 2)


def test_what_was_never_saved_is_not_told_to_be(server: Redis) -> None:
    found = read(server, "redis_connection", "redis_persistence", settings={"persistent": True})["redis_persistence"]

    assert isinstance(found, RedisPersistence)
    assert (found.saved, found.changes >= KEYS, found.save_age < 600) == (False, True, True)
    assert says(upkeep.test_redis_persistence, found)[0].value == "not judged"
