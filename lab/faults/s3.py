"""What goes wrong with the media bucket."""

import re
import time
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from lab import s3
from lab.api_processes import NAMES
from lab.faults.expect import BACKUP, S3, all_in, at, unreachable
from lab.faults.registry import Act, Fault, register
from lab.running import Running

SEEN_WITHIN = 0.25  # the server looks at its folders again after 0.1 s


def rename(bucket: str, name: str) -> Act:
    """Return an act that gives a bucket another name."""

    def act(running: Running) -> None:
        (running.store.folder / bucket).rename(running.store.folder / name)
        time.sleep(SEEN_WITHIN)

    return act


def _restart(running: Running, *, without: str | None = None) -> None:
    """Start the server again on its port, with one key fewer or with all."""
    assert running.store.process is not None  # noqa: S101 (for the type checker: it runs)
    running.store.process.stop()
    keys = {key: secret for key, secret in s3.pairs(running.credentials).items() if key != without}
    s3.start(running.launcher, running.store, keys, running.store.port)


def _late(answer: bytes) -> bytes:
    """Return an answer of HTTP with its Date seven minutes on; a date always takes as many bytes."""
    return re.sub(rb"(?<=\r\nDate: )[^\r]+", lambda found: _moved(found[0]), answer)


def _moved(date: bytes) -> bytes:
    return format_datetime(parsedate_to_datetime(date.decode()) + timedelta(minutes=7), usegmt=True).encode()


_AGREEMENT = tuple(f"api-agreement-s3@{name}" for name in NAMES)

register(
    Fault(
        "s3-bucket-missing",
        "the media bucket is not there, for the application either",
        ("s3", "api"),
        {
            **unreachable("s3-connection@media", S3),
            **all_in("CRITICAL", (f"api-health@{name}" for name in NAMES)),
            **all_in("WARNING", (f"api-health-discreet@{name}" for name in NAMES)),
        },
        rename(s3.MEDIA, "elsewhere"),
        rename("elsewhere", s3.MEDIA),
    )
)
register(
    Fault(
        "s3-key-wrong",
        "the key that we were given does not open the media bucket",
        ("s3", "api"),
        all_in("UNKNOWN", ("s3-connection@media", *S3, *_AGREEMENT)),
        lambda running: _restart(running, without=running.credentials.media_key),
        _restart,
    )
)
register(
    Fault(
        "backup-key-wrong",
        "the key that we were given does not open the backups",
        ("backup",),
        all_in("UNKNOWN", at("postgresql", ("backup-connection", *BACKUP))),
        lambda running: _restart(running, without=running.credentials.backup_key),
        _restart,
    )
)


def _newest(running: Running) -> Path:
    """Return the object of the newest recording."""
    address = running.primary.value("SELECT s3_path FROM media_upload ORDER BY created_at DESC LIMIT 1")
    return running.store.folder / s3.MEDIA / urlsplit(str(address)).path.lstrip("/")


def _aside(running: Running) -> None:
    running.kept["s3-object"] = (_newest(running), _newest(running).read_bytes())


def _lose(running: Running) -> None:
    _aside(running)
    _newest(running).unlink()
    time.sleep(SEEN_WITHIN)


def _cut(running: Running) -> None:
    _aside(running)
    path, body = running.kept["s3-object"]
    path.write_bytes(body[: len(body) // 2])
    time.sleep(SEEN_WITHIN)


def _bring_back(running: Running) -> None:
    path, body = running.kept.pop("s3-object")
    path.parent.mkdir(parents=True, exist_ok=True)  # an empty folder is no folder in a bucket
    path.write_bytes(body)
    time.sleep(SEEN_WITHIN)


for _name, _what, _break in (
    ("s3-object-lost", "the object of the newest recording is not in the bucket", _lose),
    ("s3-object-cut", "the object of the newest recording is half of what it was", _cut),
):
    register(Fault(_name, _what, ("s3",), {"s3-objects@media": "CRITICAL"}, _break, _bring_back))
register(
    Fault(
        "s3-clock-wrong",
        "the store's clock is seven minutes ahead of ours",
        ("s3",),
        {"s3-clock@media": "CRITICAL"},
        lambda running: running.proxies.edit("media", _late),
        lambda running: running.proxies.edit("media", bytes),
    )
)
