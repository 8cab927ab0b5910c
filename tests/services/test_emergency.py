"""Emergency mode: on purpose until its end is a WARNING, left on is CRITICAL."""

import time

import pytest

from checks.emergency import test_emergency as emergency
from checks.engine.model import State
from checks.engine.readings.minion import MinionQueue
from checks.engine.readings.redis import RedisEmergency
from tests.services.saying import says

HOUR = 3600.0


def reading(**changes: object) -> RedisEmergency:
    values: dict[str, object] = {"read_only": False, "policy": "volatile-lru", "expected_policy": "volatile-lru"}
    return RedisEmergency(**{**values, "until": None, **changes}, source="t", sampled_at=0.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "state", "text"),
    [
        ({}, State.OK, "is off"),
        ({"expected_policy": None, "policy": "allkeys-lru"}, State.OK, "is off"),
        ({"astray": True}, State.NOT_JUDGED, "is empty"),
        ({"astray": True, "policy": "allkeys-lru"}, State.WARNING, "maxmemory-policy is allkeys-lru"),
        ({"policy": "allkeys-lru"}, State.WARNING, "maxmemory-policy is allkeys-lru, not volatile-lru"),
        ({"read_only": True}, State.CRITICAL, "the application is read-only: left on?"),
        ({"read_only": True, "until": time.time() + HOUR}, State.WARNING, "on purpose, for another"),
        ({"read_only": True, "until": time.time() - 1}, State.CRITICAL, "it should have ended"),
        ({"policy": "noeviction", "until": time.time() - 1}, State.CRITICAL, "it should have ended"),
    ],
)
def test_emergency(changes: dict[str, object], state: State, text: str) -> None:
    found, said = says(emergency.test_emergency_mode, reading(**changes))

    assert found is state
    assert text in said


@pytest.mark.parametrize(
    ("changes", "workers", "state", "text"),
    [
        ({}, 0, State.OK, "has not stopped"),
        ({"astray": True}, 0, State.NOT_JUDGED, "is empty"),
        ({"read_only": True}, 1, State.OK, "has not stopped"),
        ({"read_only": True}, 0, State.WARNING, "start penhas-minion when it ends"),
        ({"read_only": True, "until": time.time() + HOUR}, 0, State.WARNING, "on purpose, for another"),
        ({"read_only": True, "until": time.time() - 1}, 0, State.CRITICAL, "it should have ended"),
    ],
)
def test_workers_that_emergency_mode_stopped(changes: dict[str, object], workers: int, state: State, text: str) -> None:
    counts = {"ready": 0, "oldest_ready": 0.0, "inactive": 0, "delayed": 0, "active": 0, "failed": 0}
    queue = MinionQueue(**counts, workers=workers, source="t", sampled_at=0.0)  # type: ignore[arg-type]
    found, said = says(emergency.test_emergency_mode_workers, reading(**changes), queue)

    assert found is state
    assert text in said
