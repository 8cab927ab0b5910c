"""Backups: pg_dump's custom format and the globals, stored under the time at which they are said to have been taken."""

import os
import struct
import subprocess
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from time import gmtime, strftime

from psycopg.conninfo import conninfo_to_dict

from lab.seed.store import S3Settings, client

PREFIX = "postgresql/"
_VARIABLES = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}


@dataclass(frozen=True, slots=True)
class Dumper:
    """Takes backups of one database, with the client programs in `pg_bin`."""

    pg_bin: Path
    dsn: str
    s3: S3Settings

    def roles(self) -> bytes:
        """Return the statements that make the cluster's roles, without their passwords."""
        return _run([str(self.pg_bin / "pg_dumpall"), "--globals-only", "--no-role-passwords"], self.dsn)

    def dump(self, taken: float, roles: bytes) -> None:
        """Dump the database now, and store it with the `roles` statements as if taken at `taken` (epoch seconds)."""
        stamp = strftime("%Y-%m-%dT%H%M%SZ", gmtime(taken))
        with TemporaryDirectory() as folder:
            file = Path(folder) / "dump"
            _run([str(self.pg_bin / "pg_dump"), "--format=custom", f"--file={file}"], self.dsn)
            content = set_back(file.read_bytes(), taken)
        for name, body in ((f"penhas-{stamp}.dump", content), (f"penhas-{stamp}.globals.sql", roles)):
            about = {"sha256": sha256(body).hexdigest(), "mtime": str(taken)}
            client(self.s3).put_object(Bucket=self.s3.backup_bucket, Key=PREFIX + name, Body=body, Metadata=about)


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


def _run(command: list[str], dsn: str) -> bytes:
    """Run a client program with the connection in its environment, where no process listing shows the password."""
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC", "PGCONNECT_TIMEOUT": "5"}
    for key, value in conninfo_to_dict(dsn).items():
        if key in _VARIABLES and value is not None:
            environment[_VARIABLES[key]] = str(value)
    return subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60).stdout
