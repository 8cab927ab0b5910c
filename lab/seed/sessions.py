"""Redis: session keys, whose names are bearer tokens, and a few caches; each with a time to live."""

import json
from random import Random

import redis

from lab import marked
from lab.seed.rhythm import DAY, HOUR

_SESSIONS = 180


def session_prefix(flavour: str) -> str:
    """Return what the application puts before a session's id."""
    return "penhas:CaS:" if flavour == "guide" else "CaS:"


def sessions(redis_url: str, flavour: str) -> None:
    """Write the keys, or renew those that stand."""
    prefix, rng = session_prefix(flavour), Random("sessions")
    client = redis.Redis.from_url(redis_url, socket_timeout=10, socket_connect_timeout=5)
    with client, client.pipeline(transaction=False) as pipeline:
        for number in range(1, _SESSIONS + 1):
            key = prefix + marked.word("sessao", f"{rng.getrandbits(96):024x}")
            value = {"id": number, "nome": marked.full_name(number), "ip": marked.address(number)}
            pipeline.set(key, json.dumps(value), ex=int(rng.uniform(2 * DAY, 14 * DAY)))
        root = prefix.removesuffix("CaS:")
        for name in ("tags", "categorias", "faq"):
            pipeline.set(f"{root}cache:{name}", json.dumps([name] * 20), ex=int(2 * DAY + HOUR))
        pipeline.execute()
