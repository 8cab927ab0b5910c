"""What goes wrong with the media bucket."""

import time

from lab import s3
from lab.api_processes import NAMES
from lab.faults.expect import all_in
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


_AGREEMENT = tuple(f"api-agreement-s3@{name}" for name in NAMES)

register(
    Fault(
        "s3-bucket-missing",
        "the media bucket is not there, for the application either",
        ("s3", "api"),
        {"s3-connection@media": "CRITICAL", **all_in("CRITICAL", (f"api-health@{name}" for name in NAMES))},
        rename(s3.MEDIA, "elsewhere"),
        rename("elsewhere", s3.MEDIA),
    )
)
register(
    Fault(
        "s3-key-wrong",
        "the key that we were given does not open the media bucket",
        ("s3", "api"),
        {"s3-connection@media": "UNKNOWN", **all_in("UNKNOWN", _AGREEMENT)},
        lambda running: _restart(running, without=running.credentials.media_key),
        _restart,
    )
)
register(
    Fault(
        "backup-key-wrong",
        "the key that we were given does not open the backups",
        ("backup",),
        {"backup-connection@postgresql": "UNKNOWN"},
        lambda running: _restart(running, without=running.credentials.backup_key),
        _restart,
    )
)
