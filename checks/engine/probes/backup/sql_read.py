r"""Read a dump that is SQL text to its end as it streams by: what it makes, the rows of every table, its last line.

Only that last line proves a plain dump complete: psql loads one that is cut in the middle of a COPY without an error.
Called for plain dumps, and for what pg_restore prints of archives that our own reader cannot unpack.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from checks.engine.probes.backup.archive import ArchiveError, TocEntry
from checks.engine.probes.backup.archive_read import TableData

_COMMENT = re.compile(r"-- (?:Data for )?Name: (.*); Type: (.*); Schema: (.*); Owner: (.*)")
_COPY = re.compile(r'COPY ((?:"(?:[^"]|"")*"|[^" (])+) +(?:\(.*\) )?FROM stdin;')
_COMPLETE = b"-- PostgreSQL database dump complete"
_END = b"\n\\.\n"
_AFTER_THE_END = {b"", b"--", b"\r"}
_PART = re.compile(r'"((?:[^"]|"")*)"|([^".]+)')


def split_name(name: str) -> tuple[str, str]:
    """Return schema and relation of a qualified name quoted as SQL wants it; the schema is "" where there is none."""
    parts = [quoted.replace('""', '"') if quoted else plain for quoted, plain in _PART.findall(name)]
    return ("", parts[0]) if len(parts) == 1 else (parts[0], parts[1])


@dataclass(slots=True)
class SqlReader:
    """What has been read so far."""

    toc: list[TocEntry] = field(default_factory=list)
    tables: list[TableData] = field(default_factory=list)
    size: int = 0
    complete: bool = False
    _copying: tuple[str, str] | None = None
    _rows: int = 0
    _bytes: int = 0
    _held: bytes = b""

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""
        self.size += len(piece)
        self._held += piece
        while self._copied() if self._copying is not None else self._line():
            pass

    def _copied(self) -> bool:
        """Pass over rows; the held bytes begin with the line feed before the first that is not counted."""
        end = self._held.find(_END)
        if end < 0:
            passed = self._held[: max(0, len(self._held) - len(_END) + 1)]
            self._held = self._held[len(passed) :]
        else:
            passed, self._held = self._held[:end], self._held[end + len(_END) :]
        self._rows += passed.count(b"\n")
        self._bytes += len(passed)
        if end < 0 or self._copying is None:
            return False
        schema, name = self._copying
        self.tables.append(TableData(schema, name, self._rows, self._bytes))
        self._copying = None
        return True

    def _line(self) -> bool:
        end = self._held.find(b"\n")
        if end < 0:
            return False
        line = self._held[:end]
        if self.complete and line not in _AFTER_THE_END and not line.startswith(b"\\unrestrict "):
            self.complete = False  # another dump was appended, or these were the words of a function
        if line.startswith(b"COPY "):
            match = _COPY.fullmatch(line.decode("utf-8", "replace"))
            if match is not None:
                self._copying, self._rows, self._bytes = split_name(match.group(1)), 0, 0
                self._held = self._held[end:]
                return True
        elif line.startswith(b"-- "):
            self._comment(line)
        self._held = self._held[end + 1 :]
        return True

    def _comment(self, line: bytes) -> None:
        if line.startswith(_COMPLETE):
            self.complete = True
            return
        match = _COMMENT.fullmatch(line.decode("utf-8", "replace"))
        if match is not None:
            name, kind, schema, owner = (part if part != "-" else "" for part in match.groups())
            data = kind in {"TABLE DATA", "BLOBS"}
            self.toc.append(TocEntry(len(self.toc), kind, schema, name, data, (owner,) if owner else (), data))

    def end(self) -> None:
        """Raise ArchiveError where the text is not complete."""
        if self._copying is not None:
            raise ArchiveError(f"it ends in the middle of the data of {'.'.join(self._copying)}")
        if not self.complete:
            raise ArchiveError("its last line is missing: it was cut off")


def read_sql(pieces: Iterable[bytes]) -> SqlReader:
    """Read SQL text to its end; raises ArchiveError where it is cut off."""
    reader = SqlReader()
    for piece in pieces:
        reader.feed(piece)
    reader.end()
    return reader
