"""Redis stays in order: sessions expire, saves succeed, replicas follow, nobody gets in without a password."""

import math

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.redis import (
    RedisExposure,
    RedisKeys,
    RedisLock,
    RedisPersistence,
    RedisReplicas,
    RedisWindow,
)

DAY = 86400.0


@pytest.mark.guide("maintenance.redis-keys")
@pytest.mark.profiles("nightly")
def test_redis_keys_expire(redis_keys: RedisKeys, judged: Judge) -> None:
    """Every session key has a time to live."""
    looked = f"{redis_keys.seen} of {redis_keys.keys} keys looked at in {redis_keys.seconds:.1f} s"
    if redis_keys.without_ttl > 0:
        text = f"{redis_keys.without_ttl} of {redis_keys.sessions} session keys never expire"
        judged.warning(text if redis_keys.complete else f"{text}, in the part that the budget let us see", (looked,))
    if not redis_keys.complete and redis_keys.sessions == 0:
        judged.not_judged("the budget let us see no session key: raise keys_seconds under [redis]", (looked,))
    if redis_keys.sessions == 0:
        judged.not_judged("no key begins with session_prefix: is the prefix, or the database, a wrong one?", (looked,))
    judged.ok(f"{redis_keys.sessions} session keys, each with a time to live", (looked,))


@pytest.mark.guide("maintenance.housekeeping")
@pytest.mark.profiles("nightly", "triage")
def test_redis_lock_expires(redis_lock: RedisLock, judged: Judge) -> None:
    """The lock of the notifications' job ends soon when its holder died."""
    if redis_lock.expires_in is None:
        judged.ok("nobody holds the lock")
        return
    if math.isinf(redis_lock.expires_in):
        judged.critical("the lock never expires: no notification is sent until somebody deletes it")
    judged(redis_lock.expires_in, unit="s", subject="the lock is held for", reading=redis_lock, above=(60, 120))


@pytest.mark.guide("health.redis")
@pytest.mark.profiles("nightly", "triage")
def test_redis_persistence(redis_persistence: RedisPersistence, judged: Judge) -> None:
    """The last save succeeded, and where data must outlive a restart it is recent."""
    if redis_persistence.save_failed or redis_persistence.aof_failed:
        text = "the last save failed: see the server's log, its disk and the rights on its folder"
        judged.critical(text) if redis_persistence.expected else judged.warning(text)
    age, changes = redis_persistence.save_age / DAY, redis_persistence.changes
    if not redis_persistence.expected:
        judged.ok("no save failed; none is due, as persistent is not set under [redis]")
    elif not redis_persistence.aof and changes > 0:
        if not redis_persistence.saved and age <= 1:
            judged.not_judged(f"nothing was saved since its start {age * 24:.1f} h ago; after a day that is a finding")
        subject = "last save" if redis_persistence.saved else "nothing was saved since its start:"
        judged(age, unit="d", subject=subject, reading=redis_persistence, above=(1, 2))
    else:
        judged.ok("everything is saved")


@pytest.mark.guide("health.redis")
@pytest.mark.profiles("nightly", "triage")
def test_redis_replicas(redis_replicas: RedisReplicas, judged: Judge) -> None:
    """As many replicas follow as should, each online and heard of lately."""
    if redis_replicas.online < redis_replicas.expected:
        judged.critical(f"{redis_replicas.online} replicas online, {redis_replicas.expected} expected")
    if redis_replicas.connected > redis_replicas.online:
        judged.warning(f"{redis_replicas.connected - redis_replicas.online} of its replicas are not online yet")
    judged(redis_replicas.behind, unit="s", subject="slowest replica heard of", reading=redis_replicas, above=(10, 60))


@pytest.mark.guide("health.redis")
@pytest.mark.profiles("nightly", "triage")
def test_redis_guarded(redis_exposure: RedisExposure, judged: Judge) -> None:
    """Nobody gets in without a password."""
    if redis_exposure.open:
        judged.critical("answers without a password: every session is open to whoever reaches its port")
    if redis_exposure.admits:
        judged.warning("lets in whoever gives no password, though it refused what we tried: turn the user default off")
    judged.ok("refuses whoever gives no password")


@pytest.mark.guide("health.redis")
@pytest.mark.profiles("nightly", "triage")
def test_redis_restarted(redis_window: RedisWindow, judged: Judge) -> None:
    """The server was not restarted since the reading before."""
    if redis_window.restarted:
        judged.warning(f"was restarted within the last {redis_window.over / 60:.0f} min: see its log for the reason")
    judged.ok("runs on since the reading before")
