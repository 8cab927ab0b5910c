"""Backups made for the tests: real dumps, and manifests with chosen words."""

import os
import struct
import time
from dataclasses import replace
from pathlib import Path

from checks.engine.probes.backup import manifest as manifests
from checks.engine.probes.backup.manifest import Manifest, ManifestFile, TableSum
from tests.backup.servers import Source

SEED = b"a seed of the tests"
DAY = 86400.0


def archive(server: Source, database: str, *options: str) -> bytes:
    """Return a custom-format dump."""
    done = server.program("pg_dump", "--format=custom", *options, database)
    assert done.returncode == 0, done.stderr
    return done.stdout


def dated(data: bytes, at: float) -> bytes:
    """Return an archive whose header says that it was written at the Unix time `at`, in UTC."""
    start = 11 + (1 if data[6] >= 15 else 5)
    moment = time.gmtime(at)
    clock = (moment.tm_sec, moment.tm_min, moment.tm_hour, moment.tm_mday, moment.tm_mon - 1, moment.tm_year - 1900, 0)
    return data[:start] + b"".join(struct.pack("<BI", 0, part) for part in clock) + data[start + 35 :]


def days(folder: Path, data: bytes, now: float, ages: tuple[float, ...]) -> None:
    """Write one dump for each age in days, all of them with the file time of this moment."""
    for age in ages:
        (folder / f"penhas-{age:g}.dump").write_bytes(dated(data, now - age * DAY))


def manifest(name: str, data: bytes, at: float, *, database: str = "penhas", sha256: str = "") -> Manifest:
    """Return a manifest of `data` taken at `at`."""
    file = ManifestFile("dump", f"{name}.dump", "custom", "gzip", "", len(data), sha256, len(data), sha256)
    return Manifest(
        schema=manifests.SCHEMA,
        name=name,
        program="a test",
        database=database,
        databases=(database,),
        started=at,
        snapshot_at=at,
        finished=at,
        dump_seconds=1.0,
        files=(file,),
        server_version="15.0",
        server_version_num=150000,
        dump_version="15.0",
        system_identifier="1",
        in_recovery=False,
        last_replay_at=None,
        lsn="0/0",
        database_bytes=1,
        command=(),
        roles=(),
        tables=(TableSum("public.a", 3, "1"),),
        large_objects=0,
        large_objects_sum="0",
        seed_fingerprint=manifests.fingerprint(SEED),
        structure={},
    )


def commit(folder: Path, own: Manifest, seed: bytes = SEED) -> None:
    """Write a manifest beside its dump."""
    (folder / f"{own.name}{manifests.SUFFIX}").write_bytes(manifests.write(own, seed))


def from_replica(own: Manifest, behind: float) -> Manifest:
    """Return a manifest that says that a replica was dumped, so many seconds behind."""
    return replace(own, in_recovery=True, last_replay_at=own.snapshot_at - behind)


def touch(path: Path, at: float) -> None:
    """Set the time of a file, which proves nothing."""
    os.utime(path, (at, at))
