"""What a file is, told by its first bytes: format, compression, encryption, and what lies behind those where it can.

Called by the inventory for every file of a store, and by take_backup for what it has just encrypted.
"""

import itertools
import zlib
from dataclasses import dataclass
from datetime import datetime, tzinfo

from checks.engine.environment.models import Backup
from checks.engine.model import ProbeError
from checks.engine.probes.backup.archive import ArchiveError, ArchiveReader, ByteStream, Header, read_header
from checks.engine.probes.backup.manifest import Manifest
from checks.engine.probes.backup.pipe import decryption, through

ENCRYPTED_HEAD = 1 << 17  # age gives nothing before a whole chunk of 64 KiB


@dataclass(frozen=True, slots=True)
class Look:
    """What the first bytes say a file is; `header` only of a PostgreSQL archive that is not hidden in anything."""

    format: str  # custom, directory, tar, plain, globals, unknown, empty; "" where encryption or compression hides it
    compression: str = "none"
    encryption: str = ""
    checksummed: bool = False
    header: Header | None = None


# First bytes, the program, and the bits of the next byte that stand for a checksum: RFC 8878, 3.1.1.1; LZ4 frames, FLG.
_PACKED = ((b"\x28\xb5\x2f\xfd", "zstd", 0x04), (b"\x04\x22\x4d\x18", "lz4", 0x14))


def look(head: bytes) -> Look:
    """Tell a file by its first bytes; raises ArchiveError for an archive whose header is damaged."""
    encryption = encryption_of(head)
    if encryption != "":
        # age and OpenPGP authenticate what they hold; openssl enc does not.
        return Look("", encryption=encryption, checksummed=encryption != "openssl")
    if head.startswith(b"PGDMP"):
        return _look_archive(head)
    if head[257:262] == b"ustar" and head.startswith(b"toc.dat"):
        return _look_archive(head[512:])
    if head.startswith(b"\x1f\x8b"):
        return Look("", "gzip", checksummed=True)
    for magic, program, checksums in _PACKED:
        if head.startswith(magic):
            return Look("", program, checksummed=len(head) > len(magic) and bool(head[len(magic)] & checksums))
    return Look(look_text(head))


def _look_archive(head: bytes) -> Look:
    header = read_header(ArchiveReader(ByteStream([head])))
    return Look(header.format, header.compression, checksummed=header.compression == "gzip", header=header)


def look_text(head: bytes) -> str:
    """Tell a plain dump by its opening comment."""
    opening = head[:400]
    if b"PostgreSQL database cluster dump" in opening:
        return "globals"
    if opening == b"":
        return "empty"
    return "plain" if b"PostgreSQL database dump" in opening else "unknown"


_OPENPGP = (*range(0x84, 0x88), *range(0x8C, 0x90), 0xC1, 0xC3)  # a session key packet, old and new framing (RFC 9580)


def encryption_of(head: bytes) -> str:
    """Return by what a file is encrypted, or ""; told by its first bytes."""
    if head.startswith((b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE")):
        return "age"
    if head.startswith(b"-----BEGIN PGP MESSAGE") or (head != b"" and head[0] in _OPENPGP):
        return "gpg"
    return "openssl" if head.startswith(b"Salted__") else ""


def within(backup: Backup, seen: Look, head: bytes, manifest: Manifest | None) -> Look:
    """Look behind encryption and compression where that is possible; what stays hidden has the format ""."""
    if seen.encryption != "":
        if manifest is not None:
            return Look(manifest.dump.format, manifest.dump.compression, seen.encryption)
        try:
            return look(_opening(decryption(backup, seen.encryption), head))
        except ProbeError:
            return Look("", encryption=seen.encryption)
    if seen.format == "" and seen.compression == "gzip":
        try:
            return Look(look_text(zlib.decompressobj(31).decompress(head, 4096)), "gzip")
        except zlib.error:
            raise ArchiveError("it is no gzip file though it begins like one") from None
    if seen.format == "" and seen.compression in {"zstd", "lz4"}:
        return Look(look_text(_opening((seen.compression, "-dc"), head)), seen.compression)
    return seen


def _opening(command: tuple[str, ...], head: bytes) -> bytes:
    """Return what a program makes of the first bytes of a file; that it fails at the cut is expected."""
    found = b""
    try:
        for piece in itertools.islice(through(command, [head], "the head of a backup"), 64):
            found += piece
    except ArchiveError:
        pass
    return found


def started(head: bytes, zone: tzinfo) -> float | None:
    """Return the Unix time that pg_dump --verbose writes into a plain dump, in the dumping machine's zone."""
    mark = b"-- Started on "
    at = head.find(mark)
    if at < 0:
        return None
    try:
        text = head[at + len(mark) : at + len(mark) + 19].decode("ascii")
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone).timestamp()
    except ValueError:
        return None
