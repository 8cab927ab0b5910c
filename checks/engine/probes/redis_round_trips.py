"""How long a round trip to Redis takes: a few PINGs, one after another on one connection."""

import math
import time
from typing import Any

from checks.engine.readings.redis import RedisLatency

_PINGS = 11


def look(made: Any) -> RedisLatency:
    """Return the round trips on an open connection: the way there and back, and the server's own work between."""
    trips = []
    for _ in range(_PINGS):
        started = time.monotonic()
        made.send_packed_command(made.pack_commands([("PING",)]))
        made.read_response(disconnect_on_error=False)
        trips.append(time.monotonic() - started)
    trips.sort()
    return RedisLatency(
        p90=trips[math.ceil(0.9 * _PINGS) - 1],
        median=trips[_PINGS // 2],
        longest=trips[-1],
        pings=_PINGS,
        source=f"{_PINGS} PINGs",
        sampled_at=time.time(),
    )
