"""Where pg_dump and pg_dumpall are: of the server's own major version where there are such, never an older one."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from checks.take_backup.failure import BackupFailed

_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder with both programs, and their version."""

    folder: Path
    version: str
    major: int


def find(server: int, configured: Path | None) -> Programs:
    """Return the programs of the lowest major version that is no less than the server's."""
    found = [programs for folder in _folders(configured) if (programs := _asked(folder)) is not None]
    usable = sorted((p for p in found if p.major >= server), key=lambda p: p.major)
    if not usable:
        there = ", ".join(sorted({p.version for p in found})) or "none"
        raise BackupFailed(
            f"no pg_dump for a server of version {server} on this machine (found: {there})",
            f"Install postgresql-client-{server}, or say --binaries.",
        )
    return usable[0]


def _folders(configured: Path | None) -> Iterator[Path]:
    if configured is not None:
        yield configured
        return
    yield from (Path(p) for p in os.environ.get("PATH", "").split(os.pathsep) if p != "")
    if _DEBIAN.is_dir():
        yield from (folder / "bin" for folder in sorted(_DEBIAN.iterdir()))


def _asked(folder: Path) -> Programs | None:
    if not all(os.access(folder / name, os.X_OK) for name in ("pg_dump", "pg_dumpall")):
        return None
    try:
        answer = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(rb"\) ((\d+)\S*)", answer.stdout)
    return None if match is None else Programs(folder, match.group(1).decode(), int(match.group(2)))
