"""Emergency mode: what it leaves behind, on purpose or by mistake. Every report says at its top what is found here.

That no worker lives stays CRITICAL in minion-workers-live, on purpose or not: until they are back no alert leaves, and
whoever accepts that says so with a waiver, which has an owner and an end.
"""

import time

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.minion import MinionQueue
from checks.engine.readings.redis import ASTRAY, RedisEmergency


@pytest.mark.guide("emergency.mode")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_emergency_mode(redis_emergency: RedisEmergency, judged: Judge) -> None:
    """The application is not read-only, and Redis evicts by the policy that was configured."""
    signs = []
    if redis_emergency.read_only:
        signs.append("the application is read-only")
    if redis_emergency.expected_policy not in {None, redis_emergency.policy}:
        signs.append(f"maxmemory-policy is {redis_emergency.policy}, not {redis_emergency.expected_policy}")
    if signs == [] and redis_emergency.astray:
        judged.not_judged(ASTRAY)
    if signs == []:
        judged.ok("is off")
        return
    text = f"{' and '.join(signs)}"
    if redis_emergency.until is not None and redis_emergency.until > time.time():
        left = (redis_emergency.until - time.time()) / 3600
        judged.warning(f"{text}: on purpose, for another {left:.1f} h (emergency.until)")
    if redis_emergency.until is not None:
        judged.critical(f"{text}: it should have ended (emergency.until has passed)")
    judged.critical(f"{text}: left on?") if redis_emergency.read_only else judged.warning(text)


@pytest.mark.guide("emergency.mode")
@pytest.mark.profiles("nightly", "triage")
def test_emergency_mode_workers(redis_emergency: RedisEmergency, minion_queue: MinionQueue, judged: Judge) -> None:
    """Emergency mode has not stopped the workers, but on purpose; without it that is minion-workers-live's to say."""
    if redis_emergency.astray:
        judged.not_judged(ASTRAY)
    if not redis_emergency.read_only or minion_queue.workers > 0:
        judged.ok("has not stopped the workers")
        return
    text = "emergency mode stopped the workers"
    if redis_emergency.until is None:
        judged.warning(f"{text}: start penhas-minion when it ends")
    left = (redis_emergency.until - time.time()) / 3600
    if left <= 0:
        judged.critical(f"{text}: it should have ended (emergency.until has passed). Start penhas-minion")
    judged.warning(f"{text}: on purpose, for another {left:.1f} h (emergency.until); until then nothing is sent")
