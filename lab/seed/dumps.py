"""Backups: taken by the suite's own program, stored under the time at which they are said to have been taken."""

import struct
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from time import gmtime, strftime

from lab.marked import BACKUP_SEED
from lab.seed.store import S3Settings, client

PREFIX = "postgresql/"


@dataclass(frozen=True, slots=True)
class Dumper:
    """Takes backups of one database, with the client programs in `pg_bin`."""

    pg_bin: Path
    dsn: str
    s3: S3Settings

    def dump(self, taken: float) -> None:
        """Take a backup now, and store it as if it had been taken at `taken` (epoch seconds)."""
        # Loaded only here, as boto3 is: most starts of a cached lab take no backup.
        from checks.engine.environment.secrets import SecretText  # noqa: PLC0415
        from checks.engine.probes.backup import manifest as manifests  # noqa: PLC0415
        from checks.engine.probes.backup.store_folder import FolderStore  # noqa: PLC0415
        from checks.take_backup.progress import Progress  # noqa: PLC0415
        from checks.take_backup.take import Plan, take  # noqa: PLC0415

        name = f"penhas-{strftime('%Y-%m-%dT%H%M%SZ', gmtime(taken))}"
        with TemporaryDirectory() as temporary:
            folder = Path(temporary)
            secret = SecretText(BACKUP_SEED)
            store = FolderStore(folder, "")
            plan = Plan(SecretText(self.dsn), store, "", secret, (), self.pg_bin, folder / "stage", nice=0)
            own = take(plan, Progress(quiet=True))
            bodies = {file.role: (folder / file.name).read_bytes() for file in own.files}
        bodies["dump"] = set_back(bodies["dump"], taken)
        digest = sha256(bodies["dump"]).hexdigest()
        files = tuple(
            replace(file, name=file.name.replace(own.name, name), sha256=digest, plain_sha256=digest)
            if file.role == "dump"
            else replace(file, name=file.name.replace(own.name, name))
            for file in own.files
        )
        back = taken - own.snapshot_at
        dated = replace(
            own, name=name, files=files, started=own.started + back, snapshot_at=taken, finished=own.finished + back
        )
        for file in files:
            self._put(file.name, bodies[file.role], taken)
        self._put(name + manifests.SUFFIX, manifests.write(dated, BACKUP_SEED.encode()), taken)

    def _put(self, name: str, body: bytes, taken: float) -> None:
        about = {"sha256": sha256(body).hexdigest(), "mtime": str(taken)}
        for bucket in (self.s3.backup_bucket, f"{self.s3.backup_bucket}-copy"):
            client(self.s3).put_object(Bucket=bucket, Key=PREFIX + name, Body=body, Metadata=about)


def set_back(archive: bytes, taken: float) -> bytes:
    """Return a custom-format archive whose "Archive created at" is `taken`, UTC.

    The header is "PGDMP", three bytes of version, the sizes of an integer and of an offset, the format, the compression
    (one byte from format 1.15 on, an integer before), then the time as a struct tm of seven integers: each a sign byte
    and the value, least significant byte first. There is no checksum over it. pg_dump has no option for it, and a
    backup's age is judged by this time, which survives a copy of the file, not by the file's.
    """
    if archive[:5] != b"PGDMP":
        raise ValueError("not an archive in pg_dump's custom format")
    size = archive[8]
    start = 11 + (1 if archive[5:7] >= bytes((1, 15)) else 1 + size)
    moment = gmtime(taken)
    fields = (moment.tm_sec, moment.tm_min, moment.tm_hour, moment.tm_mday, moment.tm_mon - 1, moment.tm_year - 1900, 0)
    header = b"".join(struct.pack("B", 0) + field.to_bytes(size, "little") for field in fields)
    return archive[:start] + header + archive[start + len(header) :]
