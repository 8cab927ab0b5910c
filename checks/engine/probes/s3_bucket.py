"""What is asked of a bucket beside HeadBucket: objects by listing, settings, uploads that never ended, the clock.

Called by the probe of S3. What a store does not implement is said to be untold, and never taken for a good answer.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError

from checks.engine.model import Failure, NotJudged, ProbeError, Reading, Reason
from checks.engine.probes import Context, media_sample
from checks.engine.readings.s3 import S3Clock, S3Objects, S3Settings, S3Uploads

ON, OFF, UNTOLD, DENIED = "on", "off", "untold", "denied"
STALE = timedelta(days=7)
_EVERYBODY = ("/groups/global/AllUsers", "/groups/global/AuthenticatedUsers")
# Answers, not errors: the setting was never made.
_NEVER_SET = {
    "ServerSideEncryptionConfigurationNotFoundError",
    "NoSuchBucketPolicy",
    "NoSuchPublicAccessBlockConfiguration",
}


def objects(context: Context, client: Any, bucket: str) -> Reading | NotJudged:
    """Look for the sample of media by listing exactly the place of each."""
    application = context.environment.of("application")[0]
    sample = context.peer("application_media", application)
    if isinstance(sample, Failure):
        why = f"which media should be there is not known: {sample.why}"
        raise ProbeError(sample.reason, why, sample.mend, context.environment.of("postgresql")[0])
    due = media_sample.take()
    if due == ():
        return NotJudged("the database knows no media")
    missing = other = 0
    for key, size in due:
        page = client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
        found = next((item for item in page.get("Contents", ()) if item["Key"] == key), None)
        missing += found is None
        other += found is not None and int(found["Size"]) != size
    return S3Objects(
        sampled=len(due), missing=missing, other_size=other, source="ListObjectsV2", sampled_at=time.time()
    )


def settings(context: Context, client: Any, bucket: str) -> Reading:
    """Return how the bucket is set."""
    return S3Settings(
        versioning=_versioning(client, bucket, aws=_is_aws(context)),
        public=_public(client, bucket, aws=_is_aws(context)),
        encryption=_told(lambda: client.get_bucket_encryption(Bucket=bucket), _encryption),
        source="GetBucketVersioning, GetBucketPolicyStatus, GetBucketAcl, GetBucketEncryption",
        sampled_at=time.time(),
    )


def uploads(_: Context, client: Any, bucket: str) -> Reading:
    """Return how many uploads were begun long ago and never ended, of the first thousand."""
    stale = 0

    def count(answer: dict[str, Any]) -> str:
        nonlocal stale
        limit = datetime.now(UTC) - STALE
        stale = sum(upload["Initiated"] < limit for upload in answer.get("Uploads", ()))
        return ON

    told = _told(lambda: client.list_multipart_uploads(Bucket=bucket), count)
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


def _versioning(client: Any, bucket: str, *, aws: bool) -> str:
    def judge(answer: dict[str, Any]) -> str:
        status = answer.get("Status")
        # Amazon says nothing of a bucket that never had versions; other stores say nothing because they know none.
        return ON if status == "Enabled" else OFF if status == "Suspended" or aws else UNTOLD

    return _told(lambda: client.get_bucket_versioning(Bucket=bucket), judge)


def _encryption(answer: dict[str, Any]) -> str:
    # A store that does not know the question may answer it as if it were a listing: well, and with nothing in it.
    return ON if answer.get("ServerSideEncryptionConfiguration", {}).get("Rules") else UNTOLD


def _public(client: Any, bucket: str, *, aws: bool) -> str:
    def policy(answer: dict[str, Any]) -> str:
        told = answer.get("PolicyStatus", {}).get("IsPublic")
        return UNTOLD if told is None else ON if told else OFF

    def grants(answer: dict[str, Any]) -> str:
        uris = [grant.get("Grantee", {}).get("URI", "") for grant in answer.get("Grants", ())]
        if any(uri.endswith(_EVERYBODY) for uri in uris):
            return ON
        return OFF if aws or answer.get("Grants") else UNTOLD

    by_policy = _told(lambda: client.get_bucket_policy_status(Bucket=bucket), policy)
    by_list = _told(lambda: client.get_bucket_acl(Bucket=bucket), grants)
    for word in (ON, DENIED, OFF):
        if word in {by_policy, by_list}:
            return word
    return UNTOLD


def _told(ask: Callable[[], dict[str, Any]], judge: Callable[[dict[str, Any]], str]) -> str:
    try:
        return judge(ask())
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in _NEVER_SET:
            return OFF
        if status == HTTPStatus.FORBIDDEN:
            return DENIED
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
            raise ProbeError(Reason.PROTOCOL, f"the store answers {status}") from None
        return UNTOLD


READ: dict[str, Callable[[Context, Any, str], Reading | NotJudged]] = {
    "s3_objects": objects,
    "s3_settings": settings,
    "s3_uploads": uploads,
    "s3_clock": clock,
}
