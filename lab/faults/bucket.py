"""What is wrong with how the media bucket is set: the lab's own store knows no settings.

For the suite alone a server that knows them (moto) takes its place, with the same objects; the application keeps the
store that it has.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from lab import s3
from lab.faults.registry import Act, Fault, register
from lab.processes import free_port, listens
from lab.running import Running

_COPY = f"{s3.MEDIA}-elsewhere"
_ROLE = "arn:aws:iam::123456789012:role/replication"
_LOCKED = {"ObjectLockEnabledForBucket": True}  # which brings versions with it
_WITHOUT_TLS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            # of its objects only: the server looks at no condition, and would refuse to list the bucket
            "Resource": f"arn:aws:s3:::{s3.MEDIA}/*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ],
}


def _set(made: dict[str, Any], how: Callable[[Any], None]) -> Act:
    """Return an act that puts a server in the store's place, whose bucket is `made` so and set by `how(client)`."""

    def act(running: Running) -> None:
        import boto3  # noqa: PLC0415 (half a second, which no other fault should cost)

        port = free_port()
        argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        process = running.launcher.start("moto", argv)
        running.kept["bucket"] = process
        process.await_ready(lambda: listens(port))
        client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name=s3.REGION,
            aws_access_key_id="lab",
            aws_secret_access_key="lab",  # noqa: S106 (moto asks for some)
        )
        client.create_bucket(Bucket=s3.MEDIA, **made)
        folder = running.store.folder / s3.MEDIA
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            client.put_object(Bucket=s3.MEDIA, Key=str(path.relative_to(folder)), Body=path.read_bytes())
        how(client)
        running.proxies.redirect("media", port)

    return act


def _unset(running: Running) -> None:
    running.proxies.redirect("media", running.store.port)
    running.kept.pop("bucket").stop()


def _loose(client: Any) -> None:
    client.put_bucket_versioning(Bucket=s3.MEDIA, VersioningConfiguration={"Status": "Suspended"})
    client.create_multipart_upload(Bucket=s3.MEDIA, Key="half")  # moto says of each that it was begun in 2010


def _for_ever(client: Any) -> None:
    client.create_bucket(Bucket=_COPY, **_LOCKED)
    blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    client.put_public_access_block(Bucket=s3.MEDIA, PublicAccessBlockConfiguration=dict.fromkeys(blocks, True))
    client.put_bucket_policy(Bucket=s3.MEDIA, Policy=json.dumps(_WITHOUT_TLS))
    client.put_bucket_encryption(
        Bucket=s3.MEDIA,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    rule = {"Status": "Enabled", "Prefix": "", "Destination": {"Bucket": f"arn:aws:s3:::{_COPY}"}}
    client.put_bucket_replication(Bucket=s3.MEDIA, ReplicationConfiguration={"Role": _ROLE, "Rules": [rule]})


_LOOSE = (
    *("versioning", "encryption", "uploads-ended"),
    *("access-blocked", "encrypted-only", "replicated", "locked"),
)
register(
    Fault(
        "s3-bucket-loose",
        "the media bucket is open to everybody and set as nobody would set it on purpose",
        ("s3",),
        {"s3-private@media": "CRITICAL", **{f"s3-{check}@media": "WARNING" for check in _LOOSE}},
        _set({"ACL": "public-read"}, _loose),
        _unset,
    )
)
register(
    Fault(
        "s3-versions-for-ever",
        "the media bucket is well set, but keeps earlier versions for ever",
        ("s3",),
        {"s3-versions-expire@media": "WARNING"},
        _set(_LOCKED, _for_ever),
        _unset,
    )
)


def _read_only(running: Running) -> None:
    _again(running, "--read-only")


def _again(running: Running, *more: str) -> None:
    assert running.store.process is not None  # noqa: S101 (for the type checker: it runs)
    running.store.process.stop()
    s3.start(running.launcher, running.store, s3.pairs(running.credentials), running.store.port, more)


register(
    Fault(
        "s3-read-only",
        "the store takes no object: no finding without --allow-writes",
        ("s3",),
        {},
        _read_only,
        _again,
    )
)
