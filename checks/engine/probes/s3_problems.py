"""What a store's refusals mean, in our own words; nothing here repeats a text that a store or driver wrote."""

from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError

from checks.engine.model import ProbeError, Reason

NOT_S3 = "answers something that is not S3"


class Problem(Exception):  # noqa: N818 (it is a finding, not an error of ours)
    """What is wrong with the bucket: the value of the connection's reading."""


def is_listing(answer: dict[str, Any]) -> bool:
    """Return whether an answer to ListObjectsV2 is one; of another page nothing is found, as of an empty bucket."""
    return any(name in answer for name in ("IsTruncated", "Name", "MaxKeys", "KeyCount", "Contents"))


def status_of(error: ClientError) -> int:
    """Return the HTTP status of a refusal, 0 where it has none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code_of(error: ClientError) -> str:
    """Return the store's own code of a refusal, empty where it has none."""
    return str(error.response.get("Error", {}).get("Code", ""))


OURS = {
    "InvalidAccessKeyId": ("the access key is not known there", "Mend the access key in the variable."),
    "SignatureDoesNotMatch": ("the secret key is wrong", "Mend the secret key in the variable."),
    "ExpiredToken": ("the key has expired", "Make a new one and put it into the variables."),
    "InvalidToken": ("the key is not valid", "Make a new one and put it into the variables."),
    "RequestTimeTooSkewed": ("the clock of this host is wrong", "Set the clock: timedatectl set-ntp true."),
    "AuthorizationHeaderMalformed": ("the region is wrong", "Set region under [s3]."),
    "PermanentRedirect": ("the bucket is in another region (301)", "Set region and endpoint under [s3]."),
    "IllegalLocationConstraintException": ("the region is wrong", "Set region under [s3]."),
}
_PROBLEMS = {
    301: "the bucket is at another address (301)",
    404: "the bucket does not exist (404)",
    501: "it does not implement what we ask (501)",
    503: "it is overloaded or in maintenance (503)",
}


def refusal(error: ClientError) -> str:
    """Return what the refusal means for the bucket; raises ProbeError where it is our own key, clock or region."""
    code = code_of(error)
    status = status_of(error)
    if code in OURS:
        raise ProbeError(Reason.OURS, *OURS[code])
    if status == HTTPStatus.MOVED_PERMANENTLY:
        raise ProbeError(Reason.OURS, *OURS["PermanentRedirect"])
    if status == HTTPStatus.FORBIDDEN:
        raise ProbeError(
            Reason.DENIED, "our key may not list the bucket (403)", "Allow it s3:ListBucket on the bucket."
        )
    return _PROBLEMS.get(status, f"answers HeadBucket with {status}")
