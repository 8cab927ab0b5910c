"""The probe of S3: one bucket, with the key that the environment names and nothing from anywhere else.

Each target has a session of its own: botocore's sessions are not safe between threads. botocore signs and understands;
what it would send with is replaced by `before-send`, its own way to do so.
"""

import os
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from urllib3.exceptions import HTTPError

from checks.engine.environment import models
from checks.engine.model import NotJudged, ProbeError, Reading, Reason
from checks.engine.probes import Context, s3_bucket
from checks.engine.probes.network import Watchdog, in_handshake, problem_of, silent
from checks.engine.probes.settling import not_connected, settle_all
from checks.engine.probes.web import Sockets, pool
from checks.engine.readings import READINGS
from checks.engine.readings.s3 import S3Connection

CONNECTION = "s3_connection"
TIMEOUT_SECONDS = 4.0
MORE_SECONDS = 8.0
_T = TypeVar("_T")

# Nothing of a home folder or of AWS_* variables: this key and this endpoint, or none.
_NOTHING_FROM_HERE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ignore_configured_endpoint_urls": (None, None, True, None),
}


class _Problem(Exception):  # noqa: N818 (it is a finding, not an error of ours)
    """What is wrong with the bucket: the value of the connection's reading."""


def read(context: Context) -> None:
    """Settle every name of `context.names` for one bucket."""
    started = time.monotonic()
    others = [name for name in context.names if name != CONNECTION]
    sockets = Sockets()
    try:
        client, bucket = _open(context, sockets)
        _guarded(lambda: _ask(client, bucket), sockets, context.remaining(TIMEOUT_SECONDS))
    except _Problem as problem:
        settle_all(context, others, not_connected(str(problem)))
        outcome: Reading | ProbeError = _connection(str(problem), started)
    except ProbeError as error:
        settle_all(context, context.names, error)
        return
    else:
        outcome = _connection("", started)
    if CONNECTION in context.names:
        context.settle(CONNECTION, outcome)
    if isinstance(outcome, S3Connection) and outcome.reachable:
        # Last what waits for the database.
        for name in sorted(others, key=lambda name: name == "s3_objects"):
            context.settle(name, _outcome(context, name, client, bucket, sockets))


def _outcome(
    context: Context, name: str, client: Any, bucket: str, sockets: Sockets
) -> Reading | NotJudged | ProbeError:
    seconds = context.remaining(READINGS[name].deadline or MORE_SECONDS)
    try:
        return _guarded(lambda: s3_bucket.READ[name](context, client, bucket), sockets, seconds)
    except ProbeError as error:
        return error
    except _Problem as problem:
        return ProbeError(Reason.PROTOCOL, str(problem))


def _connection(problem: str, started: float) -> S3Connection:
    return S3Connection(
        reachable=problem == "",
        problem=problem,
        seconds=time.monotonic() - started,
        source="HeadBucket",
        sampled_at=time.time(),
    )


def _open(context: Context, sockets: Sockets) -> tuple[Any, str]:
    settings = context.environment.s3
    bucket = next((b.bucket for b in (settings.buckets if settings else ()) if b.name == context.target.name), None)
    if settings is None or bucket is None:
        raise ProbeError(Reason.OURS, f"the environment file has no bucket {context.target.name}")
    return _client(settings, context.run_id, sockets), bucket


def _guarded(ask: Callable[[], _T], sockets: Sockets, seconds: float) -> _T:
    """Return what `ask` does within so many seconds; raise _Problem or ProbeError in our own words."""
    with Watchdog(seconds) as dog:
        sockets.watch_with(dog)
        try:
            return ask()
        except ClientError as error:
            raise _Problem(_refusal(error)) from None
        except ParamValidationError:
            raise ProbeError(Reason.OURS, "the bucket's name is malformed", "Mend it under [s3] buckets.") from None
        except (BotoCoreError, HTTPError, OSError, ValueError) as error:
            accepted = sockets.connected or in_handshake(error)
            if dog.expired:
                raise _Problem(silent(seconds, accepted=accepted)) from None
            found = problem_of(error, "S3", seconds, accepted=accepted)
            raise _Problem(found or "answers something that is not S3") from None


def _ask(client: Any, bucket: str) -> None:
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        status = _status(error)
        if status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN}:
            raise
        # The answer to a HEAD has no body and so no code: the same right answers a listing of one key, with one.
        client.list_objects_v2(Bucket=bucket, MaxKeys=1)
        raise _Problem(f"answers HeadBucket with {status} but lists the bucket") from None


def _client(settings: models.S3, run_id: str, sockets: Sockets) -> Any:
    core = botocore.session.Session(session_vars=_NOTHING_FROM_HERE)
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        signature_version="s3v4",
        s3={"addressing_style": "auto" if settings.endpoint is None else "path"},
        user_agent=f"penhas-checks/{run_id}",
    )
    try:
        client = core.create_client(
            "s3",
            region_name=settings.region,
            endpoint_url=settings.endpoint,
            aws_access_key_id=settings.access_key.text().reveal(),
            aws_secret_access_key=settings.secret_key.text().reveal(),
            config=config,
        )
    except (BotoCoreError, ValueError):
        raise ProbeError(Reason.OURS, "endpoint or region is malformed", "Mend it under [s3].") from None
    client.meta.events.register("before-call.s3", _stay)
    client.meta.events.register("before-send.s3", _sender(sockets))
    return client


def _sender(sockets: Sockets) -> Callable[..., Any]:
    """Return what botocore sends with: no proxy of the environment, and connections that notice a cut."""
    manager = pool(sockets)

    def send(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        answer = manager.urlopen(
            request.method,
            request.url,
            body=request.body,
            headers=request.headers,
            timeout=TIMEOUT_SECONDS,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        headers: Any = answer.headers
        response = AWSResponse(request.url, answer.status, headers, answer)
        response.content  # noqa: B018 (it reads the body, which botocore's own sender does here too)
        return response

    return send


def _stay(params: dict[str, Any], **_: object) -> None:
    """Keep botocore from following a bucket to another region: it asks the same address for the way, without end."""
    params["context"].setdefault("s3_redirect", {})["redirected"] = True


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


_OURS = {
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


def _refusal(error: ClientError) -> str:
    """Return what the refusal means for the bucket; raises ProbeError where it is our own key, clock or region."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = _status(error)
    if code in _OURS:
        raise ProbeError(Reason.OURS, *_OURS[code])
    if status == HTTPStatus.MOVED_PERMANENTLY:
        raise ProbeError(Reason.OURS, *_OURS["PermanentRedirect"])
    if status == HTTPStatus.FORBIDDEN:
        raise ProbeError(
            Reason.DENIED, "our key may not list the bucket (403)", "Allow it s3:ListBucket on the bucket."
        )
    return _PROBLEMS.get(status, f"answers HeadBucket with {status}")
