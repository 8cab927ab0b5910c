"""How a bucket is set is told, and what a store does not implement is never taken for a good answer."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from checks.engine.environment import Environment
from checks.engine.model import NotJudged, ProbeError, Reading, Target
from checks.engine.probes import media_sample, s3, s3_bucket, s3_settings
from checks.engine.readings.application import ApplicationMedia
from checks.engine.readings.s3 import S3Clock, S3Objects, S3Settings, S3Uploads
from checks.health import test_s3 as health
from tests.probes.context import Kept
from tests.services.saying import says

BUCKET = "penhas-media"
NAMES = ("s3_connection", "s3_settings", "s3_uploads", "s3_clock")
WORDS = ("on", "off", "untold", "denied")
SETTINGS = (
    *("versioning", "public", "encryption", "blocked", "logged", "replicated", "locked"),
    *("versions_expire", "encrypted_only"),
)


def rule(status: str, **what: Any) -> dict[str, Any]:
    return {"ID": "r", "Status": status, "Filter": {"Prefix": ""}, **what}


def without_tls(effect: str, secure: str | list[str], who: str = "*", what: str = "s3:*", **more: Any) -> str:
    statement = {
        "Effect": effect,
        "Principal": {"AWS": who},
        "Action": what,
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
        "Condition": {"Bool": {"aws:SecureTransport": secure}},
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def client(endpoint: str) -> Iterator[Any]:
    import boto3  # noqa: PLC0415 (only these tests need it)

    made = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    made.create_bucket(Bucket=BUCKET)
    yield made
    for upload in made.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()):
        made.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])
    for item in made.list_object_versions(Bucket=BUCKET).get("Versions", ()):
        made.delete_object(Bucket=BUCKET, Key=item["Key"], VersionId=item["VersionId"])
    made.delete_bucket(Bucket=BUCKET)


def read(endpoint: str, names: tuple[str, ...] = NAMES, **more: Any) -> dict[str, Reading | ProbeError | NotJudged]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENHAS_CHECKS_KEY", "key")
        patch.setenv("PENHAS_CHECKS_SECRET", "secret")
        patch.setenv("PENHAS_CHECKS_DSN", "postgresql://x")
        keys = {"access_key": {"env": "PENHAS_CHECKS_KEY"}, "secret_key": {"env": "PENHAS_CHECKS_SECRET"}}
        table = {
            "name": "t",
            "s3": {"endpoint": endpoint, **keys, "buckets": [{"name": "media", "bucket": BUCKET}]},
            "postgresql": {"primary": {"name": "primary", "env": "PENHAS_CHECKS_DSN"}},
            "application": {},
        }
        kept = Kept(Environment.model_validate(table), Target("s3", "media"), names, seconds=20, **more)
        s3.read(kept)
    return kept.outcomes


def settings(endpoint: str) -> S3Settings:
    found = read(endpoint)["s3_settings"]
    assert isinstance(found, S3Settings), found
    return found


def test_versions_are_on_when_they_are(endpoint: str, client: Any) -> None:
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

    assert settings(endpoint).versioning == "on"


def test_suspended_versions_are_off(endpoint: str, client: Any) -> None:
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})

    assert settings(endpoint).versioning == "off"


@pytest.mark.usefixtures("client")
def test_an_empty_answer_is_untold_where_the_store_is_not_amazons(endpoint: str) -> None:
    assert settings(endpoint).versioning == "untold"


def test_a_bucket_is_private_until_it_is_not(endpoint: str, client: Any) -> None:
    assert settings(endpoint).public == "off"

    client.put_bucket_acl(Bucket=BUCKET, ACL="public-read")

    assert settings(endpoint).public == "on"


def test_uploads_that_never_ended_count_after_a_week(
    endpoint: str, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.create_multipart_upload(Bucket=BUCKET, Key="half")  # moto says of each that it was begun in 2010
    old = read(endpoint)["s3_uploads"]
    monkeypatch.setattr(s3_bucket, "STALE", timedelta(days=365 * 100))
    young = read(endpoint)["s3_uploads"]

    assert isinstance(old, S3Uploads)
    assert isinstance(young, S3Uploads)
    assert (old.told, old.stale, young.stale) == ("on", 1, 0)


@pytest.mark.usefixtures("client")
def test_the_clocks_agree(endpoint: str) -> None:
    found = read(endpoint)["s3_clock"]

    assert isinstance(found, S3Clock | NotJudged)
    if isinstance(found, S3Clock):
        assert abs(found.offset) < 5


class Listing(http.server.BaseHTTPRequestHandler):
    """Whatever is asked: 200, and a listing, by a clock that may be wrong."""

    ahead = 0.0

    def do_HEAD(self) -> None:
        """Know the bucket."""
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        """List."""
        body = b"<ListBucketResult><Name>penhas-media</Name><KeyCount>0</KeyCount></ListBucketResult>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Say the time of its own clock."""
        return super().date_time_string((time.time() if timestamp is None else timestamp) + self.ahead)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the base class)
        """Say nothing."""


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run a store until the end of the `with`; give its endpoint."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("ahead", "state"), [(0.0, "OK"), (-120.0, "WARNING"), (3600.0, "CRITICAL")])
def test_clocks_that_do_not_agree(ahead: float, state: str) -> None:
    with serving(type("Ahead", (Listing,), {"ahead": ahead})) as endpoint:
        found = read(endpoint)["s3_clock"]

    assert isinstance(found, S3Clock), found
    assert abs(found.offset - ahead) < 5
    assert says(health.test_s3_clock, found)[0].value == state


