"""The S3 side: where the lab's buckets are, and writing many small objects quickly."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

from lab.seed.window import Media

_THREADS = 4
S3Client = Any  # boto3 makes its clients' classes at run time


@dataclass(frozen=True, slots=True)
class S3Settings:
    """Where the lab's S3 server is, with the keys that may write both buckets."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str
    media_bucket: str
    backup_bucket: str


@cache
def client(settings: S3Settings) -> S3Client:
    """Return a client that gives up after seconds, not minutes."""
    # Loaded only here: most starts of a cached lab have nothing to store, and this is half of what they would cost.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=3,
        read_timeout=15,
        retries={"total_max_attempts": 2},
        max_pool_connections=_THREADS,
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.client(
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        config=config,
    )


def media_url(settings: S3Settings) -> str:
    """Return what the application puts before a key in media_upload.s3_path: Amazon's host, whatever the endpoint."""
    return f"https://{settings.media_bucket}.s3.amazonaws.com"


def put_media(settings: S3Settings, objects: Iterable[Media]) -> None:
    """Store `objects`, several at a time; the first failure is raised."""
    s3 = client(settings)

    def put(media: Media) -> None:
        # rclone takes the object's age from this, where other servers keep it as a note.
        about = {"mtime": str(media.uploaded)}
        s3.put_object(Bucket=settings.media_bucket, Key=media.key, Body=media.body, Metadata=about)

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(put, objects))
