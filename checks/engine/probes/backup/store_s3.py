"""Backups in a bucket, opened by store.open_store: a session of its own that reads none of this machine's AWS files."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import boto3.session
import botocore.session
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from checks.engine.environment.models import Place
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup.store import CHUNK, Deleted, Keeping, ObjectFacts, Stored
from checks.engine.probes.s3_problems import NOT_S3, is_listing

_T = TypeVar("_T")
_RESUMES = 3

# A server that hangs must not cost a person's time; one that puts parts together may take its own.
_PATIENCE, _PATIENCE_WRITING = 6, 60
_CONFIG = Config(
    connect_timeout=4,
    read_timeout=_PATIENCE,
    retries={"total_max_attempts": 2, "mode": "standard"},
    proxies={},
    # A range of an object carries the checksum of the whole on some servers; ours is the manifest's SHA-256.
    response_checksum_validation="when_required",
    request_checksum_calculation="when_supported",
)
_UNSET = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ignore_configured_endpoint_urls": (None, None, True, None),
}


def open_bucket(place: Place, writing: bool) -> "BucketStore":
    """Return the store of a bucket, with the key that the environment names and no other."""
    if place.bucket is None or place.access_key is None or place.secret_key is None:
        raise ProbeError(Reason.OURS, "a bucket of backups needs bucket, access_key and secret_key")
    access, secret = place.access_key.text().reveal(), place.secret_key.text().reveal()
    with _told("the S3 client cannot be made"):
        session = boto3.session.Session(
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            region_name=place.region,
            botocore_session=botocore.session.Session(session_vars=_UNSET),
        )
        config = _CONFIG.merge(Config(read_timeout=_PATIENCE_WRITING)) if writing else _CONFIG
        if place.endpoint is not None:
            config = config.merge(Config(s3={"addressing_style": "path"}))
        client = session.client("s3", endpoint_url=place.endpoint, config=config)
    return BucketStore(client, place.bucket, place.prefix)


class BucketStore:
    """One bucket and prefix; keys are whole object keys."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._s3 = client
        self._bucket = bucket
        self._prefix = prefix

    @property
    def label(self) -> str:
        """How messages name this place."""
        return f"bucket {self._bucket}"

    def objects(self) -> tuple[Stored, ...]:
        """Return every object under the prefix."""
        found = []
        with _told(f"{self.label} cannot be listed"):
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix):
                if not is_listing(page):
                    mend = "See what stands at the endpoint of [backup]."
                    raise ProbeError(Reason.PROTOCOL, f"{self.label} cannot be listed: {NOT_S3}", mend)
                for item in page.get("Contents", ()):
                    found.append(Stored(item["Key"], item["Size"], item["LastModified"].timestamp()))
        return tuple(sorted(found, key=lambda stored: stored.key))

    def head(self, key: str, length: int) -> bytes:
        """Return the first `length` bytes by a range request."""
        return self._range(key, f"bytes=0-{length - 1}")

    def tail(self, stored: Stored, length: int) -> bytes:
        """Return the last `length` bytes by a range request."""
        return self._range(stored.key, f"bytes={max(0, stored.size - length)}-")

    def _range(self, key: str, span: str) -> bytes:
        with _told(f"{key} cannot be read"):
            try:
                return bytes(self._s3.get_object(Bucket=self._bucket, Key=key, Range=span)["Body"].read())
            except ClientError as error:
                if _code(error) in {"InvalidRange", "416"}:  # an empty object has no first byte
                    return b""
                raise

    def chunks(self, key: str) -> Iterator[bytes]:
        """Yield the whole object; a transfer that breaks goes on where it was, while the object is the same."""
        at, left, etag = 0, _RESUMES, None
        while True:
            try:
                with _told(f"{key} cannot be read"):
                    more: dict[str, str] = {} if etag is None else {"Range": f"bytes={at}-", "IfMatch": etag}
                    answer = self._s3.get_object(Bucket=self._bucket, Key=key, **more)
                    etag = answer["ETag"]
                    for chunk in answer["Body"].iter_chunks(CHUNK):
                        at += len(chunk)
                        yield chunk
            except ProbeError as error:
                if error.reason is not Reason.CONNECTION or etag is None or left == 0:
                    raise
                left -= 1
            else:
                return

    def put_bytes(self, key: str, data: bytes) -> None:
        """Put one object; S3 shows it whole or not at all."""
        with _told(f"{key} cannot be written to {self.label}"):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=data, ChecksumAlgorithm="SHA256")

    def put_file(self, key: str, path: Path, sha256: str) -> None:
        """Put one file, in parts when it is large; the digest goes along as metadata."""
        settings = TransferConfig(multipart_chunksize=16 * CHUNK, max_concurrency=2)
        extra = {"Metadata": {"sha256": sha256}, "ChecksumAlgorithm": "SHA256"}
        with _told(f"{key} cannot be written to {self.label}"):
            self._s3.upload_file(str(path), self._bucket, key, ExtraArgs=extra, Config=settings)

    def delete(self, key: str) -> None:
        """Remove one object."""
        with _told(f"{key} cannot be removed"):
            self._s3.delete_object(Bucket=self._bucket, Key=key)

    def keeping(self) -> Keeping:
        """Return versioning, lock and delete markers; what the server does not have or the key may not ask is None."""
        versioning = self._asked(self._versions)
        lock = self._asked(self._locks)
        deleted = self._asked(self._markers) if versioning else None
        return Keeping(versioning, lock, deleted)

    def _versions(self) -> bool:
        return bool(self._s3.get_bucket_versioning(Bucket=self._bucket).get("Status") == "Enabled")

    def _locks(self) -> bool:
        try:
            answer = self._s3.get_object_lock_configuration(Bucket=self._bucket)
        except ClientError as error:
            if _code(error) == "ObjectLockConfigurationNotFoundError":
                return False
            raise
        return bool(answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled")

    def _markers(self) -> tuple[Deleted, ...]:
        put: dict[str, float] = {}
        gone: dict[str, float] = {}
        for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=self._prefix):
            for item in page.get("Versions", ()):
                put[item["Key"]] = max(put.get(item["Key"], 0.0), item["LastModified"].timestamp())
            for item in page.get("DeleteMarkers", ()):
                if item["IsLatest"]:
                    gone[item["Key"]] = item["LastModified"].timestamp()
        return tuple(Deleted(key, at - put[key]) for key, at in sorted(gone.items()) if key in put)

    def _asked(self, ask: Callable[[], _T]) -> _T | None:
        try:
            with _told(f"{self.label} cannot be asked"):
                return ask()
        except ProbeError as error:
            if error.reason in {Reason.UNSUPPORTED, Reason.DENIED}:
                return None
            raise

    def object_facts(self, key: str) -> ObjectFacts:
        """Return lock and encryption of one object, from its head."""
        with _told(f"{key} cannot be asked"):
            head = self._s3.head_object(Bucket=self._bucket, Key=key)
        until = head.get("ObjectLockRetainUntilDate")
        return ObjectFacts(
            lock_mode=head.get("ObjectLockMode", ""),
            retain_until=None if until is None else until.timestamp(),
            encrypted_at_rest=head.get("ServerSideEncryption", ""),
        )


