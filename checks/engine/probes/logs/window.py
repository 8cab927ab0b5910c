"""The last minutes of a log, in blocks of whole lines: only what is needed is read, of files of any size.

A plain file is searched for the beginning of the window by halving; a compressed one can only be read from its start.
"""

import bz2
import glob
import gzip
import io
import lzma
import os
import stat
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.logs.layout import Layout

BLOCK = 1 << 20
_LOOK = 1 << 16
MOST_FILES = 64
_CLOCK = 60.0  # seconds that an entry may be stamped after it was written
_BUFFER = 840.0  # and before that: the offsets of time zones are quarters of an hour
Readable = io.RawIOBase | gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile
_PACKED: dict[str, Callable[[Path], gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}
_UNREAD = {".zst", ".lz4", ".zip", ".Z"}  # for these Python has nothing


@dataclass(frozen=True, slots=True)
class Block:
    """Some whole lines of one file, and where in it they begin (of a compressed file: in what it unpacks to)."""

    file: str
    position: int
    data: bytes


@dataclass(slots=True)
class Window:
    """What is due of a log: from `since` (Unix time) on, at most `budget` bytes, until `until` (monotonic)."""

    layout: Layout
    zone: ZoneInfo
    since: float
    budget: int
    until: float
    now: float = field(default_factory=time.time)
    read: int = 0
    complete: bool = True
    broken_files: list[str] = field(default_factory=list)

    def blocks(self, pattern: str) -> Iterator[Block]:
        """Yield the window's blocks, newest file first, each file from older to newer.

        Raises ProbeError where the newest file's stamps cannot be of the time at which it was written.
        """
        recent = [path for path, found in files(pattern, rotated=True) if found.st_mtime >= self.since]
        self.complete = len(recent) <= MOST_FILES
        for path in recent[:MOST_FILES]:
            if path.suffix in _UNREAD:
                self.complete = False
                continue
            try:
                yield from self._packed(path) if path.suffix in _PACKED else self._plain(path)
            except FileNotFoundError:
                self.complete = False  # rotated away between listing and opening
            except (OSError, EOFError, zlib.error, lzma.LZMAError):
                self.complete = False
                if path.suffix not in _PACKED or not path.with_suffix("").exists():  # else it is just being compressed
                    self.broken_files.append(path.name)

    def expect_readable(self, pattern: str) -> None:
        """Raise ProbeError where nothing was read because there is no file, or none that could be read."""
        if not files(pattern):
            raise ProbeError(
                Reason.NO_DATA, "no file matches its pattern", "Mend the pattern, or see who should write it."
            )
        if self.broken_files:
            raise ProbeError(Reason.OURS, "its files cannot be read", "Run as a user that may read the log.")

    def _spent(self) -> bool:
        if self.read >= self.budget or time.monotonic() >= self.until:
            self.complete = False
            return True
        return False

    def _plain(self, path: Path) -> Iterator[Block]:
        with path.open("rb", buffering=0) as file:
            size, written = os.fstat(file.fileno()).st_size, os.fstat(file.fileno()).st_mtime
            self._expect_zone(file, size, written)
            start = self._begin(file, size)
            if size - start > self.budget - self.read:
                # More than we may read: the newest part of it.
                self.complete = False
                start = _line_after(file, size - (self.budget - self.read))
            file.seek(start)
            yield from self._lines(path.name, file, start, size - start)

    def _expect_zone(self, file: io.RawIOBase, size: int, written: float) -> None:
        """Raise ProbeError where a file ends with an entry that cannot be of when it was written: so is the window."""
        file.seek(max(0, size - _LOOK))
        data = file.read(_LOOK) or b""
        last = next(self.layout.entry.finditer(data, _last_line(data)), None)
        moment = None if last is None else self.layout.moment(last["stamp"], self.zone)
        if moment is None or (moment <= self.now + _CLOCK and written - moment <= _BUFFER):
            return
        if moment > self.now:
            gap, how = moment - self.now, "ahead"
        else:
            gap, how = written - moment, "before it was written"
        raise ProbeError(
            Reason.OURS,
            f"its newest entry is stamped {gap / 3600:.1f} h {how}",
            "Mend timezone under [logs], or the clock of who writes it.",
        )

    def _packed(self, path: Path) -> Iterator[Block]:
        with _PACKED[path.suffix](path) as file:
            for block in self._lines(path.name, file, 0, 1 << 62):
                newest = self._last_moment(block.data)
                if newest is None or newest >= self.since:
                    yield block

    def _lines(self, name: str, file: Readable, position: int, left: int) -> Iterator[Block]:
        rest = b""
        while left > 0 and not self._spent():
            data = file.read(min(BLOCK, left))
            if not data:
                break
            left -= len(data)
            self.read += len(data)
            data = rest + data
            end = data.rfind(b"\n") + 1
            if end == 0 and len(data) > BLOCK:
                end = len(data)  # a line without an end: taken as it is
            rest = data[end:]
            if end > 0:
                yield Block(name, position, data[:end])
                position += end
        if rest != b"":
            yield Block(name, position, rest + b"\n")

    def _begin(self, file: io.RawIOBase, size: int) -> int:
        """Return where the first line at or after `since` begins."""
        low, high = 0, size
        while high - low > _LOOK:
            middle = (low + high) // 2
            moment = self._moment_at(file, middle)
            if moment is not None and moment < self.since:
                low = middle
            else:
                high = middle
        file.seek(low)
        data = file.read(2 * _LOOK) or b""
        offset = 0 if low == 0 else data.find(b"\n") + 1
        last = None
        for match in self.layout.entry.finditer(data, offset):
            moment = self.layout.moment(match["stamp"], self.zone)
            if moment is not None and moment >= self.since:
                return low + match.start()
            last = match
        if last is None:
            # No line has the layout: the end of the file says how it is written now.
            return _line_after(file, size - BLOCK) if size > BLOCK else 0
        return min(size, low + last.end() + 1)

    def _moment_at(self, file: io.RawIOBase, position: int) -> float | None:
        """Return the moment of the first entry after a position, None where there is none within reach."""
        file.seek(position)
        data = file.read(_LOOK) or b""
        for match in self.layout.entry.finditer(data, data.find(b"\n") + 1):
            moment = self.layout.moment(match["stamp"], self.zone)
            if moment is not None:
                return moment
        return None

    def _last_moment(self, data: bytes) -> float | None:
        for match in self.layout.entry.finditer(data, max(0, data.rfind(b"\n", 0, max(0, len(data) - 4096)))):
            moment = self.layout.moment(match["stamp"], self.zone)
            if moment is not None and moment >= self.since:
                return moment
        found = list(self.layout.entry.finditer(data, max(0, len(data) - 4096)))
        return self.layout.moment(found[-1]["stamp"], self.zone) if found else None


def with_rotated(pattern: str) -> tuple[str, ...]:
    """Return the patterns of a log and of what logrotate makes of it."""
    return (pattern, f"{pattern}.[0-9]*", f"{pattern}-[0-9]*")


def files(pattern: str, *, rotated: bool = False) -> list[tuple[Path, os.stat_result]]:
    """Return the regular files of a pattern, newest first; with `rotated` also those that logrotate made of them."""
    patterns = with_rotated(pattern) if rotated else (pattern,)
    found: dict[Path, os.stat_result] = {}
    for name in patterns:
        for text in glob.iglob(name):  # noqa: PTH207 (the pattern is absolute)
            path = Path(text)
            try:
                seen = path.stat()
            except OSError:
                continue
            if stat.S_ISREG(seen.st_mode):
                found[path] = seen
    return sorted(found.items(), key=lambda item: (-item[1].st_mtime, str(item[0])))


def _last_line(data: bytes) -> int:
    """Return where the last line begins that does not go on with the one before it, as those of a stack trace do."""
    start = len(data)
    while start > 0 and data[start : start + 1] in b" \t\n":
        start = data.rfind(b"\n", 0, start - 1) + 1
    return start


def _line_after(file: io.RawIOBase, position: int) -> int:
    file.seek(position)
    data = file.read(_LOOK) or b""
    return position + data.find(b"\n") + 1
