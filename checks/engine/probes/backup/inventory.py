"""Take stock of a store: which backups there are, when each was taken by the time inside it, and what is known of them.

Nothing is fetched but the first bytes of each dump and the manifests. Called by the probe and by the restore.
"""

import itertools
import zlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from checks.engine.environment.models import Backup
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup import manifest as manifests
from checks.engine.probes.backup.archive import HEAD, ArchiveError, Header, Look, look, look_text
from checks.engine.probes.backup.manifest import Manifest, ManifestError
from checks.engine.probes.backup.pipe import decryption, through
from checks.engine.probes.backup.store import Store, Stored

MOST = 400  # backups that are looked into, those put there last: a bucket without retention may hold thousands
_MANIFEST_MOST = 64 << 20
_PRIVATE_KEYS = (b"AGE-SECRET-KEY-", b"PRIVATE KEY-----", b"BEGIN PGP PRIVATE KEY BLOCK")


@dataclass(frozen=True, slots=True)
class BackupSet:
    """One backup: a dump with what belongs to it; `problem` says why it does not count as complete ("" if it does).

    `taken_at` is Unix time from inside, told by a "manifest", a "header" or a "text"; never the time of the file.
    """

    name: str
    key: str
    format: str
    compression: str
    encryption: str
    checksummed: bool
    database: str
    taken_at: float | None
    told_by: str
    size: int
    stored: tuple[Stored, ...]
    header: Header | None
    manifest: Manifest | None
    manifest_state: str  # none, signed, unchecked (no seed here), wrong signature, unreadable
    globals_key: str | None
    problem: str


@dataclass(frozen=True, slots=True)
class Stock:
    """Every backup of a store, oldest first, those whose time is not known before all others."""

    label: str
    backups: tuple[BackupSet, ...]
    passed_over: int
    keys: tuple[str, ...]
    database: str = ""

    @property
    def newest(self) -> BackupSet | None:
        """The newest complete backup, of the first database that [backup] names where it names any."""
        of = (b for b in reversed(self.backups) if b.problem == "" and self.database in {"", b.database})
        return next(of, None)

    def require_newest(self) -> BackupSet:
        """Return the newest complete backup; raise ProbeError when there is none."""
        newest = self.newest
        if newest is None:
            raise ProbeError(Reason.NO_DATA, f"{self.label} holds no complete backup", "See backup-freshness.")
        return newest


def take_stock(store: Store, backup: Backup) -> Stock:
    """List the store and look into its backups."""
    stored = store.objects()
    heap = _Heap(store, backup, stored)
    dumps = sorted(heap.dumps(), key=lambda files: max(file.modified for file in files))
    looked = dumps[-MOST:]
    backups = [found for found in (heap.backup(files) for files in looked) if found is not None]
    backups = _marked(backups)
    backups.sort(key=lambda found: (found.taken_at is not None, found.taken_at or 0.0, found.name))
    main = backup.databases[0] if backup.databases else ""
    return Stock(store.label, tuple(backups), len(dumps) - len(looked), tuple(heap.keys), main)


def _marked(backups: list[BackupSet]) -> list[BackupSet]:
    """Where a database's backups have manifests, one without is one whose making was cut off: the manifest is last."""
    since: dict[str, float] = {}
    for found in backups:
        if found.manifest is not None and found.taken_at is not None:
            since[found.database] = min(since.get(found.database, found.taken_at), found.taken_at)
    return [
        _with_problem(found, "it has no manifest, which is written last: it was not completed")
        if found.problem == ""
        and found.manifest_state == "none"
        and found.taken_at is not None
        and found.taken_at > since.get(found.database, float("inf"))
        else found
        for found in backups
    ]


def _with_problem(found: BackupSet, problem: str) -> BackupSet:
    return replace(found, problem=problem)


