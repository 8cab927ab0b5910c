"""Whose the access key is that lists the media bucket, and how old: only Amazon's own store tells, by STS and IAM.

Called by the probe of S3. The key may ask about its own user's keys and nobody else's; who it is, anybody may ask.
"""

import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError

from checks.engine.model import NotJudged, ProbeError, Reason
from checks.engine.probes.s3_problems import OURS, code_of, status_of
from checks.engine.readings.s3 import S3Identity, S3Key

POLICY = "Give our key the policy in checks/environments/grants/s3.json."
# Of a role's temporary credentials, which end by themselves.
_TEMPORARY = "ASIA"


def age(client: Any, access_key: str) -> S3Key | NotJudged:
    """Return the age of an access key among those of its own user; `client` is one of IAM, with that key."""
    if access_key.startswith(_TEMPORARY):
        return NotJudged("it is a role's temporary key, which ends by itself")
    try:
        keys = client.list_access_keys().get("AccessKeyMetadata", ())
    except ClientError as error:
        if status_of(error) == HTTPStatus.FORBIDDEN and code_of(error) not in OURS:
            raise ProbeError(Reason.DENIED, "our key may not ask for its own age (403)", POLICY) from None
        raise
    own = next((key for key in keys if key.get("AccessKeyId") == access_key), None)
    if own is None:
        raise ProbeError(Reason.NO_DATA, "its user's keys do not name it", "Is it the key of the account itself?")
    made: datetime = own["CreateDate"]
    return S3Key(
        age=(datetime.now(UTC) - made).total_seconds(),
        others=len(keys) - 1,
        source="ListAccessKeys",
        sampled_at=time.time(),
    )


def identity(client: Any) -> S3Identity:
    """Return whose key it is; `client` is one of STS, with that key. The account's number is not kept."""
    name = str(client.get_caller_identity().get("Arn", ""))
    if name == "":
        raise ProbeError(Reason.PROTOCOL, "GetCallerIdentity names nobody")
    return S3Identity(root=name.endswith(":root"), source="GetCallerIdentity", sampled_at=time.time())
