"""Compare the media bucket with the rows of the restored copy, both ways; called by `restored`.

The copy stands still at one moment, as the live database never does: an object that is missing for one of its rows is
lost, and one that no row names and that is older than the backup is left over. Keys are compared and never told.
"""

import hashlib
import time
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from checks.engine.environment import Environment, models
from checks.engine.model import ProbeError, Reason
from checks.engine.probes import Context
from checks.engine.probes.backup.copy import Copy
from checks.engine.probes.backup.database import RESTORER
from checks.engine.probes.backup.store import Store, open_store
from checks.engine.readings.restore import BackupMedia

HOUR = 3600.0
FETCHED = 10_000
PARTS = 1 << 16


def compare(context: Context, copy: Copy) -> BackupMedia:
    """Return what is missing and what is left over; raise ProbeError where rows or bucket cannot be read."""
    rows = _declared(context.environment)
    bucket = _bucket(context.environment, rows)
    named = _named(copy, rows, bucket)
    store = open_store(_place(context.environment, bucket, rows.prefix))
    taken = copy.newest.taken_at or time.time()
    held = {_digest(stored.key): stored for stored in store.objects()}
    chosen = {key: stored for key, stored in held.items() if _sampled(key, rows.sample)}
    missing = named - held.keys()
    left = [s for key, s in chosen.items() if key not in named and s.modified < taken - rows.grace_hours * HOUR]
    return BackupMedia(
        source=f"bucket {bucket}",
        sampled_at=time.time(),
        table=rows.table,
        bucket=bucket,
        named=len(named),
        objects=len(chosen),
        missing=len(missing),
        emptied=sum(held[key].size == 0 for key in named & held.keys()),
        deleted=_deleted(store, missing),
        left_over=len(left),
        left_over_bytes=sum(stored.size for stored in left),
        sample=rows.sample,
    )


def _declared(environment: Environment) -> models.MediaRows:
    if environment.s3 is None or environment.restore is None:
        raise ProbeError(Reason.OURS, "no media bucket in this environment", "Add [s3].")
    return environment.restore.media


def _bucket(environment: Environment, rows: models.MediaRows) -> str:
    assert environment.s3 is not None  # noqa: S101 (_declared has looked)
    named = [bucket.bucket for bucket in environment.s3.buckets if rows.bucket in {None, bucket.name}]
    if not named:
        raise ProbeError(
            Reason.OURS, "[restore.media] names a bucket that [s3] does not have", "Name one of [s3] buckets."
        )
    return named[0]


def _place(environment: Environment, bucket: str, prefix: str) -> models.Place:
    s3 = environment.s3
    assert s3 is not None  # noqa: S101 (_declared has looked)
    return models.Place(
        bucket=bucket,
        endpoint=s3.endpoint,
        region=s3.region,
        access_key=s3.access_key,
        secret_key=s3.secret_key,
        prefix=prefix,
    )


def _named(copy: Copy, rows: models.MediaRows, bucket: str) -> set[bytes]:
    """Return the digests of the keys that the copy's rows name, of the share that is compared."""
    schema, table = rows.table.split(".")
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in rows.keys)
    statement = sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(schema, table))
    found: set[bytes] = set()
    try:
        with (
            copy.server.connect(copy.done.database, RESTORER) as link,
            link.transaction(),
            link.cursor(name="media") as cursor,
        ):
            cursor.itersize = FETCHED
            for row in cursor.execute(statement):
                found.update(_digests(row, bucket, rows.sample))
    except psycopg.errors.UndefinedTable:
        raise ProbeError(
            Reason.NO_DATA, f"the copy has no table {rows.table}", "Name the table under [restore.media]."
        ) from None
    except psycopg.errors.UndefinedColumn:
        raise ProbeError(
            Reason.NO_DATA, f"{rows.table} lacks a column of [restore.media]", "Name its columns under keys."
        ) from None
    if not found:
        raise ProbeError(Reason.NO_DATA, f"no row of {rows.table} names an object", "Check [restore.media].")
    return found


def _digests(row: tuple[object, ...], bucket: str, sample: float) -> Iterator[bytes]:
    for value in row:
        if isinstance(value, str) and value != "":
            digest = _digest(key_of(value, bucket))
            if _sampled(digest, sample):
                yield digest


def key_of(value: str, bucket: str) -> str:
    """Return the object key that a column holds: the key itself, or a URL of it, with the bucket in host or path."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https", "s3"}:
        return value.lstrip("/")
    path = unquote(parts.path).lstrip("/")
    in_host = (parts.hostname or "").split(".")[0] == bucket
    return path if in_host else path.removeprefix(bucket + "/")


def _digest(key: str) -> bytes:
    """Keys of a million objects must not fill our memory, nor lie in it."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=10).digest()


def _sampled(digest: bytes, share: float) -> bool:
    return int.from_bytes(digest[:2], "big") < share * PARTS


def _deleted(store: Store, missing: set[bytes]) -> int | None:
    """Return how many of the missing ones are hidden by a delete marker; None where the bucket keeps no versions."""
    if not missing:
        return 0
    deleted = store.keeping().deleted
    return None if deleted is None else sum(_digest(marker.key) in missing for marker in deleted)
