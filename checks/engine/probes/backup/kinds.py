"""Read each kind of dump to its end. Called by examine.py with the bytes in the clear; nothing is written anywhere."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath

from checks.engine.probes.backup import binaries
from checks.engine.probes.backup.archive import (
    HEAD,
    ArchiveError,
    ArchiveReader,
    ByteStream,
    Header,
    TocEntry,
    read_header,
    read_toc,
)
from checks.engine.probes.backup.archive_read import TableData, read_archive, readable
from checks.engine.probes.backup.pipe import through
from checks.engine.probes.backup.sql_read import read_sql

_WRITTEN_SINCE = {14: 13, 15: 16, 16: 17}  # minor version of an archive, major of the first PostgreSQL that writes it
OURS = "our own reader"


@dataclass(frozen=True, slots=True)
class Read:
    """A dump read to its end: its contents, how large it is unpacked, and by what it was read.

    `large_objects` is None where their number cannot be seen without restoring.
    """

    toc: tuple[TocEntry, ...]
    tables: tuple[TableData, ...]
    unpacked: int
    by: str
    large_objects: int | None = None


def read_custom(pieces: Iterable[bytes], configured: str | None) -> Read:
    """Read a custom-format (or tar) archive."""
    source = iter(pieces)
    head = b""
    while len(head) < HEAD and (piece := next(source, b"")):
        head += piece
    whole = chain((head,), source)
    tar = not head.startswith(b"PGDMP")  # its first member is the table of contents, behind one block of 512 bytes
    header = read_header(ArchiveReader(ByteStream([head[512:] if tar else head])))
    if tar or not readable(header):
        return _by_pg_restore(whole, header, configured)
    found = read_archive(whole)
    return Read(found.toc, found.tables, found.size, OURS, found.large_objects)


def _by_pg_restore(pieces: Iterable[bytes], header: Header, configured: str | None) -> Read:
    major = _WRITTEN_SINCE.get(header.version[1], 0)
    program = binaries.choose(None, configured, major)["pg_restore"]
    text = read_sql(through((program, "--file=-"), pieces, "the backup", binaries.built_with(header.compression)))
    return Read(tuple(text.toc), tuple(text.tables), text.size, "pg_restore")


def read_plain(pieces: Iterable[bytes], compression: str) -> Read:
    """Read a plain dump, unpacked as it streams by."""
    if compression == "gzip":
        pieces = gunzipped(pieces)
    elif compression != "none":
        pieces = through((compression, "-dc"), pieces, "the backup", f"Check that {compression} works here.")
    text = read_sql(pieces)
    return Read(tuple(text.toc), tuple(text.tables), text.size, OURS)


def gunzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what gzip members hold, their CRC-32 and length checked."""
    unpack, within = zlib.decompressobj(31), False
    try:
        for piece in pieces:
            data = piece
            while data:
                yield unpack.decompress(data, 1 << 20)
                within = not unpack.eof
                data = unpack.unconsumed_tail if within else unpack.unused_data
                if not within:
                    unpack = zlib.decompressobj(31)
        if within:
            yield unpack.flush()
    except zlib.error:
        raise ArchiveError("its checksum fails") from None
    if within and not unpack.eof:
        raise ArchiveError("its compressed data end early")


def read_folder(keys: list[str], opened: Callable[[str], Iterator[bytes]]) -> Read:
    """Read a directory-format dump, every file of it."""
    names = {PurePosixPath(key).name: key for key in keys}
    reader = ArchiveReader(ByteStream(opened(names["toc.dat"])))
    toc = tuple(read_toc(reader, read_header(reader)))
    tables, size, by = [], 0, OURS
    seen = {"toc.dat"}
    for entry in toc:
        if not entry.has_data or entry.file == "":
            continue
        name = next((n for n in (entry.file + suffix for suffix in ("", *_SUFFIXES)) if n in names), None)
        if name is None:
            raise ArchiveError(f"the file with the data of {entry.schema}.{entry.name} is missing")
        seen.add(name)
        rows, length = _lines(_clear(name, opened(names[name])), entry)
        size += length
        if entry.kind == "TABLE DATA":
            tables.append(TableData(entry.schema, entry.name, rows, length))
    for name in sorted(names.keys() - seen):
        size += sum(len(piece) for piece in _clear(name, opened(names[name])))
    return Read(toc, tuple(tables), size, by)


_SUFFIXES = {".gz": "gzip", ".zst": "zstd", ".lz4": "lz4"}


def _clear(name: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    suffix = PurePosixPath(name).suffix
    if suffix == ".gz":
        return gunzipped(pieces)
    if suffix in _SUFFIXES:
        return through((_SUFFIXES[suffix], "-dc"), pieces, "the backup")
    return pieces


def _lines(pieces: Iterator[bytes], entry: TocEntry) -> tuple[int | None, int]:
    """Return the rows (lines before the one that ends COPY) and bytes of one data file."""
    lines = size = 0
    tail = b""
    for piece in pieces:
        lines += piece.count(b"\n")
        size += len(piece)
        tail = (tail + piece)[-16:]
    if not entry.copy:
        return None, size
    body = tail.rstrip(b"\n")
    if not body.endswith(b"\\."):
        raise ArchiveError(f"there is no end mark at the end of the data of {entry.schema}.{entry.name}")
    return lines - 1 - (len(tail) - len(body) - 1), size
