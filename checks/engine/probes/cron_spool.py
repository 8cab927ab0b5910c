"""The spool where mail of cron waits to leave, as a tree of files: how many there are, and since when the oldest waits.

Postfix spreads its queue over folders, and gives a file of a mail that is to be tried again the time when it will be:
when the mail came is in the file's envelope (rec_type.h), of which nothing else is looked at. Other programs let a
file's time be.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

_MOST = 20_000  # files; a spool that holds more has been stuck for long
_DEEPEST = 3  # hash_queue_depth is 1, and who changes it takes 2
_ENVELOPE = 512
_CAME = re.compile(rb"T[\x08-\x20](\d{9,11})(?: \d{1,6})?(?=[A-Za-z]|$)", re.DOTALL)


def times_of(folder: Path) -> list[float]:
    """Return since when each mail waits; raises OSError where a folder cannot be read."""
    found: list[float] = []
    for file in _files(folder, _DEEPEST):
        try:
            found.append(_came(file))
        except FileNotFoundError:
            continue  # it left while we looked
        if len(found) >= _MOST:
            break
    return found


def _files(folder: Path, depth: int) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                yield entry
            elif depth > 0 and entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path), depth - 1)


def _came(file: os.DirEntry[str]) -> float:
    changed = file.stat().st_mtime
    try:
        with Path(file.path).open("rb") as mail:
            start = mail.read(_ENVELOPE)
    except PermissionError:
        return changed
    came = _CAME.search(start) if start.startswith(b"C") else None
    return changed if came is None else float(came[1])
