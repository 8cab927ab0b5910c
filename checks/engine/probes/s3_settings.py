"""How a bucket is set: what a store does not implement is said to be untold, and never taken for a good answer.

Called by s3_bucket. A store other than Amazon's may answer a question that it does not know with 501, or with 200 and
nothing in it, or with a listing: whatever does not hold the answer itself tells nothing.
"""

import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.s3_problems import code_of, status_of

ON, PART, OFF, UNTOLD, DENIED = "on", "part", "off", "untold", "denied"
_EVERYBODY = ("/groups/global/AllUsers", "/groups/global/AuthenticatedUsers")
# Answers, not errors: the setting was never made.
_NEVER_SET = {
    "ServerSideEncryptionConfigurationNotFoundError",
    "NoSuchBucketPolicy",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchLifecycleConfiguration",
    "ObjectLockConfigurationNotFoundError",
    "ReplicationConfigurationNotFoundError",
}
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
Answer = dict[str, Any]


def told(ask: Callable[[], Answer], judge: Callable[[Answer], str]) -> str:
    """Return the judge's word on an answer, or what its refusal says; raises ProbeError where the store is ill."""
    try:
        return judge(ask())
    except ClientError as error:
        status = status_of(error)
        if code_of(error) in _NEVER_SET:
            return OFF
        if status == HTTPStatus.FORBIDDEN:
            return DENIED
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
            raise ProbeError(Reason.PROTOCOL, f"the store answers {status}") from None
        return UNTOLD


def all_of(client: Any, bucket: str, *, aws: bool) -> dict[str, str]:
    """Return each setting of S3Settings by its field."""
    asked: dict[str, tuple[Callable[..., Answer], Callable[[Answer], str]]] = {
        "versioning": (client.get_bucket_versioning, lambda answer: _versioning(answer, aws=aws)),
        "encryption": (client.get_bucket_encryption, _encryption),
        "blocked": (client.get_public_access_block, _blocked),
        "logged": (client.get_bucket_logging, lambda answer: _logged(answer, aws=aws)),
        "replicated": (client.get_bucket_replication, _replicated),
        "locked": (client.get_object_lock_configuration, _locked),
        "versions_expire": (client.get_bucket_lifecycle_configuration, _versions_expire),
        "encrypted_only": (client.get_bucket_policy, lambda answer: _encrypted_only(answer, bucket)),
    }
    found = {name: told(lambda ask=ask: ask(Bucket=bucket), judge) for name, (ask, judge) in asked.items()}  # type: ignore[misc]
    return {**found, "public": _public(client, bucket, aws=aws)}


def _versioning(answer: Answer, *, aws: bool) -> str:
    status = answer.get("Status")
    # Amazon says nothing of a bucket that never had versions; other stores say nothing because they know none.
    return ON if status == "Enabled" else OFF if status == "Suspended" or aws else UNTOLD


def _encryption(answer: Answer) -> str:
    return ON if answer.get("ServerSideEncryptionConfiguration", {}).get("Rules") else UNTOLD


def _blocked(answer: Answer) -> str:
    blocks = answer.get("PublicAccessBlockConfiguration")
    return UNTOLD if not blocks else ON if all(blocks.get(name) is True for name in _BLOCKS) else OFF


def _logged(answer: Answer, *, aws: bool) -> str:
    return ON if answer.get("LoggingEnabled", {}).get("TargetBucket") else OFF if aws else UNTOLD


def _replicated(answer: Answer) -> str:
    rules = answer.get("ReplicationConfiguration", {}).get("Rules")
    return _by_rules(rules, lambda _: True)


def _locked(answer: Answer) -> str:
    return ON if answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled" else UNTOLD


def _versions_expire(answer: Answer) -> str:
    return _by_rules(answer.get("Rules"), lambda rule: "NoncurrentVersionExpiration" in rule)


