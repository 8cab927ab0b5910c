"""The manifest: what take_backup saw in the snapshot of the dump, signed, and stored last as the mark of completeness.

JSON beside the dump, `<name>.manifest.json`. Signed with HMAC-SHA256 under a secret seed that is kept with the backup's
keys, not beside the backup: who can replace the dump cannot replace its manifest. The sums of rows use the same seed.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass

from pydantic import JsonValue, TypeAdapter, ValidationError

SUFFIX = ".manifest.json"
SCHEMA = 1


class ManifestError(Exception):
    """A manifest that cannot be used; the text is ours."""


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """One file of the backup as it is stored; `plain_*` are those before encryption, the same where there is none."""

    role: str  # dump, globals
    name: str
    format: str
    compression: str
    encryption: str
    size: int
    sha256: str
    plain_size: int
    plain_sha256: str


@dataclass(frozen=True, slots=True)
class TableSum:
    """One table in the snapshot: rows, their order-independent sum (None: not taken), and its newest times (Unix s)."""

    name: str
    rows: int
    sum: str | None
    newest: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole backup; times are Unix seconds. `structure` is what structure.py says of the database, as JSON."""

    schema: int
    name: str
    program: str
    database: str
    databases: tuple[str, ...]
    started: float
    snapshot_at: float
    finished: float
    dump_seconds: float
    files: tuple[ManifestFile, ...]
    server_version: str
    server_version_num: int
    dump_version: str
    system_identifier: str
    in_recovery: bool
    last_replay_at: float | None
    lsn: str
    database_bytes: int
    command: tuple[str, ...]
    roles: tuple[str, ...]
    tables: tuple[TableSum, ...]
    large_objects: int
    large_objects_sum: str | None
    seed_fingerprint: str
    structure: JsonValue

    @property
    def dump(self) -> ManifestFile:
        """The dump's own file."""
        return next(file for file in self.files if file.role == "dump")

    @property
    def globals(self) -> ManifestFile | None:
        """The file of roles and tablespaces, where one was taken."""
        return next((file for file in self.files if file.role == "globals"), None)


_ADAPTER = TypeAdapter(Manifest)


def row_seed(seed: bytes) -> int:
    """Return the 64-bit seed of the sums of rows: nobody without the secret can guess a row from a sum."""
    return int.from_bytes(_derived(seed, "rows")[:8], "big", signed=True)


def fingerprint(seed: bytes) -> str:
    """Return what tells that two sums were taken with the same seed, without saying anything of it."""
    return _derived(seed, "fingerprint").hex()[:16]


def write(manifest: Manifest, seed: bytes) -> bytes:
    """Return the signed file."""
    body = json.loads(_ADAPTER.dump_json(manifest))
    return json.dumps({"manifest": body, "signature": _signature(body, seed)}, indent=1, sort_keys=True).encode()


def read(data: bytes) -> tuple[Manifest, "Signed"]:
    """Return a manifest and what is needed to verify it; raises ManifestError."""
    try:
        outer = json.loads(data)
        body, signature = outer["manifest"], outer.get("signature", "")
        manifest = _ADAPTER.validate_python(body)
    except (ValueError, KeyError, TypeError, ValidationError):
        raise ManifestError("it is not a manifest of this suite") from None
    if manifest.schema != SCHEMA:
        raise ManifestError(f"its schema is {manifest.schema}, this suite reads {SCHEMA}")
    if not any(file.role == "dump" for file in manifest.files):
        raise ManifestError("it names no dump")
    return manifest, Signed(json.dumps(body, sort_keys=True, separators=(",", ":")), str(signature))


@dataclass(frozen=True, slots=True)
class Signed:
    """The canonical text of a manifest and the signature beside it."""

    text: str
    signature: str

    def verify(self, seed: bytes) -> bool:
        """Whether the signature is that of this seed."""
        return hmac.compare_digest(_of_text(self.text, seed), self.signature)


def _signature(body: object, seed: bytes) -> str:
    return _of_text(json.dumps(body, sort_keys=True, separators=(",", ":")), seed)


def _of_text(text: str, seed: bytes) -> str:
    return "hmac-sha256:" + hmac.new(_derived(seed, "manifest"), text.encode(), hashlib.sha256).hexdigest()


def _derived(seed: bytes, purpose: str) -> bytes:
    return hmac.new(seed, f"penhas-checks {purpose}".encode(), hashlib.sha256).digest()
