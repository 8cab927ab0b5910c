"""The policies that are shipped for the media bucket: enough for every reading, and for nothing that they need not.

moto enforces them as IAM would: each user has exactly the file's policy, for the file's bucket.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from checks.engine.environment import Environment
from checks.engine.environment.models import S3
from checks.engine.model import NotJudged, ProbeError, Reading, Reason, State, Target
from checks.engine.probes import media_sample, s3, s3_key
from checks.engine.probes.web import Sockets
from checks.engine.readings.application import ApplicationMedia
from checks.engine.readings.s3 import S3Key, S3Objects, S3Settings, S3Uploads
from checks.health import test_s3 as health
from tests.probes.context import Kept
from tests.services.saying import says

GRANTS = Path("checks/environments/grants")
BUCKET, KEY = "penhas-media", "guardiao/1.m4a"
NAMES = ("s3_connection", "s3_settings", "s3_uploads", "s3_clock", "s3_objects")
# Of IAM's own list: what each call of the probe needs. HeadBucket needs the right to list.
NEEDS = {
    "HeadBucket": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "GetBucketVersioning": "GetBucketVersioning",
    "GetBucketPolicyStatus": "GetBucketPolicyStatus",
    "GetBucketPolicy": "GetBucketPolicy",
    "GetBucketAcl": "GetBucketAcl",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "GetBucketLogging": "GetBucketLogging",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
}
# moto asks for a right to HeadBucket, which IAM does not know.
MOTO_ONLY = {"Effect": "Allow", "Action": "s3:HeadBucket", "Resource": f"arn:aws:s3:::{BUCKET}"}
# As STS answers the access key of an account itself.
OF_THE_ACCOUNT = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:root</Arn><UserId>123456789012</UserId>
<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""
Keys = tuple[str, str]


def policy(name: str) -> dict[str, Any]:
    """Return a policy that is shipped."""
    read: dict[str, Any] = json.loads((GRANTS / name).read_text(encoding="utf-8"))
    return read


def bucket_statement() -> dict[str, Any]:
    """Return what the shipped policy allows on the bucket; the other statement is of the key itself."""
    first, _ = policy("s3.json")["Statement"]
    assert isinstance(first, dict)
    return first


class Guarded:
    """A server that enforces policies from `guard` on, and makes users until then."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._users = 0
        self._owner = self.client("s3", ("owner", "owner"))
        self._owner.create_bucket(Bucket=BUCKET)
        self._owner.put_object(Bucket=BUCKET, Key=KEY, Body=b"12345")

    def client(self, service: str, keys: Keys) -> Any:
        """Return a client with these keys."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=keys[0],
            aws_secret_access_key=keys[1],
        )

    def user(self, *statements: dict[str, Any]) -> Keys:
        """Return the keys of a new user who may do this and nothing else."""
        iam = self.client("iam", ("owner", "owner"))
        self._users += 1
        name = f"user{self._users}"
        iam.create_user(UserName=name)
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def guard(self, after: float) -> None:
        """Let so many more requests in without asking who sends them."""
        requests.post(f"{self.endpoint}/moto-api/reset-auth", data=str(after), timeout=5).raise_for_status()


@pytest.fixture
def guarded(endpoint: str) -> Iterator[Guarded]:
    requests.post(f"{endpoint}/moto-api/reset-auth", data="inf", timeout=5).raise_for_status()
    requests.post(f"{endpoint}/moto-api/reset", timeout=5).raise_for_status()
    made = Guarded(endpoint)
    yield made
    made.guard(float("inf"))
    # what moto holds is of the whole process: other tests' servers would find it
    requests.post(f"{endpoint}/moto-api/reset", timeout=5).raise_for_status()


def read(endpoint: str, keys: Keys, names: tuple[str, ...] = NAMES) -> dict[str, Reading | ProbeError | NotJudged]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENHAS_CHECKS_KEY", keys[0])
        patch.setenv("PENHAS_CHECKS_SECRET", keys[1])
        patch.setenv("PENHAS_CHECKS_DSN", "postgresql://x")
        named = {"access_key": {"env": "PENHAS_CHECKS_KEY"}, "secret_key": {"env": "PENHAS_CHECKS_SECRET"}}
        table = {
            "name": "t",
            "s3": {
                "endpoint": endpoint,
                **named,
                "buckets": [{"name": "media", "bucket": BUCKET}],
                "canary": {"prefix": "penhas-checks-canary/"},
            },
            "postgresql": {"primary": {"name": "primary", "env": "PENHAS_CHECKS_DSN"}},
            "application": {},
        }
        media_sample.keep(((KEY, 5),))
        sample = ApplicationMedia(sampled=1, source="t", sampled_at=0.0)
        peers: dict[str, Any] = {"application_media": sample}
        kept = Kept(Environment.model_validate(table), Target("s3", "media"), names, seconds=20, peers=peers)
        s3.read(kept)
    return kept.outcomes


def denied(error: pytest.ExceptionInfo[ClientError]) -> bool:
    return error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_the_policy_is_enough_for_every_reading(guarded: Guarded) -> None:
    keys = guarded.user(*policy("s3.json")["Statement"], MOTO_ONLY)
    guarded.guard(0)

    outcomes = read(guarded.endpoint, keys)

    told, uploads, objects = outcomes["s3_settings"], outcomes["s3_uploads"], outcomes["s3_objects"]
    assert isinstance(told, S3Settings), told
    assert "denied" not in {getattr(told, name) for name in told.__slots__}
    assert isinstance(uploads, S3Uploads)
    assert uploads.told == "on"
    assert isinstance(objects, S3Objects), objects
    assert (objects.sampled, objects.missing, objects.other_size) == (1, 0, 0)


def test_with_the_policy_nobody_downloads_writes_or_deletes(guarded: Guarded) -> None:
    keys = guarded.user(*policy("s3.json")["Statement"])
    guarded.guard(0)
    client = guarded.client("s3", keys)

    refusals: tuple[Callable[[], Any], ...] = (
        lambda: client.head_object(Bucket=BUCKET, Key=KEY),
        lambda: client.get_object(Bucket=BUCKET, Key=KEY),
        lambda: client.put_object(Bucket=BUCKET, Key=KEY, Body=b"1"),
        lambda: client.delete_object(Bucket=BUCKET, Key=KEY),
        lambda: client.put_bucket_acl(Bucket=BUCKET, ACL="public-read"),
    )
    for refused in refusals:
        with pytest.raises(ClientError) as error:
            refused()
        assert denied(error)


def test_the_policy_has_what_the_probe_calls_and_no_more(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    called: set[str] = set()
    made = s3._client

    def listening(*arguments: Any, **more: Any) -> Any:
        client = made(*arguments, **more)
        client.meta.events.register("before-call.s3", lambda model, **_: called.add(model.name))
        return client

    monkeypatch.setattr(s3, "_client", listening)
    read(guarded.endpoint, ("owner", "owner"))

    statement = bucket_statement()
    assert called == set(NEEDS)
    assert sorted(statement["Action"]) == sorted({f"s3:{NEEDS[name]}" for name in called})
    assert statement["Resource"] == f"arn:aws:s3:::{BUCKET}"  # of the bucket: of no object in it


@pytest.mark.parametrize(
    ("action", "field"),
    [("GetBucketVersioning", "versioning"), ("GetBucketLogging", "logged"), ("GetBucketAcl", "public")],
)
def test_what_the_policy_lacks_is_said_to_be_denied(guarded: Guarded, action: str, field: str) -> None:
    statement = bucket_statement()
    less = {**statement, "Action": [one for one in statement["Action"] if one != f"s3:{action}"]}
    keys = guarded.user(less, MOTO_ONLY)
    guarded.guard(0)

    found = read(guarded.endpoint, keys, ("s3_connection", "s3_settings"))["s3_settings"]

    assert isinstance(found, S3Settings), found
    assert getattr(found, field) == "denied"


def test_the_policy_lets_the_key_ask_for_its_own_age(guarded: Guarded) -> None:
    _, own = policy("s3.json")["Statement"]
    assert own["Resource"] == "arn:aws:iam::*:user/${aws:username}"
    # moto knows no variables, and asks of IAM's actions whether they are allowed on everything
    keys = guarded.user(bucket_statement(), {**own, "Resource": "*"})
    nobody = guarded.user(bucket_statement())
    guarded.guard(0)

    found = s3_key.age(guarded.client("iam", keys), keys[0])

    assert isinstance(found, S3Key)
    assert abs(found.age) < 60
    assert found.others == 0
    with pytest.raises(ProbeError) as error:
        s3_key.age(guarded.client("iam", nobody), nobody[0])
    assert error.value.reason is Reason.DENIED
    with pytest.raises(ProbeError, match="do not name it"):
        s3_key.age(guarded.client("iam", keys), "AKIAANOTHER")
    assert isinstance(s3_key.age(guarded.client("iam", keys), "ASIATEMPORARY"), NotJudged)


def test_another_store_tells_neither_age_nor_owner(guarded: Guarded) -> None:
    found = read(guarded.endpoint, ("owner", "owner"), ("s3_connection", "s3_key", "s3_identity"))
    assert isinstance(found["s3_key"], NotJudged)
    assert isinstance(found["s3_identity"], NotJudged)


def sts(endpoint: str, keys: Keys) -> Any:
    """Return the probe's own client of STS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENHAS_CHECKS_KEY", keys[0])
        patch.setenv("PENHAS_CHECKS_SECRET", keys[1])
        named = {"access_key": {"env": "PENHAS_CHECKS_KEY"}, "secret_key": {"env": "PENHAS_CHECKS_SECRET"}}
        settings = {"endpoint": endpoint, **named, "buckets": [{"name": "media", "bucket": BUCKET}]}
        return s3._client(S3.model_validate(settings), "t", Sockets(), service="sts")


