"""What the front of a backup file says: its format, when and by what it was written, and its table of contents.

The layout is that of pg_dump's archives 1.12 to 1.16 (PostgreSQL 9 to 18). The table of contents lies at the front and
is there in a truncated file too: it says what should follow, and proves nothing of it (archive_read does).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

HEAD = 4096  # bytes that surely hold a header

_COMPRESSIONS = ("none", "gzip", "lz4", "zstd")
_FORMATS = {1: "custom", 3: "tar", 5: "directory"}
_NOT_ROLES = {"public", "current_user", "session_user", "current_role"}


class ArchiveError(Exception):
    """The bytes are not what a backup of this kind has there; the text is ours and names no content."""


class ByteStream:
    """Bytes taken from the front of pieces; asking for more than there is raises ArchiveError."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._held = b""
        self._at = 0
        self.position = 0

    def take(self, length: int) -> bytes:
        """Return exactly `length` bytes."""
        while len(self._held) - self._at < length:
            piece = next(self._pieces, None)
            if piece is None:
                raise ArchiveError(f"it ends after {self.position + len(self._held) - self._at} bytes, in the middle")
            self._held = self._held[self._at :] + piece
            self._at = 0
        taken = self._held[self._at : self._at + length]
        self._at += length
        self.position += length
        return taken

    def ended(self) -> bool:
        """Whether nothing is left."""
        while self._at == len(self._held):
            piece = next(self._pieces, None)
            if piece is None:
                return True
            self._held, self._at = piece, 0
        return False


@dataclass(frozen=True, slots=True)
class Header:
    """The header of an archive; `written` is the dumping machine's local time, without a zone."""

    format: str
    version: tuple[int, int, int]
    integer: int
    offset: int
    compression: str
    written: datetime | None
    database: str
    server: str
    program: str

    def written_at(self, zone: tzinfo) -> float | None:
        """Return the Unix time of the header, whose local time is of `zone`."""
        return None if self.written is None else self.written.replace(tzinfo=zone).astimezone(UTC).timestamp()


@dataclass(frozen=True, slots=True)
class TocEntry:
    """One entry of the table of contents.

    `roles` are those it needs (owner, grantees), `copy` that its data are COPY's, `file` is of a directory only,
    `partitioned` tables have no rows of their own.
    """

    number: int
    kind: str
    schema: str
    name: str
    has_data: bool
    roles: tuple[str, ...]
    copy: bool
    file: str = ""
    partitioned: bool = False


class ArchiveReader:
    """Reads numbers and texts as pg_dump's WriteInt and WriteStr left them."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.integer = 4

    def byte(self) -> int:
        """Return one byte."""
        return self.stream.take(1)[0]

    def number(self) -> int:
        """Return an integer: a sign byte, then the value, the lowest byte first."""
        negative = self.byte()
        if negative > 1:
            raise ArchiveError(f"a number at byte {self.stream.position} has no sign")
        value = int.from_bytes(self.stream.take(self.integer), "little")
        return -value if negative else value

    def text(self) -> str | None:
        """Return a text, or None where none was written."""
        length = self.number()
        if length < 0:
            return None
        if length > 1 << 30:
            raise ArchiveError(f"a text at byte {self.stream.position} claims an absurd length")
        return self.stream.take(length).decode("utf-8", "replace")


def read_header(reader: ArchiveReader) -> Header:
    """Return the header; the stream then stands before the table of contents."""
    if reader.stream.take(5) != b"PGDMP":
        raise ArchiveError("it does not begin as a PostgreSQL archive does")
    major, minor, revision = reader.byte(), reader.byte(), reader.byte()
    if major != 1 or not 12 <= minor <= 99:  # noqa: PLR2004
        raise ArchiveError(f"its archive version {major}.{minor} is not known")
    reader.integer, offset, code = reader.byte(), reader.byte(), reader.byte()
    if reader.integer not in {4, 8} or offset not in {4, 8} or code not in _FORMATS:
        raise ArchiveError("its header is damaged")
    compression = _compression(reader, minor)
    clock = [reader.number() for _ in range(7)]
    texts = [reader.text() or "" for _ in range(3)]
    version = (major, minor, revision)
    return Header(_FORMATS[code], version, reader.integer, offset, compression, _written(clock), *texts)


def _compression(reader: ArchiveReader, minor: int) -> str:
    if minor >= 15:  # noqa: PLR2004 (PostgreSQL 16 writes the algorithm, older ones the zlib level)
        code = reader.byte()
        if code >= len(_COMPRESSIONS):
            raise ArchiveError("its header names a compression that is not known")
        return _COMPRESSIONS[code]
    return "none" if reader.number() == 0 else "gzip"


def _written(clock: list[int]) -> datetime | None:
    second, minute, hour, day, month, year, _ = clock
    try:
        return datetime(year + 1900, month + 1, day, hour, minute, min(second, 59))  # noqa: DTZ001 (zone: written_at)
    except ValueError:
        return None


def read_toc(reader: ArchiveReader, header: Header) -> Iterator[TocEntry]:
    """Yield the table of contents; exhausted, the stream stands at the first data block of a custom archive."""
    for _ in range(reader.number()):
        yield _entry(reader, header)


def _entry(reader: ArchiveReader, header: Header) -> TocEntry:
    minor = header.version[1]
    number, dumper = reader.number(), reader.number()
    reader.text(), reader.text()  # catalogue and object id
    name, kind = reader.text() or "", reader.text() or ""
    reader.number()  # section
    definition = reader.text() or ""
    reader.text()  # how to drop it
    copy = reader.text() or ""
    schema = reader.text() or ""
    reader.text()  # tablespace
    if minor >= 14:  # noqa: PLR2004
        reader.text()  # table access method
    if minor >= 16:  # noqa: PLR2004
        reader.number()  # kind of relation
    owner = reader.text() or ""
    reader.text()  # with object ids: always false now
    while reader.text() is not None:  # what it depends on
        pass
    state, file = 2, ""
    if header.format == "custom":
        state = reader.byte()
        reader.stream.take(header.offset)
    else:
        file = reader.text() or ""
    has_data = dumper == 1 and state != 3  # noqa: PLR2004 (3: no data)
    roles = _roles(kind, owner, definition)
    partitioned = kind == "TABLE" and "\nPARTITION BY " in definition
    return TocEntry(number, kind, schema, name, has_data, roles, copy.startswith("COPY "), file, partitioned)


_GRANTEES = re.compile(r"\b(?:TO|FROM|FOR ROLE)\s+((?:(?:\"(?:[^\"]|\"\")+\"|[\w$]+)\s*,?\s*)+)")
_ROLE = re.compile(r"\"((?:[^\"]|\"\")+)\"|([\w$]+)")


def _roles(kind: str, owner: str, definition: str) -> tuple[str, ...]:
    """Return the roles that an entry names: its owner, and those of GRANT, REVOKE, ALTER DEFAULT PRIVILEGES, POLICY."""
    found = {owner: None} if owner != "" else {}
    if kind in {"ACL", "DEFAULT ACL", "POLICY"}:
        # A policy's condition may hold anything; its roles stand before it.
        text = re.split(r"\bUSING\b|\bWITH CHECK\b", definition)[0] if kind == "POLICY" else definition
        for match in _GRANTEES.finditer(text):
            for quoted, plain in _ROLE.findall(match.group(1)):
                role = quoted.replace('""', '"') or plain
                if plain in {"WITH", "GRANT", "REVOKE", "IN"}:
                    break
                if role.lower() not in _NOT_ROLES:
                    found[role] = None
    return tuple(found)
