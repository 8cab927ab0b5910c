"""What a store lists, sorted: which files make a dump, and what its first bytes and its manifest say of it.

Called by the inventory only. The first bytes and manifests are read side by side: each is one round trip.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import PurePosixPath

from checks.engine.environment.models import Backup
from checks.engine.probes.backup import manifest as manifests
from checks.engine.probes.backup.archive import HEAD, ArchiveError, Header
from checks.engine.probes.backup.hands import side_by_side
from checks.engine.probes.backup.look import ENCRYPTED_HEAD, Look, encryption_of, look, started, within
from checks.engine.probes.backup.manifest import Manifest, ManifestError
from checks.engine.probes.backup.store import Store, Stored

_MANIFEST_MOST = 64 << 20
_PRIVATE_KEYS = (b"AGE-SECRET-KEY-", b"PRIVATE KEY-----", b"BEGIN PGP PRIVATE KEY BLOCK")
_HANDS = 8


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


class Heap:
    """What a store lists, sorted into dumps, manifests and globals."""

    def __init__(self, store: Store, backup: Backup, stored: tuple[Stored, ...]) -> None:
        self._store = store
        self._backup = backup
        self._zone = backup.zone
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
            folder = file.key[: file.key.rfind("/") + 1]  # a dump in directory format has no folders in it
            if folder in folders:
                folders[folder].append(file)
            else:
                single.append((file,))
        return [*single, *(tuple(files) for files in folders.values())]

    def backups(self, of: list[tuple[Stored, ...]]) -> list[BackupSet]:
        """Look into some dumps; what is none is left out, and remembered where it is a private key or globals."""
        firsts = [next((f for f in files if f.key.endswith("/toc.dat")), files[0]) for files in of]
        opened = side_by_side(len(firsts), _HANDS, lambda: nullcontext(lambda number: self._open(firsts[number])))
        found = (self._backup_of(files, first, *own) for files, first, own in zip(of, firsts, opened, strict=True))
        return [backup for backup in found if backup is not None]

    def _open(self, first: Stored) -> tuple[bytes, bytes | None]:
        """Return the first bytes of a dump and its manifest's text; None where it has none of a sensible size."""
        head = self._store.head(first.key, HEAD)
        if encryption_of(head) != "" and len(head) == HEAD:
            head = self._store.head(first.key, ENCRYPTED_HEAD)
        own = self._manifests.get(manifest_key(first.key))
        if own is None or own.size > _MANIFEST_MOST:
            return head, None
        return head, b"".join(self._store.chunks(own.key))

    def _backup_of(self, files: tuple[Stored, ...], first: Stored, head: bytes, text: bytes | None) -> BackupSet | None:
        folder = first.key.endswith("/toc.dat")
        name = PurePosixPath(first.key).parent.name if folder else PurePosixPath(first.key).name
        size = sum(file.size for file in files)
        manifest, state = self._manifest(first.key, text)
        problem = "" if state in {"none", "signed", "unchecked"} else f"its manifest is of no use: {state}"
        try:
            seen = look(head)
            inside = within(self._backup, seen, head, manifest)
        except ArchiveError as error:
            seen, inside, problem = Look("unknown"), Look("unknown"), f"it is damaged: {error}"
        if inside.format == "globals":
            self._globals.append(first)
            return None
        if inside.format == "unknown" and problem == "" and manifest is None:
            if any(mark in head for mark in _PRIVATE_KEYS):
                self.keys.append(name)
            return None  # a readme, a log: nothing of ours
        trusted = manifest if state in {"signed", "unchecked"} else None
        taken_at, told_by = self._taken(inside, head, trusted)
        return BackupSet(
            name=name,
            key=first.key,
            format="directory" if folder else inside.format,
            compression=inside.compression if inside.format != "plain" else seen.compression,
            encryption=seen.encryption,
            checksummed=seen.checksummed or inside.checksummed,
            database=trusted.database if trusted is not None else (inside.header.database if inside.header else ""),
            taken_at=taken_at,
            told_by=told_by,
            size=size,
            stored=files,
            header=inside.header,
            manifest=trusted,
            manifest_state=state,
            globals_key=self._globals_of(first, trusted),
            problem=problem or self._problem(inside, size, taken_at, state, trusted),
        )

    def _manifest(self, key: str, text: bytes | None) -> tuple[Manifest | None, str]:
        if text is None:
            return None, "unreadable" if manifest_key(key) in self._manifests else "none"
        try:
            manifest, signed = manifests.read(text)
        except ManifestError as error:
            return None, f"unreadable ({error})"
        if self._backup.seed is None:
            return manifest, "unchecked"
        right = signed.verify(self._backup.seed.text().reveal().encode())
        return manifest, "signed" if right else "wrong signature"

    def _taken(self, inside: Look, head: bytes, manifest: Manifest | None) -> tuple[float | None, str]:
        if manifest is not None:
            return manifest.snapshot_at, "manifest"
        if inside.header is not None:
            return inside.header.written_at(self._zone), "header"
        if inside.format == "plain" and inside.compression == "none":
            return started(head, self._zone), "text"
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

    def _problem(self, inside: Look, size: int, taken_at: float | None, state: str, manifest: Manifest | None) -> str:
        if inside.format == "empty" or size == 0:
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