class _Heap:
    """What a store lists, sorted into dumps, manifests and globals."""

    def __init__(self, store: Store, backup: Backup, stored: tuple[Stored, ...]) -> None:
        self._store = store
        self._backup = backup
        self._zone = ZoneInfo(backup.timezone)
        self._manifests = {s.key: s for s in stored if s.key.endswith(manifests.SUFFIX)}
        self._globals = [s for s in stored if "globals" in PurePosixPath(s.key).name and s.key not in self._manifests]
        self._folders = {s.key.removesuffix("toc.dat") for s in stored if s.key.endswith("/toc.dat")}
        taken = {*self._manifests, *(s.key for s in self._globals)}
        self._files = [s for s in stored if s.key not in taken]
        self.keys: list[str] = []

    def dumps(self) -> list[tuple[Stored, ...]]:
        """Return the files of each dump: one, or all those of a folder in directory format."""
        folders: dict[str, list[Stored]] = {folder: [] for folder in self._folders}
        single = []
        for file in self._files:
            folder = next((f for f in self._folders if file.key.startswith(f)), None)
            if folder is None:
                single.append((file,))
            else:
                folders[folder].append(file)
        return [*single, *(tuple(files) for files in folders.values())]

    def backup(self, files: tuple[Stored, ...]) -> BackupSet | None:
        """Look into one dump; None for a file that is none."""
        first = next((f for f in files if f.key.endswith("/toc.dat")), files[0])
        name = PurePosixPath(first.key).parent.name if len(files) > 1 else PurePosixPath(first.key).name
        size = sum(file.size for file in files)
        manifest, state = self._manifest(first.key)
        problem = "" if state in {"none", "signed", "unchecked"} else f"its manifest is of no use: {state}"
        head = self._store.head(first.key, HEAD)
        try:
            seen = look(head)
            within = self._within(seen, head, manifest)
        except ArchiveError as error:
            seen, within, problem = Look("unknown"), Look("unknown"), f"it is damaged: {error}"
        if within.format == "globals":
            self._globals.append(first)
            return None
        if within.format == "unknown" and problem == "" and manifest is None:
            if any(mark in head for mark in _PRIVATE_KEYS):
                self.keys.append(name)
            return None  # a readme, a log: nothing of ours
        trusted = manifest if state in {"signed", "unchecked"} else None
        taken_at, told_by = self._taken(within, head, trusted)
        return BackupSet(
            name=name,
            key=first.key,
            format="directory" if len(files) > 1 or first.key.endswith("/toc.dat") else within.format,
            compression=within.compression if within.format != "plain" else seen.compression,
            encryption=seen.encryption,
            checksummed=seen.checksummed or within.checksummed,
            database=trusted.database if trusted is not None else (within.header.database if within.header else ""),
            taken_at=taken_at,
            told_by=told_by,
            size=size,
            stored=files,
            header=within.header,
            manifest=trusted,
            manifest_state=state,
            globals_key=self._globals_of(first, trusted),
            problem=problem or self._problem(within, size, taken_at, state, trusted),
        )

    def _within(self, seen: Look, head: bytes, manifest: Manifest | None) -> Look:
        """Look behind encryption and compression where that is possible; what stays hidden has the format ""."""
        if seen.encryption != "":
            if manifest is not None:
                return Look(manifest.dump.format, manifest.dump.compression, seen.encryption)
            try:
                return look(_opening(decryption(self._backup, seen.encryption), head))
            except ProbeError:
                return Look("", encryption=seen.encryption)
        if seen.format == "" and seen.compression == "gzip":
            try:
                return Look(look_text(zlib.decompressobj(31).decompress(head, 4096)), "gzip")
            except zlib.error:
                raise ArchiveError("it is no gzip file though it begins like one") from None
        if seen.format == "" and seen.compression == "zstd":
            return Look(look_text(_opening(("zstd", "-dc"), head)), "zstd")
        return seen

    def _manifest(self, key: str) -> tuple[Manifest | None, str]:
        own = manifest_key(key)
        if own not in self._manifests:
            return None, "none"
        if self._manifests[own].size > _MANIFEST_MOST:
            return None, "unreadable"
        try:
            manifest, signed = manifests.read(b"".join(self._store.chunks(own)))
        except ManifestError as error:
            return None, f"unreadable ({error})"
        if self._backup.seed is None:
            return manifest, "unchecked"
        right = signed.verify(self._backup.seed.text().reveal().encode())
        return manifest, "signed" if right else "wrong signature"

    def _taken(self, within: Look, head: bytes, manifest: Manifest | None) -> tuple[float | None, str]:
        if manifest is not None:
            return manifest.snapshot_at, "manifest"
        if within.header is not None:
            return within.header.written_at(self._zone), "header"
        if within.format == "plain" and within.compression == "none":
            return _started(head, self._zone), "text"
        return None, ""

    def _globals_of(self, dump: Stored, manifest: Manifest | None) -> str | None:
        if manifest is not None:
            file = manifest.globals
            key = None if file is None else str(PurePosixPath(dump.key).with_name(file.name))
            return key if key is not None and any(g.key == key for g in self._globals) else None
        same = manifest_key(dump.key).removesuffix(manifests.SUFFIX) + "."
        nearest = min(
            self._globals,
            key=lambda g: (not g.key.startswith(same), abs(g.modified - dump.modified)),
            default=None,
        )
        return None if nearest is None else nearest.key

    def _problem(self, within: Look, size: int, taken_at: float | None, state: str, manifest: Manifest | None) -> str:
        if within.format == "empty" or size == 0:
            return "it is empty"
        if manifest is not None and manifest.dump.size != size:
            return f"it has {size} bytes, its manifest says {manifest.dump.size}"
        if state == "none" and self._backup.manifest_required:
            return "it has no manifest, and [backup] manifest_required is set"
        if taken_at is None:
            return "nothing inside it says when it was taken"
        return ""


def manifest_key(key: str) -> str:
    """Return the key of the manifest of the dump `key`: `a/x.dump.age` and `a/x/toc.dat` have `a/x.manifest.json`."""
    path = PurePosixPath(key)
    if path.name == "toc.dat":
        path = path.parent
    return str(path.with_name(path.name.split(".")[0] + manifests.SUFFIX))


def _opening(command: tuple[str, ...], head: bytes) -> bytes:
    """Return what a program makes of the first bytes of a file; that it fails at the cut is expected."""
    found = b""
    try:
        for piece in itertools.islice(through(command, [head], "the head of a backup"), 64):
            found += piece
    except ArchiveError:
        pass
    return found[:HEAD]


def _started(head: bytes, zone: ZoneInfo) -> float | None:
    """Return the time that pg_dump --verbose writes into a plain dump."""
    mark = b"-- Started on "
    at = head.find(mark)
    if at < 0:
        return None
    try:
        text = head[at + len(mark) : at + len(mark) + 19].decode("ascii")
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone).timestamp()
    except ValueError:
        return None