def _by_rules(rules: list[Answer] | None, does: Callable[[Answer], bool]) -> str:
    """Return whether an enabled rule does it for every object, or such rules for some objects only."""
    if not rules:
        return UNTOLD
    doing = [rule for rule in rules if rule.get("Status") == "Enabled" and does(rule)]
    return OFF if doing == [] else ON if any(map(_is_of_all, doing)) else PART


def _is_of_all(rule: Answer) -> bool:
    """Whether a rule has no prefix, tag or size that picks objects; an older form has its prefix outside the filter."""
    return not any(rule.get("Filter", {}).values()) and not rule.get("Prefix")


def _encrypted_only(answer: Answer, bucket: str) -> str:
    statements = _statements(answer)
    return UNTOLD if statements is None else ON if any(_denies_plain(one, bucket) for one in statements) else OFF


def _statements(answer: Answer) -> list[Answer] | None:
    """Return the statements of a policy; None where the answer holds none that can be read."""
    try:
        statements = json.loads(answer["Policy"])["Statement"]
    except (KeyError, TypeError, ValueError):
        return None
    return [statements] if isinstance(statements, dict) else list(statements)


def _who(statement: Answer) -> Any:
    principal = statement.get("Principal")
    return principal.get("AWS") if isinstance(principal, dict) else principal


def _denies_plain(statement: Answer, bucket: str) -> bool:
    """Whether a statement refuses everybody everything without TLS; every word of it may stand in a list."""
    condition = statement.get("Condition", {})
    return (
        statement.get("Effect") == "Deny"
        and "*" in _words(_who(statement))
        and bool({"*", "s3:*"} & set(_words(statement.get("Action"))))
        and any(_is_of_objects(resource, bucket) for resource in _words(statement.get("Resource")))
        # each further condition lets something through
        and [*condition] == ["Bool"]
        and _words([*condition["Bool"]]) == ["aws:securetransport"]
        and _words(*condition["Bool"].values()) == ["false"]
    )


def _is_of_objects(resource: str, bucket: str) -> bool:
    """Whether a resource of a policy is every object of the bucket; a star matches whatever is there, a slash too."""
    name = resource.split(":", 5)[-1]  # past arn, partition, service, region and account, where it is not "*" alone
    return name.endswith("*") and fnmatchcase(f"{bucket.lower()}/", name)


def _words(value: Any) -> list[str]:
    """Return one word of a policy, or each of a list, in small letters: JSON's false is "false" there."""
    return [str(word).lower() for word in (value if isinstance(value, list) else [value])]


def _public(client: Any, bucket: str, *, aws: bool) -> str:
    """Closed is only what both the policy and the access list say to be; one that is not told may open it."""

    def status(answer: Answer) -> str:
        public = answer.get("PolicyStatus", {}).get("IsPublic")
        return UNTOLD if public is None else ON if public else OFF

    def grants(answer: Answer) -> str:
        uris = [grant.get("Grantee", {}).get("URI", "") for grant in answer.get("Grants", ())]
        if any(uri.endswith(_EVERYBODY) for uri in uris):
            return ON
        return OFF if aws or answer.get("Grants") else UNTOLD

    by_policy = told(lambda: client.get_bucket_policy_status(Bucket=bucket), status)
    if by_policy == UNTOLD:
        by_policy = told(lambda: client.get_bucket_policy(Bucket=bucket), _opens)
    by_list = told(lambda: client.get_bucket_acl(Bucket=bucket), grants)
    for word in (ON, DENIED, UNTOLD):
        if word in {by_policy, by_list}:
            return word
    return OFF


def _opens(answer: Answer) -> str:
    """Whether a policy allows everybody anything; with a condition only its author knows whom."""
    statements = _statements(answer)
    if statements is None or any("NotPrincipal" in statement for statement in statements):
        return UNTOLD
    opening = [one for one in statements if one.get("Effect") == "Allow" and "*" in _words(_who(one))]
    return OFF if opening == [] else UNTOLD if all("Condition" in one for one in opening) else ON
