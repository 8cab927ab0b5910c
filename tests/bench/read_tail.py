"""`python -m tests.bench.read_tail FILE [--naive]`: read the end of a log, and say in JSON what that took."""

import json
import resource
import sys
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from checks.engine.environment.monitoring import Log
from checks.engine.probes.logs.tail import tail

_WINDOW = 900.0


def main(file: str, *, naive: bool) -> None:
    """Measure one reading; `naive` reads every line, as `grep` would, and counts those of the window."""
    log = Log.model_validate({"name": "app", "pattern": file, "layout": "guide", "structured": True})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    if naive:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() - _WINDOW)).encode()
        with Path(file).open("rb") as lines:
            entries, read = sum(line[:19] >= since for line in lines), Path(file).stat().st_size
    else:
        found = tail(log, ZoneInfo("UTC"), _WINDOW, time.monotonic() + 60, time.time())
        entries, read = found.entries, found.read
    seconds = time.perf_counter() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"seconds": seconds, "megabytes": grown / 1024, "entries": entries, "read": read}))


if __name__ == "__main__":
    main(sys.argv[1], naive="--naive" in sys.argv[2:])
