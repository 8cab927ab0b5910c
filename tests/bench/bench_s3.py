"""The sample of recordings in a bucket of a hundred thousand objects: only their own places are listed."""

import shutil
import tempfile
import time
from pathlib import Path

import pytest

from checks.engine.environment import Environment
from checks.engine.model import Target
from checks.engine.probes import media_sample
from checks.engine.probes import s3 as probe
from checks.engine.readings.application import ApplicationMedia
from checks.engine.readings.s3 import S3Objects
from lab import s3
from lab.client import Lab
from lab.processes import Launcher
from tests.bench.frame import Row, at_most, bench
from tests.probes.context import Kept

OBJECTS, DAYS, SAMPLE = 100_000, 180, 20
KEY, SECRET = "penhaschecksbench", "penhaschecksbenchsecret"


@bench("s3-sample")
def s3_sample(_: Lab) -> list[Row]:
    """Return how long the sample takes in a large bucket, and in one that holds nothing else."""
    return [
        at_most(f"sample of {SAMPLE} among {OBJECTS:,}", _seconds(OBJECTS), "s", 5),
        at_most(f"sample of {SAMPLE} among {SAMPLE}", _seconds(SAMPLE), "s", 5),
    ]


def _seconds(objects: int) -> float:
    memory = Path("/dev/shm")  # noqa: S108 (only to be quick; the folder in it is new and ours)
    folder = Path(tempfile.mkdtemp(prefix="penhas-bench-", dir=memory if memory.is_dir() else None))
    (folder / "logs").mkdir()
    keys = [f"guardiao/2026/{n % DAYS:03d}/{n:032x}.m4a" for n in range(objects)]
    for key in keys:
        path = folder / s3.MEDIA / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    server = s3.S3(folder)
    try:
        s3.start(Launcher(folder), server, {KEY: SECRET})
        return _read(server.endpoint, keys[:: max(1, objects // SAMPLE)][:SAMPLE])
    finally:
        if server.process is not None:
            server.process.stop()
        shutil.rmtree(folder)


def _read(endpoint: str, sample: list[str]) -> float:
    secrets = {"access_key": {"env": "PENHAS_CHECKS_KEY"}, "secret_key": {"env": "PENHAS_CHECKS_SECRET"}}
    table = {
        "name": "bench",
        "s3": {"endpoint": endpoint, **secrets, "buckets": [{"name": "media", "bucket": s3.MEDIA}]},
        "postgresql": {"primary": {"name": "primary", "env": "PENHAS_CHECKS_DSN"}},
        "application": {},
    }
    media_sample.keep(tuple((key, 1) for key in sample))
    peers = {"application_media": ApplicationMedia(sampled=len(sample), source="bench", sampled_at=0.0)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENHAS_CHECKS_KEY", KEY)
        patch.setenv("PENHAS_CHECKS_SECRET", SECRET)
        names = ("s3_connection", "s3_objects")
        kept = Kept(Environment.model_validate(table), Target("s3", "media"), names, seconds=60, peers=dict(peers))
        started = time.monotonic()
        probe.read(kept)
        seconds = time.monotonic() - started
    found = kept.outcomes["s3_objects"]
    if not isinstance(found, S3Objects) or (found.missing, found.other_size) != (0, 0):
        raise RuntimeError(f"the sample was not found: {found}")
    return seconds
