"""Read the newest backup to its last byte, write it nowhere, and compare what it holds with what should be there.

Called by looking.py, and by the restore with the bytes that it fetches anyway.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from checks.engine.environment import Environment
from checks.engine.environment.models import Backup
from checks.engine.probes.backup import globals_dump, live_catalog, structure
from checks.engine.probes.backup.archive import ArchiveError, Header
from checks.engine.probes.backup.fetch import Counted, FetchedBackup, digest_of
from checks.engine.probes.backup.inventory import BackupSet, Stock
from checks.engine.probes.backup.kinds import OURS, Read, read_custom, read_folder, read_plain
from checks.engine.probes.backup.manifest import Manifest
from checks.engine.probes.backup.pipe import decryption, through
from checks.engine.probes.backup.progress import Phase
from checks.engine.probes.backup.sql_read import split_name
from checks.engine.probes.backup.store import Store, Stored
from checks.engine.probes.backup.store_folder import FolderStore
from checks.engine.readings.backup import BackupNewest

_OURS = "its manifest"
_NOTHING = Read((), (), 0, OURS)


@dataclass(frozen=True, slots=True)
class Whole:
    """What reading to the end gave: what was found, the digest of what is stored, and what is broken ("": nothing)."""

    read: Read
    sha256: str
    problem: str


def examine(store: Store, stock: Stock, environment: Environment, remaining: Callable[[], float]) -> BackupNewest:
    """Return the reading of the newest complete backup; raises ProbeError where this machine cannot read it."""
    backup = environment.backup
    assert backup is not None  # noqa: S101 (its target is there)
    newest = stock.newest
    if newest is None:
        return BackupNewest(name="", source=f"listing of {store.label}", sampled_at=time.time())
    start = time.monotonic()
    configured = None if environment.restore is None else environment.restore.binaries
    if newest.format == "directory":
        whole = _folder(store, newest, remaining)
    else:
        counted = Counted(store.chunks(newest.key), remaining, Phase("read", "bytes", newest.size).at)
        whole = read_whole(counted, newest, backup, configured)
    seconds = time.monotonic() - start
    roles = globals_dump.read(store, newest, backup, remaining)
    return compare(newest, environment, whole, roles, seconds)


def read_whole(counted: Counted, newest: BackupSet, backup: Backup, configured: str | None) -> Whole:
    """Read a backup of one file from the stored bytes that pass by; a broken one still gets its digest."""
    source = iter(counted)
    pieces: Iterable[bytes] = source
    if newest.encryption != "":
        pieces = through(decryption(backup, newest.encryption), pieces, newest.name)
    read, problem = _NOTHING, ""
    try:
        read = read_plain(pieces, newest.compression) if newest.format == "plain" else read_custom(pieces, configured)
    except ArchiveError as error:
        problem = str(error)
    for _ in source:
        pass
    return Whole(read, counted.result().sha256, problem)


def of_fetched(
    store: Store, newest: BackupSet, environment: Environment, fetched: FetchedBackup, remaining: Callable[[], float]
) -> BackupNewest:
    """Return the same reading from the file that the restore has fetched, in the clear: nothing is fetched twice."""
    backup = environment.backup
    assert backup is not None  # noqa: S101 (its target is there)
    start = time.monotonic()
    configured = None if environment.restore is None else environment.restore.binaries
    here = FolderStore(fetched.path.parent, "")
    if newest.format == "directory":
        keys = [f"{fetched.path.name}/{PurePosixPath(stored.key).name}" for stored in newest.stored]
        whole = _folder(here, replace(newest, stored=tuple(Stored(key, 0, 0.0) for key in keys)), remaining)
    else:
        counted = Counted(here.chunks(fetched.path.name), remaining)
        whole = read_whole(counted, replace(newest, encryption=""), backup, configured)
    whole = replace(whole, sha256=fetched.sha256)  # of what is stored, which may be encrypted
    seconds = time.monotonic() - start
    roles = globals_dump.read(store, newest, backup, remaining)
    return compare(newest, environment, whole, roles, seconds)


def _folder(store: Store, newest: BackupSet, remaining: Callable[[], float]) -> Whole:
    digests: list[tuple[str, str]] = []

    def opened(key: str) -> Iterator[bytes]:
        counted = Counted(store.chunks(key), remaining)
        yield from counted
        digests.append((PurePosixPath(key).name, counted.result().sha256))

    try:
        read = read_folder([stored.key for stored in newest.stored], opened)
    except ArchiveError as error:
        return Whole(_NOTHING, "", str(error))
    return Whole(read, digest_of(digests), "")


def compare(
    newest: BackupSet, environment: Environment, whole: Whole, roles: globals_dump.Roles, seconds: float
) -> BackupNewest:
    """Return the reading: what was read, beside the manifest or, without one, beside the live catalogue."""
    backup = environment.backup
    assert backup is not None  # noqa: S101 (its target is there)
    read, manifest = whole.read, newest.manifest
    expected, against = _expected(manifest, environment)
    # Names that begin with pg_ are PostgreSQL's own roles: every server has them.
    named = sorted({role for entry in read.toc for role in entry.roles if not role.startswith("pg_")})
    rows = [table.rows for table in read.tables if table.rows is not None]
    server, program = _versions(newest.header, manifest)
    return BackupNewest(
        name=newest.name,
        format=newest.format,
        compression=newest.compression,
        encryption=newest.encryption,
        encryption_due=backup.encrypted,
        checksummed=newest.checksummed,
        size=newest.size,
        unpacked=read.unpacked,
        seconds=seconds,
        reads=read.by,
        problem=whole.problem,
        sha256=whole.sha256,
        sha256_expected="" if manifest is None else manifest.dump.sha256,
        tables=len(read.tables),
        rows=sum(rows) if rows else None,
        rows_differ=_rows_differ(read, manifest) if whole.problem == "" else (),
        compared_with=against,
        relations_missing=_relations_missing(read, expected) if whole.problem == "" else (),
        data_missing=_data_missing(read) if whole.problem == "" else (),
        extensions_missing=_extensions_missing(read, manifest) if whole.problem == "" else (),
        large_objects_missing=_large_objects_missing(read, manifest) if whole.problem == "" else 0,
        globals_found=newest.globals_key is not None,
        globals_problem=roles.problem,
        globals_unread=roles.unread,
        roles_named=len(named),
        roles_missing=tuple(r for r in named if r not in roles.made) if roles.read else (),
        server_version=server,
        dump_version=program,
        newer_than_server=_major(program) > _major(server) > 0,
        source=f"every byte of {newest.name}",
        sampled_at=time.time(),
    )


def _expected(manifest: Manifest | None, environment: Environment) -> tuple[tuple[tuple[str, str], ...], str]:
    """Return the relations that should be in the archive, and who says so ("" where nobody can)."""
    if manifest is None:
        found, name = live_catalog.relations(environment)
        return found, "" if not found else f"postgresql {name}"  # a database without relations proves nothing
    named = [name for name, kind in _things(manifest, "relation").items() if not kind.startswith("sequence")]
    return tuple(
        split_name(name) for name in dict.fromkeys([*named, *(table.name for table in manifest.tables)])
    ), _OURS


def _things(manifest: Manifest, kind: str) -> dict[str, str]:
    """Return what the manifest holds of a kind; nothing where another version of the suite wrote it."""
    try:
        return structure.from_json(manifest.structure).of(kind)
    except ValueError:
        return {}


_RELATIONS = {"TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "FOREIGN TABLE"}


def _relations_missing(read: Read, expected: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    have = {(entry.schema, entry.name) for entry in read.toc if entry.kind in _RELATIONS}
    return tuple(f"{schema}.{name}" for schema, name in expected if (schema, name) not in have)


def _data_missing(read: Read) -> tuple[str, ...]:
    """Return the tables that the archive makes but brings no data for, as --exclude-table-data leaves them."""
    data = {(entry.schema, entry.name) for entry in read.toc if entry.kind == "TABLE DATA"}
    made = [(entry.schema, entry.name) for entry in read.toc if entry.kind == "TABLE" and not entry.partitioned]
    return tuple(f"{schema}.{name}" for schema, name in made if (schema, name) not in data)


def _extensions_missing(read: Read, manifest: Manifest | None) -> tuple[str, ...]:
    """Return the extensions that the manifest names and the archive does not make: a dump of some schemas only."""
    if manifest is None:
        return ()
    have = {"plpgsql", *(entry.name for entry in read.toc if entry.kind == "EXTENSION")}
    return tuple(name for name in _things(manifest, "extension") if name not in have)


def _large_objects_missing(read: Read, manifest: Manifest | None) -> int:
    if manifest is None or read.large_objects is None:
        return 0
    return max(0, manifest.large_objects - read.large_objects)


def _rows_differ(read: Read, manifest: Manifest | None) -> tuple[str, ...]:
    if manifest is None:
        return ()
    rows = {(table.schema, table.name): table.rows for table in read.tables}
    differ = []
    for table in manifest.tables:
        have = rows.get(split_name(table.name))
        if have is not None and have != table.rows:
            differ.append(f"{table.name}: {have} rows, its manifest says {table.rows}")
    return tuple(differ)


def _versions(header: Header | None, manifest: Manifest | None) -> tuple[str, str]:
    if header is not None:
        return header.server, header.program
    return ("", "") if manifest is None else (manifest.server_version, manifest.dump_version)


def _major(version: str) -> int:
    match = re.match(r"\d+", version)
    return 0 if match is None else int(match.group())