def test_only_the_places_of_the_sample_are_listed(endpoint: str, client: Any) -> None:
    for key, body in (("guardiao/1.m4a", b"12345"), ("guardiao/2.m4a", b"1"), ("guardiao/10.m4a", b"1")):
        client.put_object(Bucket=BUCKET, Key=key, Body=body)
    due = (("guardiao/1.m4a", 5), ("guardiao/2.m4a", 7), ("guardiao/3.m4a", 1), ("guardiao/1", 5))
    media_sample.keep((*due, ("guardiao/10.m4a", None)))  # of the last the database tells no size
    sample = ApplicationMedia(sampled=5, source="t", sampled_at=0.0)

    found = read(endpoint, ("s3_connection", "s3_objects"), peers={"application_media": sample})["s3_objects"]

    assert isinstance(found, S3Objects), found
    assert (found.sampled, found.missing, found.other_size) == (5, 2, 1)
    assert "guardiao" not in repr(found)


def test_addresses_that_name_no_object_are_not_taken_for_no_media(endpoint: str, client: Any) -> None:
    assert client is not None
    for unnamed, said in ((0, "the database knows no media"), (20, "none of the 20 addresses")):
        media_sample.keep(())
        sample = ApplicationMedia(sampled=0, unnamed=unnamed, source="t", sampled_at=0.0)

        found = read(endpoint, ("s3_connection", "s3_objects"), peers={"application_media": sample})["s3_objects"]

        assert isinstance(found, ProbeError if unnamed else NotJudged)
        assert said in found.why


class Poor(http.server.BaseHTTPRequestHandler):
    """A store that knows objects and nothing else: 501 for every setting."""

    def do_HEAD(self) -> None:
        """Know the bucket."""
        self.send_response(200)
        self.send_header("x-amz-request-id", "1")
        self.end_headers()

    def do_GET(self) -> None:
        """Know nothing else."""
        self.send_response(501)
        body = b"<Error><Code>NotImplemented</Code><Message>m</Message></Error>"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the base class)
        """Say nothing."""


def test_what_is_not_implemented_is_untold() -> None:
    with serving(Poor) as endpoint:
        outcomes = read(endpoint)

    found, uploads = outcomes["s3_settings"], outcomes["s3_uploads"]
    assert isinstance(found, S3Settings)
    assert isinstance(uploads, S3Uploads)
    assert {getattr(found, name) for name in SETTINGS} == {"untold"}
    assert uploads.told == "untold"


