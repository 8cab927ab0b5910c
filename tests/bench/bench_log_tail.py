"""The last minutes of a log of 2 GB: how long they take, and what they take of memory."""

import json
import sys
import tempfile
import time
from pathlib import Path

from lab.client import Lab
from tests.bench.frame import Row, at_most, bench, median, shown

BYTES = 2 << 30
DAY = 86400
_ENTRY = (
    '{stamp},123 [INFO] Penhas.Controller - {{"timestamp":1,"level":"info","message":"request","request_id":"0a1b2c3d",'
    '"user_id":7,"endpoint":"/pontos-de-apoio","method":"GET","ip":"203.0.113.7"}}\n'
    "{stamp},456 [DEBUG] Penhas.Controller - cache de tags renovado em 12 ms para a pagina 3 de 7\n"
)


@bench("log-tail")
def log_tail(_lab: Lab) -> list[Row]:
    """Return seconds and memory of reading the last 15 minutes of a day's log of 2 GB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "app.log"
        _write(path)
        found = json.loads(median([sys.executable, "-m", "tests.bench.read_tail", str(path)], {}, times=5).output)
        naive = json.loads(
            median([sys.executable, "-m", "tests.bench.read_tail", str(path), "--naive"], {}, times=1).output
        )
    return [
        at_most("log-tail-seconds", found["seconds"], "s", 0.5),
        at_most("log-tail-memory", found["megabytes"], "MB", 50),
        shown("log-tail-read", found["read"] / 2**20, "MiB"),
        shown("log-tail-entries", found["entries"], "entries"),
        shown("log-tail-whole-file-seconds", naive["seconds"], "s"),
    ]


def _write(path: Path) -> None:
    """Write a day's log that ends now: as many lines in each second as make 2 GB."""
    stamp = b"2026-01-01 00:00:00"
    one = _ENTRY.format(stamp=stamp.decode()).encode()
    second = one * (BYTES // DAY // len(one))
    now = int(time.time())
    with path.open("wb", buffering=1 << 20) as file:
        for moment in range(now - DAY, now):
            file.write(second.replace(stamp, time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment)).encode()))
