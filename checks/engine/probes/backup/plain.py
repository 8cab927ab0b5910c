r"""Restore a dump that is SQL text without psql, which would obey commands in it (\!, \copy) as the user who runs it.

Called by `restore`. The text is cut at the comments that pg_dump writes before each entry and sent piece by piece; rows
follow each COPY. Errors keep their SQLSTATE and the names that the server gives them, and nothing of their text.
"""

import gzip
import re
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup import layout
from checks.engine.probes.backup.archive import ArchiveError, TocEntry
from checks.engine.probes.backup.database import RESTORER
from checks.engine.probes.backup.messages import RestoreError
from checks.engine.probes.backup.pipe import through
from checks.engine.probes.backup.scratch import Link, Server
from checks.engine.probes.backup.sql_read import SqlReader

CHUNK = 1 << 20
_END = b"\\.\n"
_WORDS = {
    "23503": "rows point to rows that do not exist",
    "23505": "the same key stands in more than one row",
    "23514": "rows break a CHECK",
    "23502": "a column that must not be empty is",
    "42P01": "a relation that it needs does not exist",
    "42883": "a function that it calls does not exist or is not found",
    "42704": "an object that it needs does not exist",
    "42501": "refused to a role that is not a superuser",
    "22021": "bytes that are no text in the database's encoding",
    "22P04": "a row is too short or too long",
    "53100": "no space left in the scratch folder",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One entry of the text: its label, its SQL, and whether rows follow."""

    label: str
    text: bytes
    copy: bool


@dataclass(slots=True)
class Loaded:
    """What went wrong, and when the last row was in."""

    errors: list[RestoreError] = field(default_factory=list)
    rows_done: float = 0.0


def opened(path: Path) -> Iterator[bytes]:
    """Yield the text of a plain dump in chunks, unpacked where it is gzip, zstd or lz4."""
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(b"\x1f\x8b"):
        with gzip.open(path) as unpacked:
            yield from iter(lambda: unpacked.read(CHUNK), b"")
    elif head == b"\x28\xb5\x2f\xfd":
        yield from through(("zstd", "--decompress", "--stdout"), _chunks(path), "the backup")
    elif head == b"\x04\x22\x4d\x18":
        yield from through(("lz4", "-dc"), _chunks(path), "the backup")
    else:
        yield from _chunks(path)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(CHUNK), b"")


@dataclass(frozen=True, slots=True)
class Survey:
    """What the text says of itself; `problem` is what is wrong with it as a whole ("" for nothing)."""

    entries: tuple[TocEntry, ...]
    roles: tuple[str, ...]
    server: str
    program: str
    problem: str


_NAMES_ROLES = (b"GRANT ", b"REVOKE ", b"CREATE POLICY ", b"ALTER DEFAULT PRIVILEGES ")
_ROLE = re.compile(rb"\b(?:TO|FROM|FOR ROLE) (\"(?:[^\"]|\"\")+\"|[\w$]+)")
_VERSION = re.compile(rb"-- Dumped (from database|by pg_dump) version (\d+[.\w]*)")


def survey(path: Path) -> Survey:
    """Read the text to its end once, for what must stand before it is loaded."""
    reader, roles, versions = SqlReader(), dict[str, None](), dict[bytes, str]()
    problem = ""
    try:
        for line in _lines(_fed(path, reader)):
            if line.startswith(_NAMES_ROLES):
                roles.update((_bare(match), None) for match in _ROLE.findall(line.split(b" USING ")[0]))
            elif line.startswith(b"-- Dumped "):
                versions.update((match[1], match[2].decode("ascii")) for match in _VERSION.finditer(line))
        reader.end()
    except ArchiveError as error:
        problem = str(error)
    except (EOFError, OSError, zlib.error):
        problem = "its compression is damaged or ends in the middle"
    named = tuple(role for role in roles if role.lower() not in {"public", "current_user", "stdin"})
    server, program = versions.get(b"from database", ""), versions.get(b"by pg_dump", "")
    return Survey(tuple(reader.toc), named, server, program, problem)


def _fed(path: Path, reader: SqlReader) -> Iterator[bytes]:
    for chunk in opened(path):
        reader.feed(chunk)
        yield chunk


def _bare(name: bytes) -> str:
    text = name.decode("utf-8", "replace")
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


def load(server: Server, path: Path, database: str, until: float, names: frozenset[str]) -> Loaded:
    """Send the text to the throw-away server as its plain role; raise ProbeError when the time is over."""
    loaded = Loaded()
    lines = _lines(opened(path))
    with server.connect(database, RESTORER) as link, server.connect(database) as superuser:
        for piece in _pieces(lines):
            if time.monotonic() > until:
                raise ProbeError(Reason.TIMEOUT, "the restore was not done in time and was ended", "")
            if not layout.extension(superuser, piece.text):
                _send(link, piece, lines, loaded, names)
    return loaded


def _send(link: Link, piece: Piece, lines: Iterator[bytes], loaded: Loaded, names: frozenset[str]) -> None:
    try:
        if piece.copy:
            _copy(link, piece.text, iter(lambda: next(lines, _END), _END))
            loaded.rows_done = time.monotonic()
        elif piece.text.strip() != b"":
            link.execute(piece.text)
    except psycopg.Error as error:
        # Told by the connection: psycopg counts limits and states of objects among a server's own failures.
        if link.closed:
            raise ProbeError(Reason.OURS, "the throw-away server ended during the restore", "Run again.") from None
        named = (error.diag.table_name, error.diag.constraint_name, error.diag.column_name)
        code = error.sqlstate or ""
        objects = tuple(name for name in named if name is not None and name in names)
        loaded.errors.append(RestoreError(code, _WORDS.get(code, "an error of the server"), objects, piece.label))


def _copy(link: Link, statement: bytes, rows: Iterator[bytes]) -> None:
    """Send the rows of one table; all of them are taken from the text even where the server refuses one."""
    try:
        with link.cursor().copy(statement) as copy:
            for row in rows:
                copy.write(row)
    finally:
        for _ in rows:
            pass


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        parts = (rest + chunk).split(b"\n")
        rest = parts.pop()
        for part in parts:
            yield part + b"\n"
    if rest != b"":
        yield rest


def _pieces(lines: Iterator[bytes]) -> Iterator[Piece]:
    """Cut the text at pg_dump's own comments; a COPY ends its piece, and the caller takes the rows from `lines`."""
    label, kind, text = "", "", b""
    for line in lines:
        if line.startswith((b"-- Name: ", b"-- Data for Name: ")):
            if kind not in layout.LEFT_OUT and not label.startswith("COMMENT EXTENSION "):
                yield Piece(label, text, False)
            label, kind = _labelled(line)
            text = b""
        elif line.startswith(b"COPY ") and line.rstrip().endswith(b" FROM stdin;"):
            yield Piece(label, text, False)
            yield Piece(label, line, True)
            text = b""
        elif not line.startswith((b"\\restrict ", b"\\unrestrict ")):
            text += line
    yield Piece(label, text, False)


def _labelled(line: bytes) -> tuple[str, str]:
    parts = dict(
        part.split(": ", 1) for part in line.decode("utf-8", "replace").strip("- \n").split("; ") if ": " in part
    )
    kind = parts.get("Type", "")
    return f"{kind} {parts.get('Name', parts.get('Data for Name', ''))}", kind