def test_a_listing_for_an_answer_is_untold() -> None:
    """A store that does not know a question may answer it as if it asked for what is in the bucket."""
    with serving(Listing) as endpoint:
        outcomes = read(endpoint)

    found, uploads = outcomes["s3_settings"], outcomes["s3_uploads"]
    assert isinstance(found, S3Settings)
    assert isinstance(uploads, S3Uploads)
    assert {getattr(found, name) for name in SETTINGS} == {"untold"}
    assert uploads.told == "untold"
    assert says(health.test_s3_uploads_ended, uploads)[0].value == "not judged"


THIRTY = {"NoncurrentDays": 30}
BLOCKS = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)


@pytest.mark.parametrize(
    ("call", "more", "told"),
    [
        ("put_public_access_block", {"PublicAccessBlockConfiguration": BLOCKS}, ("blocked", "on")),
        (
            "put_public_access_block",
            {"PublicAccessBlockConfiguration": {**BLOCKS, "BlockPublicPolicy": False}},
            ("blocked", "off"),
        ),
        (
            "put_bucket_lifecycle_configuration",
            {
                "LifecycleConfiguration": {
                    "Rules": [rule("Enabled", NoncurrentVersionExpiration={"NoncurrentDays": 30})]
                }
            },
            ("versions_expire", "on"),
        ),
        (
            "put_bucket_lifecycle_configuration",
            {
                "LifecycleConfiguration": {
                    "Rules": [rule("Disabled", NoncurrentVersionExpiration={"NoncurrentDays": 3})]
                }
            },
            ("versions_expire", "off"),
        ),
        (
            "put_bucket_lifecycle_configuration",
            {"LifecycleConfiguration": {"Rules": [rule("Enabled", Expiration={"Days": 30})]}},
            ("versions_expire", "off"),
        ),
        (
            "put_bucket_lifecycle_configuration",
            {
                "LifecycleConfiguration": {
                    "Rules": [rule("Enabled", Filter={"Prefix": "tmp/"}, NoncurrentVersionExpiration=THIRTY)]
                }
            },
            ("versions_expire", "part"),
        ),
        ("put_bucket_policy", {"Policy": without_tls("Deny", "false")}, ("encrypted_only", "on")),
        ("put_bucket_policy", {"Policy": without_tls("Deny", ["false"])}, ("encrypted_only", "on")),
        ("put_bucket_policy", {"Policy": without_tls("Deny", "false", who="x")}, ("encrypted_only", "off")),
        ("put_bucket_policy", {"Policy": without_tls("Deny", "false", what="s3:GetObject")}, ("encrypted_only", "off")),
        ("put_bucket_policy", {"Policy": without_tls("Deny", "true")}, ("encrypted_only", "off")),
        ("put_bucket_policy", {"Policy": without_tls("Allow", "false")}, ("encrypted_only", "off")),
    ],
)
def test_a_setting_is_told(endpoint: str, client: Any, call: str, more: dict[str, Any], told: tuple[str, str]) -> None:
    getattr(client, call)(Bucket=BUCKET, **more)

    assert getattr(settings(endpoint), told[0]) == told[1]


@pytest.mark.usefixtures("client")
def test_what_was_never_set_is_off(endpoint: str) -> None:
    found = settings(endpoint)

    never = ("blocked", "replicated", "locked", "versions_expire", "encrypted_only")
    assert {name: getattr(found, name) for name in never} == dict.fromkeys(never, "off")
    assert found.logged == "untold"  # of Amazon's own it would be off: it says so by saying nothing


@pytest.mark.parametrize(
    ("answer", "aws", "word"),
    [
        ({"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": ""}}, True, "on"),
        ({"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": ""}}, False, "on"),
        ({}, True, "off"),
        ({}, False, "untold"),
    ],
)
def test_access_logs(answer: dict[str, Any], aws: bool, word: str) -> None:
    assert s3_settings._logged(answer, aws=aws) == word


