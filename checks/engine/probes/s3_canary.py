"""Puts one object of ours into a bucket, reads it back and deletes it: run only with --allow-writes.

Called by the probe of S3, which gives it two clients: the one that may write under the canary's prefix, and the
ordinary one, by whose listing is proven that nothing is left. Each step has a time of its own, and the object is
deleted whatever became of the others: a put that was not answered may have been done all the same.
"""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.s3_problems import OURS, Problem, code_of, status_of
from checks.engine.readings.s3 import S3Canary

POLICY = "Give the canary's key the policy in checks/environments/grants/s3-canary.json."
_LISTED = 1000
Guarded = Callable[[Callable[[], Any]], Any]


def canary(guarded: Guarded, clients: tuple[Any, Any], bucket: str, prefix: str, run_id: str) -> S3Canary:
    """Return which step failed, if any, and how many objects are under the prefix afterwards.

    `guarded` runs a step within its time and raises Problem or ProbeError; `clients` are who writes and who lists. A
    key that may not do a step is a ProbeError, raised only when what could be deleted is deleted.
    """
    writer, client = clients
    started = time.monotonic()
    key = f"{prefix}{run_id}-{time.time_ns() % 10**9}"
    body = f"penhas-checks canary {run_id}".encode()
    version: dict[str, str] = {}
    failed, denied = "", None
    try:
        version = guarded(lambda: _put(writer, bucket, key, body))
        failed = guarded(lambda: _read_back(writer, bucket, key, body))
    except Problem as problem:
        failed = str(problem)
    except ProbeError as error:
        denied = error
    try:
        guarded(lambda: _step("delete", lambda: writer.delete_object(Bucket=bucket, Key=key, **version)))
    except Problem as problem:
        failed = failed or str(problem)
    except ProbeError as error:
        denied = denied or error
    seconds = time.monotonic() - started
    page = guarded(lambda: client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=_LISTED))
    left = len(page.get("Contents", ()))
    if denied is not None:
        trace = "" if left == 0 else f"; {left} objects of canaries are left under {prefix}: delete them"
        raise ProbeError(denied.reason, f"{denied.why}{trace}", denied.mend)
    return S3Canary(
        failed=failed,
        left=left,
        prefix=prefix,
        seconds=seconds,
        source="PutObject, GetObject, DeleteObject",
        sampled_at=time.time(),
    )


def _put(writer: Any, bucket: str, key: str, body: bytes) -> dict[str, str]:
    """Put the object; return which version it is where the bucket keeps versions, so that no marker is left of it."""
    answer = _step("put", lambda: writer.put_object(Bucket=bucket, Key=key, Body=body))
    version = answer.get("VersionId")
    return {} if version in {None, "null"} else {"VersionId": version}


def _read_back(writer: Any, bucket: str, key: str, body: bytes) -> str:
    answer = _step("get", lambda: writer.get_object(Bucket=bucket, Key=key))
    return "" if answer["Body"].read() == body else "gives back something else than was put"


def _step(name: str, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return ask()
    except ClientError as error:
        if code_of(error) in OURS:
            raise
        status = status_of(error)
        if status == HTTPStatus.FORBIDDEN:
            why = f"the canary's key may not {name} an object under its prefix (403)"
            raise ProbeError(Reason.DENIED, why, POLICY) from None
        raise Problem(f"answers a {name} of an object of ours with {status}") from None