def test_a_users_key_is_not_that_of_the_account(guarded: Guarded) -> None:
    nobody = guarded.user(bucket_statement())
    guarded.guard(0)

    found = s3_key.identity(sts(guarded.endpoint, nobody))

    assert not found.root
    assert says(health.test_s3_key_not_root, found)[0] is State.OK


def test_the_accounts_own_key_is_critical() -> None:
    class Account(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(OF_THE_ACCOUNT)

    with HTTPServer(("127.0.0.1", 0), Account) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        found = s3_key.identity(sts(f"http://127.0.0.1:{server.server_port}", ("AKIA1", "SECRET1")))

    assert found.root
    assert "123456789012" not in repr(found)
    assert says(health.test_s3_key_not_root, found)[0] is State.CRITICAL


@pytest.mark.parametrize(("days", "state"), [(0, State.OK), (90, State.OK), (90.1, State.WARNING)])
def test_a_key_is_renewed_within_a_quarter(days: float, state: State) -> None:
    found = S3Key(age=days * 86400, others=1, source="t", sampled_at=0.0)

    assert says(health.test_s3_key_age, found)[0] is state


def test_the_canarys_policy_is_for_its_own_prefix_only(guarded: Guarded) -> None:
    (statement,) = policy("s3-canary.json")["Statement"]
    keys = guarded.user(statement)
    guarded.guard(0)
    client = guarded.client("s3", keys)
    mine = "penhas-checks-canary/one"

    client.put_object(Bucket=BUCKET, Key=mine, Body=b"1")
    assert client.get_object(Bucket=BUCKET, Key=mine)["Body"].read() == b"1"
    client.delete_object(Bucket=BUCKET, Key=mine)

    refusals: tuple[Callable[[], Any], ...] = (
        lambda: client.get_object(Bucket=BUCKET, Key=KEY),
        lambda: client.put_object(Bucket=BUCKET, Key=KEY, Body=b"1"),
        lambda: client.delete_object(Bucket=BUCKET, Key=KEY),
        lambda: client.list_objects_v2(Bucket=BUCKET),
    )
    for refused in refusals:
        with pytest.raises(ClientError) as error:
            refused()
        assert denied(error)


def test_the_prefix_of_the_example_is_that_of_the_policy() -> None:
    example = (GRANTS.parent / "production.example.toml").read_text(encoding="utf-8")
    (statement,) = policy("s3-canary.json")["Statement"]
    (prefix,) = re.findall(r'# canary = \{ prefix = "([^"]+)"', example)

    assert statement["Resource"] == f"arn:aws:s3:::{BUCKET}/{prefix}*"