# Error codes of S3 in our words: what happened, whose fault, and the mend.
_CODES = {
    "NoSuchBucket": (Reason.NO_DATA, "the bucket is not there", "Check the bucket's name in [backup]."),
    "NoSuchKey": (Reason.NO_DATA, "the object is not there", ""),
    "404": (Reason.NO_DATA, "the object is not there", ""),
    "AccessDenied": (Reason.DENIED, "the key may not do that", "Grant checks/environments/grants/s3-backup.json."),
    "403": (Reason.DENIED, "the key may not do that", "Grant checks/environments/grants/s3-backup.json."),
    "InvalidAccessKeyId": (Reason.OURS, "the access key is not known", "Correct the variable of access_key."),
    "SignatureDoesNotMatch": (Reason.OURS, "the secret key is wrong", "Correct the variable of secret_key."),
    "RequestTimeTooSkewed": (Reason.OURS, "this machine's clock is wrong", "Set the clock."),
    "NotImplemented": (Reason.UNSUPPORTED, "the server does not have that", ""),
    "501": (Reason.UNSUPPORTED, "the server does not have that", ""),
    "MethodNotAllowed": (Reason.UNSUPPORTED, "the server does not have that", ""),
    "PreconditionFailed": (Reason.NO_DATA, "it was replaced while it was read", "Run again."),
    "412": (Reason.NO_DATA, "it was replaced while it was read", "Run again."),
    "SlowDown": (Reason.TIMEOUT, "the server asks us to slow down", ""),
}


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn boto's errors into ours; its texts quote URLs and keys and are dropped."""
    try:
        yield
    except ClientError as error:
        code = _code(error)
        reason, why, mend = _CODES.get(code, (Reason.PROTOCOL, "the server answers with an error", ""))
        raise ProbeError(reason, f"{what}: {why}", mend) from None
    except BotoCoreError as error:
        raise ProbeError(Reason.CONNECTION, f"{what}: {_words(error)}") from None
    except OSError:
        raise ProbeError(Reason.CONNECTION, f"{what}: the connection broke") from None


def _words(error: BotoCoreError) -> str:
    name = type(error).__name__
    if "Timeout" in name:
        return "no answer in time"
    if "SSL" in name:
        return "TLS could not be agreed"
    if "Connect" in name or "Endpoint" in name:
        return "the endpoint cannot be reached"
    return "the transfer failed"
