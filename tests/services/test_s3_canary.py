"""The object that --allow-writes puts into a bucket: nothing of it is left, whatever fails on the way."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from checks.engine.environment import Environment
from checks.engine.model import NotJudged, ProbeError, Reading, Reason, State, Target
from checks.engine.probes import s3
from checks.engine.readings.s3 import S3Canary
from checks.health import test_s3 as health
from tests.probes.context import Kept
from tests.services.saying import says

BUCKET, PREFIX = "penhas-media", "penhas-checks-canary/"
NAMES = ("s3_connection", "s3_canary")


@pytest.fixture
def client(endpoint: str) -> Iterator[Any]:
    made = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    made.create_bucket(Bucket=BUCKET)
    yield made
    for item in made.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        made.delete_object(Bucket=BUCKET, Key=item["Key"])
    made.delete_bucket(Bucket=BUCKET)


def read(endpoint: str, *, canary: bool = True) -> Reading | ProbeError | NotJudged:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENHAS_CHECKS_KEY", "key")
        patch.setenv("PENHAS_CHECKS_SECRET", "secret")
        keys = {"access_key": {"env": "PENHAS_CHECKS_KEY"}, "secret_key": {"env": "PENHAS_CHECKS_SECRET"}}
        more = {"canary": {"prefix": PREFIX, **keys}} if canary else {}
        table = {
            "name": "t",
            "s3": {"endpoint": endpoint, **keys, **more, "buckets": [{"name": "media", "bucket": BUCKET}]},
        }
        kept = Kept(Environment.model_validate(table), Target("s3", "media"), NAMES, seconds=20)
        s3.read(kept)
    return kept.outcomes["s3_canary"]


def canary(endpoint: str) -> S3Canary:
    found = read(endpoint)
    assert isinstance(found, S3Canary), found
    return found


def test_an_object_is_put_read_back_and_deleted(endpoint: str, client: Any) -> None:
    found = canary(endpoint)

    assert (found.failed, found.left) == ("", 0)
    assert says(health.test_s3_canary, found)[0] is State.OK
    assert client.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_no_version_and_no_marker_is_left_where_versions_are_kept(endpoint: str, client: Any) -> None:
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

    found = canary(endpoint)

    kept = client.list_object_versions(Bucket=BUCKET)
    assert (found.failed, found.left) == ("", 0)
    assert (kept.get("Versions", []), kept.get("DeleteMarkers", [])) == ([], [])


def test_what_a_killed_run_left_is_told_and_not_touched(endpoint: str, client: Any) -> None:
    client.put_object(Bucket=BUCKET, Key=f"{PREFIX}before", Body=b"1")

    state, text = says(health.test_s3_canary, canary(endpoint))

    assert state is State.WARNING
    assert text == f"1 objects of canaries are left under {PREFIX}: delete them"
    assert client.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1


@pytest.mark.usefixtures("client")
def test_without_a_canary_in_the_environment_nothing_is_written(endpoint: str) -> None:
    assert isinstance(read(endpoint, canary=False), NotJudged)


@contextmanager
def store(refused: str, status: int, *, body: bytes | None = None) -> Iterator[tuple[str, list[str]]]:
    """Run a store of one object that answers one method with a status, or a GET with another body."""
    kept: dict[str, bytes] = {}
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._say(200)

        def do_PUT(self) -> None:
            told = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self._refuses("PUT"):
                return
            kept[self.path] = told
            self._say(200)

        def do_GET(self) -> None:
            if "list-type" in self.path:
                keys = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in kept)
                self._say(200, f"<ListBucketResult>{keys}</ListBucketResult>".encode())
            elif not self._refuses("GET"):
                self._say(200, kept[self.path] if body is None else body)

        def do_DELETE(self) -> None:
            if not self._refuses("DELETE"):
                kept.pop(self.path, None)
                self._say(204)

        def _refuses(self, method: str) -> bool:
            asked.append(method)
            if method == refused:
                self._say(status, b"<Error><Code>Whatever</Code><Message>m</Message></Error>")
            return method == refused

        def _say(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("x-amz-request-id", "1")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


@pytest.mark.parametrize(("method", "said", "left"), [("PUT", "put", 0), ("GET", "get", 0), ("DELETE", "delete", 1)])
def test_a_store_that_fails_half_way(method: str, said: str, left: int) -> None:
    with store(method, 503) as (endpoint, asked):
        found = canary(endpoint)

    assert (found.failed, found.left) == (f"answers a {said} of an object of ours with 503", left)
    assert says(health.test_s3_canary, found)[0] is State.CRITICAL
    assert asked[-1] == "DELETE"


def test_a_store_that_gives_back_something_else() -> None:
    with store("", 0, body=b"something else") as (endpoint, _):
        found = canary(endpoint)

    assert (found.failed, found.left) == ("gives back something else than was put", 0)


@pytest.mark.parametrize(("method", "left"), [("PUT", ""), ("GET", ""), ("DELETE", "; 1 objects of canaries are left")])
def test_a_key_that_may_not(method: str, left: str) -> None:
    with store(method, 403) as (endpoint, asked):
        found = read(endpoint)

    assert isinstance(found, ProbeError)
    assert found.reason is Reason.DENIED
    assert left in found.why
    assert ("are left" in found.why) is (left != "")
    assert "s3-canary.json" in found.mend
    assert asked[-1] == "DELETE"


@pytest.mark.parametrize("prefix", ["/", "", "a", "../", "a b/", "/a/"])
def test_the_canary_has_a_folder_of_its_own(prefix: str) -> None:
    table = {
        "name": "t",
        "s3": {
            "access_key": {"env": "PENHAS_CHECKS_KEY"},
            "secret_key": {"env": "PENHAS_CHECKS_SECRET"},
            "buckets": [{"name": "media", "bucket": BUCKET}],
            "canary": {"prefix": prefix},
        },
    }

    with pytest.raises(ValueError, match="prefix"):
        Environment.model_validate(json.loads(json.dumps(table)))
