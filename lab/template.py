"""The cached template: a seeded cluster and its buckets with backups, made thrice a day and copied at every start."""

import contextlib
import datetime
import hashlib
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from lab import postgresql, redis, s3
from lab.credentials import Credentials
from lab.postgresql import Binaries, Cluster
from lab.processes import Launcher, never_root
from lab.state import REPOSITORY, cache_folder

if TYPE_CHECKING:
    from lab import seed

_SOURCES = (
    "lab/seed",
    "lab/marked.py",
    "lab/template.py",
    "lab/postgresql.py",
    "checks/environments/grants",
    # The backups in it are taken by these.
    "checks/engine/probes/backup/manifest.py",
    "checks/engine/probes/backup/structure.py",
    "checks/engine/probes/backup/structure.sql",
    "checks/engine/probes/backup/sums.py",
)
_KEEP = 4


def key(binaries: Binaries, flavour: str) -> str:
    """Return what names the template: whatever goes into it, and the third of the day, which bounds its age.

    Its newest backup is never older than half a day, and the one before always older than a backup may be.
    """
    digest = hashlib.sha256(f"{binaries.folder} {binaries.version} {redis.find()} {never_root()}".encode())
    for source in _SOURCES:
        path = REPOSITORY / source
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file() and p.suffix != ".pyc")
        for file in files:
            digest.update(f"{file.relative_to(REPOSITORY)}\0".encode() + file.read_bytes())
    now = datetime.datetime.now(datetime.UTC)
    third = f"{now:%Y%m%d}{'abc'[now.hour // 8]}"
    return f"{flavour}-{binaries.kind}{binaries.major}-{third}-{digest.hexdigest()[:16]}"


def fetch(name: str, data: Path) -> bool:
    """Copy the template into `data`; False when there is none."""
    template = cache_folder() / name
    if not template.is_dir():
        return False
    template.touch()
    _copy(template, data)
    return True


def build(launcher: Launcher, binaries: Binaries, primary: Cluster, store: s3.S3, flavour: str) -> None:
    """Make the cluster and the buckets in the lab's own data folder, seeded; everything is stopped again."""
    from lab.seed import seed  # noqa: PLC0415 (it brings boto3, which costs more than the rest of a start)

    credentials = Credentials()
    postgresql.make(launcher, binaries, primary)
    cache = redis.Redis(launcher.data / "redis", credentials.redis_application)
    try:
        postgresql.start(launcher, binaries, primary)
        redis.start(launcher, cache, credentials)
        s3.start(launcher, store, s3.pairs(credentials))
        postgresql.create(primary)
        seed(
            primary.dsn(postgresql.OWNER),
            cache.url,
            settings(store, credentials),
            flavour,
            binaries.folder,
            when_made=lambda: postgresql.grant(primary),
        )
    finally:
        for process in (cache.process, store.process):
            if process is not None:
                process.stop()
        postgresql.stop(primary)
    shutil.rmtree(cache.folder)


def settings(store: s3.S3, credentials: Credentials) -> "seed.S3Settings":
    """Return how the application reaches the buckets directly, as the seed wants it."""
    from lab.seed import S3Settings  # noqa: PLC0415 (the same)

    return S3Settings(
        endpoint=store.endpoint,
        region=s3.REGION,
        access_key=credentials.internal_key,
        secret_key=credentials.internal_secret,
        media_bucket=s3.MEDIA,
        backup_bucket=s3.BACKUPS,
    )


def keep(name: str, parts: tuple[Path, ...]) -> None:
    """Copy `parts` into the cache as the template called `name`, and forget the oldest ones."""
    cache = cache_folder()
    temporary = cache / f".{name}.{secrets.token_hex(4)}"
    temporary.mkdir(mode=0o700)
    for part in parts:
        _copy(part, temporary / part.name)
    with contextlib.suppress(OSError):  # another lab was quicker
        temporary.rename(cache / name)
    shutil.rmtree(temporary, ignore_errors=True)
    templates = sorted((p for p in cache.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in templates[_KEEP:]:
        shutil.rmtree(old, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    target.mkdir(mode=0o700, exist_ok=True)
    subprocess.run(["cp", "-a", f"{source}/.", target], check=True, capture_output=True)