@pytest.mark.parametrize(
    ("rules", "word"),
    [
        ([rule("Enabled")], "on"),
        ([{"Status": "Enabled"}], "on"),
        ([{"Status": "Enabled", "Filter": {}}], "on"),
        ([{"Status": "Enabled", "Prefix": ""}], "on"),
        ([{"Status": "Enabled", "Prefix": "tmp/"}], "part"),
        ([rule("Enabled", Filter={"Prefix": "tmp/"})], "part"),
        ([rule("Enabled", Filter={"Tag": {"Key": "a", "Value": "b"}})], "part"),
        ([rule("Enabled", Filter={"And": {"Prefix": "tmp/", "ObjectSizeGreaterThan": 9}})], "part"),
        ([rule("Enabled", Filter={"Prefix": "tmp/"}), rule("Enabled")], "on"),
        ([rule("Enabled", Filter={"Prefix": "tmp/"}), rule("Disabled")], "part"),
        ([rule("Disabled")], "off"),
        ([], "untold"),
    ],
)
def test_a_rule_for_some_objects_is_none_for_all(rules: list[dict[str, Any]], word: str) -> None:
    ending = [{**one, "NoncurrentVersionExpiration": THIRTY} for one in rules]

    assert s3_settings._replicated({"ReplicationConfiguration": {"Rules": rules}}) == word
    assert s3_settings._versions_expire({"Rules": ending}) == word


FALSE = {"aws:SecureTransport": "false"}


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({}, "on"),
        ({"Resource": "*"}, "on"),
        ({"Resource": "arn:aws:s3:::*"}, "on"),
        ({"Resource": f"arn:aws-cn:s3:::{BUCKET}*"}, "on"),
        ({"Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]}, "on"),
        ({"Resource": f"arn:aws:s3:::{BUCKET}"}, "off"),
        ({"Resource": f"arn:aws:s3:::{BUCKET}/old/*"}, "off"),
        ({"Resource": f"arn:aws:s3:::{BUCKET}/*.m4a"}, "off"),
        ({"Resource": f"arn:aws:s3:::{BUCKET}-old/*"}, "off"),
        ({"Condition": {"Bool": {"aws:securetransport": False}}}, "on"),
        ({"Condition": {"Bool": {**FALSE, "aws:ViaAWSService": "false"}}}, "off"),
        ({"Condition": {"Bool": FALSE, "IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}, "off"),
        ({"Condition": {}}, "off"),
    ],
)
def test_a_policy_that_refuses_some_requests_without_tls_does_not_refuse_all(more: dict[str, Any], word: str) -> None:
    assert s3_settings._encrypted_only({"Policy": without_tls("Deny", "false", **more)}, BUCKET) == word


def reading(**words: Any) -> S3Settings:
    every: dict[str, Any] = {**dict.fromkeys(SETTINGS, "on"), "public": "off", "required": (), **words}
    return S3Settings(**every, source="t", sampled_at=0.0)


@pytest.mark.parametrize(
    ("check", "field", "required"),
    [
        (health.test_s3_versioning, "versioning", ()),
        (health.test_s3_encryption, "encryption", ()),
        (health.test_s3_access_blocked, "blocked", ()),
        (health.test_s3_encrypted_only, "encrypted_only", ()),
        (health.test_s3_versions_expire, "versions_expire", ()),
        (health.test_s3_access_logged, "logged", ("access-logs",)),
        (health.test_s3_replicated, "replicated", ("replication",)),
        (health.test_s3_locked, "locked", ("object-lock",)),
    ],
)
def test_each_word_has_its_state(check: Any, field: str, required: tuple[str, ...]) -> None:
    states = {word: says(check, reading(required=required, **{field: word}))[0].value for word in WORDS}

    assert states == {"on": "OK", "off": "WARNING", "untold": "not judged", "denied": "UNKNOWN"}
    if required:
        assert says(check, reading(**{field: "off"}))[0].value == "not judged"


def test_what_is_set_for_some_objects_only_is_a_warning() -> None:
    replicated = reading(required=("replication",), replicated="part")

    assert says(health.test_s3_replicated, replicated)[0].value == "WARNING"
    assert says(health.test_s3_versions_expire, reading(versions_expire="part"))[0].value == "WARNING"


def test_versions_that_are_not_kept_need_not_expire() -> None:
    assert (
        says(health.test_s3_versions_expire, reading(versioning="off", versions_expire="off"))[0].value == "not judged"
    )
