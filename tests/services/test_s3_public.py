"""A bucket is closed to strangers only where both its policy and its access list are told to close it."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from checks.engine.probes import s3_settings
from checks.engine.readings.s3 import S3Settings
from checks.health import test_s3 as health
from tests.services.saying import says

BUCKET = "penhas-media"


class Half:
    """A store that knows access lists, of a bucket that its owner alone may use, and not what a policy comes to."""

    def __init__(self, policy: str | None, code: str = "NoSuchBucketPolicy") -> None:
        self.policy, self.code = policy, code

    def get_bucket_policy_status(self, **_: str) -> dict[str, Any]:
        """Refuse: not implemented."""
        raise refusal("NotImplemented", 501)

    def get_bucket_policy(self, **_: str) -> dict[str, Any]:
        """Return the policy, or refuse."""
        if self.policy is None:
            raise refusal(self.code, 501 if self.code == "NotImplemented" else 404)
        return {"Policy": self.policy}

    def get_bucket_acl(self, **_: str) -> dict[str, Any]:
        """Return the list of a private bucket."""
        return {"Grants": [{"Grantee": {"ID": "owner"}, "Permission": "FULL_CONTROL"}]}


def refusal(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "t")  # type: ignore[typeddict-item]


def policy(effect: str, who: Any, **more: Any) -> str:
    return json.dumps({"Statement": {"Effect": effect, "Principal": who, "Action": "s3:GetObject", **more}})


def settings(public: str) -> S3Settings:
    others = ("versioning", "encryption", "blocked", "logged", "replicated", "locked")
    words: dict[str, Any] = dict.fromkeys((*others, "versions_expire", "encrypted_only"), "on")
    return S3Settings(**words, public=public, required=(), source="t", sampled_at=0.0)


@pytest.mark.parametrize(
    ("store", "word", "state"),
    [
        (Half(None, "NotImplemented"), "untold", "not judged"),
        (Half("no policy"), "untold", "not judged"),
        (Half(None), "off", "OK"),
        (Half(policy("Allow", {"AWS": "arn:aws:iam::1:root"})), "off", "OK"),
        (Half(policy("Allow", "*")), "on", "CRITICAL"),
        (Half(policy("Allow", {"AWS": ["*"]})), "on", "CRITICAL"),
        (Half(policy("Allow", "*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})), "untold", "not judged"),
        (Half(policy("Deny", "*", Condition={"Bool": {"aws:SecureTransport": "false"}})), "off", "OK"),
    ],
)
def test_a_private_list_alone_closes_no_bucket(store: Half, word: str, state: str) -> None:
    """Where a store does not say what the policy comes to, the policy itself is read, or nothing is said."""
    assert s3_settings._public(store, BUCKET, aws=False) == word
    assert says(health.test_s3_private, settings(word))[0].value == state
