"""What is asked of a bucket beside HeadBucket: objects by listing, settings, uploads that never ended, the clock.

Called by the probe of S3. What a store does not implement is said to be untold, and never taken for a good answer.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from checks.engine.model import Failure, NotJudged, ProbeError, Reading, Reason
from checks.engine.probes import Context, media_sample, s3_settings
from checks.engine.readings.application import ApplicationMedia
from checks.engine.readings.s3 import S3Clock, S3Objects, S3Settings, S3Uploads

STALE = timedelta(days=7)


def objects(context: Context, client: Any, bucket: str) -> Reading | NotJudged:
    """Look for the sample of media by listing exactly the place of each."""
    application = context.environment.of("application")[0]
    sample = context.peer("application_media", application)
    if isinstance(sample, Failure):
        why = f"which media should be there is not known: {sample.why}"
        raise ProbeError(sample.reason, why, sample.mend, context.environment.of("postgresql")[0])
    due = media_sample.take()
    if due == () and isinstance(sample, ApplicationMedia) and sample.unnamed > 0:
        why = f"none of the {sample.unnamed} addresses of media that were looked at names an object"
        raise ProbeError(Reason.NO_DATA, why, "See application-addresses.")
    if due == ():
        return NotJudged("the database knows no media: none are there, or their table has another name")
    missing = other = 0
    for key, size in due:
        page = client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
        found = next((item for item in page.get("Contents", ()) if item["Key"] == key), None)
        missing += found is None
        other += found is not None and size is not None and int(found["Size"]) != size
    return S3Objects(
        sampled=len(due), missing=missing, other_size=other, source="ListObjectsV2", sampled_at=time.time()
    )


def settings(context: Context, client: Any, bucket: str) -> Reading:
    """Return how the bucket is set."""
    return S3Settings(
        **s3_settings.all_of(client, bucket, aws=_is_aws(context)),
        required=() if context.environment.s3 is None else context.environment.s3.required,
        source="GetBucketVersioning, GetBucketPolicyStatus, GetBucketAcl, GetBucketEncryption and others",
        sampled_at=time.time(),
    )


def uploads(_: Context, client: Any, bucket: str) -> Reading:
    """Return how many uploads were begun long ago and never ended, of the first thousand."""
    stale = 0

    def count(answer: dict[str, Any]) -> str:
        nonlocal stale
        if "Bucket" not in answer and "UploadIdMarker" not in answer:
            return s3_settings.UNTOLD  # another answer, or none: a list without uploads says at least of what it is one
        limit = datetime.now(UTC) - STALE
        stale = sum(upload["Initiated"] < limit for upload in answer.get("Uploads", ()))
        return s3_settings.ON

    told = s3_settings.told(lambda: client.list_multipart_uploads(Bucket=bucket), count)
    return S3Uploads(told=told, stale=stale, source="ListMultipartUploads", sampled_at=time.time())


def clock(_: Context, client: Any, bucket: str) -> Reading | NotJudged:
    """Compare the clocks by the Date that the store puts on its answer."""
    sent = time.time()
    answer = client.list_objects_v2(Bucket=bucket, MaxKeys=1)
    received = time.time()
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return NotJudged("the store's answers bear no date")
    # A Date of whole seconds stands for the second that follows it.
    return S3Clock(offset=theirs + 0.5 - (sent + received) / 2, source="Date", sampled_at=received)


def _is_aws(context: Context) -> bool:
    ours = context.environment.s3
    return ours is not None and ours.endpoint is None


READ: dict[str, Callable[[Context, Any, str], Reading | NotJudged]] = {
    "s3_objects": objects,
    "s3_settings": settings,
    "s3_uploads": uploads,
    "s3_clock": clock,
}
