"""Restore one fetched backup into a throw-away server and time it; called by `restored`, `rehearsal` and `drill`.

Only a `Server` made by `scratch` can be restored into: there is no way to name another one. Every error is an error:
nothing is tolerated, what cannot be restored without a superuser is left out beforehand and said.
"""

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup import binaries, child, layout, messages, plain
from checks.engine.probes.backup.archive import (
    ArchiveError,
    ArchiveReader,
    ByteStream,
    Header,
    TocEntry,
    read_header,
    read_toc,
)
from checks.engine.probes.backup.database import RESTORER
from checks.engine.probes.backup.messages import RestoreError
from checks.engine.probes.backup.progress import Phase
from checks.engine.probes.backup.scratch import Server

# What says something of this machine and not of the backup: then nothing was verified.
OURS = {"53100", "53200", "08006"}


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive says it holds."""

    header: Header
    entries: tuple[TocEntry, ...]
    roles: tuple[str, ...] = ()  # named in the text of a plain dump, beside the owners
    problem: str = ""

    @property
    def every_role(self) -> tuple[str, ...]:
        """The roles that it names."""
        return (*self.roles, *(role for entry in self.entries for role in entry.roles))

    @property
    def names(self) -> frozenset[str]:
        """Every name that may be told of an error in it."""
        return frozenset(part for e in self.entries for part in (e.name, e.schema, *e.name.split(" "), *e.roles))

    @property
    def major(self) -> int:
        """The lowest major version of the programs that can restore it as it was."""
        return max(_major(self.header.server), _major(self.header.program))


@dataclass(frozen=True, slots=True)
class Restored:
    """A restore that came to its end, with or without errors; seconds by phase."""

    database: str
    errors: tuple[RestoreError, ...]
    left_out: tuple[str, ...]
    differs: tuple[str, ...]
    rows_seconds: float
    indexes_seconds: float


def contents(backup: Path) -> Contents:
    """Read header and table of contents of a fetched backup of any format; raise ProbeError when they are not there."""
    file = backup / "toc.dat" if backup.is_dir() else backup
    try:
        with file.open("rb") as opened:
            head = opened.read(512)
            if not head.startswith(b"PGDMP") and head[257:262] != b"ustar":
                return _plain_contents(backup)
            opened.seek(0 if head.startswith(b"PGDMP") else 512)  # toc.dat is the first member of a tar
            reader = ArchiveReader(ByteStream(iter(lambda: opened.read(1 << 16), b"")))
            header = read_header(reader)
            return Contents(header, tuple(read_toc(reader, header)))
    except (ArchiveError, OSError):
        raise ProbeError(Reason.PROTOCOL, "the backup's table of contents cannot be read") from None


def _plain_contents(backup: Path) -> Contents:
    found = plain.survey(backup)
    header = Header("plain", (1, 0, 0), 4, 8, "none", None, "", found.server, found.program)
    return Contents(header, found.entries, found.roles, found.problem)


def restore(
    server: Server,
    backup: Path,
    held: Contents,
    *,
    database: str,
    seconds: float,
    jobs: int = 2,
    rows_only: bool = False,
) -> Restored:
    """Restore into a new database of the throw-away server within `seconds`.

    Raises ProbeError where nothing was learnt of the backup: no time, no room, a killed program.
    """
    if held.header.format == "plain":
        return _text(server, backup, held, database, seconds)
    prepared = layout.prepare(server, backup, held.entries, database)
    watch = _Watch(Phase("restore", "objects", len(held.entries)))
    ended = child.run(
        (
            *child.gentle(server.folder.nice),
            server.binaries["pg_restore"],
            *server.arguments(database, RESTORER),
            f"--jobs={1 if held.header.format == 'tar' else jobs}",
            f"--use-list={prepared.use_list}",
            *(("--section=pre-data", "--section=data") if rows_only else ()),
            "--verbose",
            str(backup),
        ),
        seconds,
        folder=server.folder.path,
        each=watch.look,
        stdout=False,
        wanted=messages.speaks,
    )
    labels = {entry.number: f"{entry.kind} {entry.name}" for entry in held.entries}
    errors = messages.errors(ended.stderr, labels, held.names | {database})
    # A worker that meets the archive's end dies too: then its own error says why.
    errors = tuple(error for error in errors if error.what != messages.WORKER_DIED) or errors
    if any(error.what == messages.CANNOT_UNPACK for error in errors):
        packed = held.header.compression
        raise ProbeError(Reason.OURS, f"{messages.CANNOT_UNPACK}: {packed}", binaries.built_with(packed))
    _learnt_something(server, ended, errors)
    if ended.code != 0 and not errors:
        errors = (RestoreError("", f"pg_restore ended with exit code {ended.code}"),)
    rows = watch.rows_done - watch.began
    return Restored(database, errors, prepared.left_out, prepared.differs, rows, ended.seconds - rows)


def _text(server: Server, backup: Path, held: Contents, database: str, seconds: float) -> Restored:
    prepared = layout.prepare_plain(server, held.entries, held.every_role, database)
    began = time.monotonic()
    loaded = plain.load(server, backup, database, began + seconds, held.names | {database})
    ended = time.monotonic()
    for error in loaded.errors:
        if error.code in OURS:
            raise ProbeError(Reason.OURS, f"nothing was verified: {error.what}", "Give [restore] scratch more room.")
    whole = (RestoreError("", f"the backup is not whole: {held.problem}"),) if held.problem != "" else ()
    rows = max(0.0, loaded.rows_done - began)
    return Restored(database, (*whole, *loaded.errors), prepared.left_out, prepared.differs, rows, ended - began - rows)


def _learnt_something(server: Server, ended: child.Ended, errors: tuple[RestoreError, ...]) -> None:
    if ended.timed_out:
        raise ProbeError(Reason.TIMEOUT, f"the restore was not done after {ended.seconds:.0f} s and was ended", "")
    if ended.code < 0:
        raise ProbeError(Reason.OURS, f"pg_restore was killed (signal {-ended.code})", "Run again.")
    for error in errors:
        if error.code in OURS:
            raise ProbeError(Reason.OURS, f"nothing was verified: {error.what}", "Give [restore] scratch more room.")
    if not server.alive or any(error.what == messages.WORKER_DIED for error in errors):
        raise ProbeError(Reason.OURS, "the throw-away server or a worker of pg_restore was killed", "Run again.")


_FINISHED = re.compile(
    rb"^pg_restore: (?:finished item \d+ |processing data for table |creating )([A-Z ]*)", re.MULTILINE
)


@dataclass(slots=True)
class _Watch:
    """Follows pg_restore's own account of what it has done; only kinds are looked at, no name is kept."""

    phase: Phase
    began: float = field(default_factory=time.monotonic)
    rows_done: float = field(default_factory=time.monotonic)
    _read: int = 0
    _done: int = 0
    _rest: bytes = b""

    def look(self, descriptor: int) -> None:
        """Read what was printed since the last look."""
        new = os.pread(descriptor, 1 << 20, self._read)
        if new == b"":
            return
        self._read += len(new)
        text = self._rest + new
        complete, _, self._rest = text.rpartition(b"\n")
        kinds = list(self._kinds(complete))
        self._done += len(kinds)
        if "TABLE DATA" in kinds:
            self.rows_done = time.monotonic()
        if kinds:
            self.phase.at(min(self._done, self.phase.due or 0))

    @staticmethod
    def _kinds(text: bytes) -> Iterator[str]:
        for match in _FINISHED.finditer(text):
            yield match[1].decode("ascii").strip()


def _major(version: str) -> int:
    match = re.match(r"\d+", version)
    return int(match[0]) if match is not None else 0
