"""Read a whole custom-format archive as it streams by: every block, every checksum, the rows of every table.

Nothing is written anywhere, memory stays small, and no program of PostgreSQL is needed for gzip and uncompressed ones;
zlib checks the Adler-32 of each block. Other compressions are read by pg_restore (archive_check).
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from checks.engine.probes.backup.archive import (
    ArchiveError,
    ArchiveReader,
    ByteStream,
    Header,
    TocEntry,
    read_header,
    read_toc,
)

_DATA, _BLOBS = 1, 3
_TERMINATOR = b"\\.\n"


@dataclass(frozen=True, slots=True)
class TableData:
    """The data of one table in the archive; `rows` is None where it was not dumped as COPY."""

    schema: str
    name: str
    rows: int | None
    size: int


@dataclass(frozen=True, slots=True)
class Contents:
    """A whole archive, read to its end: what it holds and how large that is unpacked."""

    header: Header
    toc: tuple[TocEntry, ...]
    tables: tuple[TableData, ...]
    large_objects: int
    size: int


def readable(header: Header) -> bool:
    """Whether read_archive can read it without help."""
    return header.format == "custom" and header.compression in {"none", "gzip"}


def read_archive(pieces: Iterable[bytes]) -> Contents:
    """Read a custom-format archive to its end; raises ArchiveError saying what is wrong, in which table."""
    reader = ArchiveReader(ByteStream(pieces))
    header = read_header(reader)
    toc = tuple(read_toc(reader, header))
    waiting = {entry.number: entry for entry in toc if entry.has_data}
    tables: list[TableData] = []
    large_objects = size = 0
    while not reader.stream.ended():
        kind, number = reader.byte(), reader.number()
        entry = waiting.pop(number, None)
        if entry is None or kind not in {_DATA, _BLOBS}:
            raise ArchiveError(f"a block before byte {reader.stream.position} belongs to nothing in its contents")
        try:
            if kind == _BLOBS:
                for length in _large_objects(reader, header.compression):
                    large_objects += 1
                    size += length
            else:
                tables.append(_table(reader, header.compression, entry))
                size += tables[-1].size
        except ArchiveError as error:
            raise ArchiveError(f"{error} of the data of {entry.schema}.{entry.name}".replace(" .", " ")) from None
    if waiting:
        first = next(iter(waiting.values()))
        raise ArchiveError(f"it lacks the data of {len(waiting)} entries, the first {first.schema}.{first.name}")
    return Contents(header, toc, tuple(tables), large_objects, size)


def _chunks(reader: ArchiveReader) -> Iterator[bytes]:
    while (length := reader.number()) != 0:
        if not 0 < length <= 1 << 30:
            raise ArchiveError(f"a block length before byte {reader.stream.position} is absurd, in the middle")
        yield reader.stream.take(length)


def _unpacked(reader: ArchiveReader, compression: str) -> Iterator[bytes]:
    if compression == "none":
        yield from _chunks(reader)
        return
    unpack = zlib.decompressobj()
    try:
        for chunk in _chunks(reader):
            data = unpack.decompress(chunk, 1 << 20)
            yield data
            while unpack.unconsumed_tail:
                yield unpack.decompress(unpack.unconsumed_tail, 1 << 20)
        yield unpack.flush()
    except zlib.error:
        raise ArchiveError(f"its checksum fails before byte {reader.stream.position}, in the middle") from None
    if not unpack.eof or unpack.unused_data:
        raise ArchiveError(f"its compressed data end early before byte {reader.stream.position}, in the middle")


def _table(reader: ArchiveReader, compression: str, entry: TocEntry) -> TableData:
    """Count the rows of one table: a line each, closed by the line that ends COPY and two empty ones."""
    lines = size = 0
    tail = b""
    for data in _unpacked(reader, compression):
        lines += data.count(b"\n")
        size += len(data)
        tail = (tail + data)[-16:]
    if not entry.copy:
        return TableData(entry.schema, entry.name, None, size)
    body = tail.rstrip(b"\n")
    if not (body + b"\n").endswith(_TERMINATOR):
        raise ArchiveError(f"there is no end mark before byte {reader.stream.position}, at the end")
    return TableData(entry.schema, entry.name, lines - 1 - (len(tail) - len(body) - 1), size)


def _large_objects(reader: ArchiveReader, compression: str) -> Iterator[int]:
    while reader.number() != 0:  # its object id
        yield sum(len(data) for data in _unpacked(reader, compression))
