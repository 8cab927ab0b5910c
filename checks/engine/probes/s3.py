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
from checks.engine.environment.secrets import Secret
from checks.engine.model import NotJudged, ProbeError, Reading, Reason
from checks.engine.probes import Context, s3_bucket, s3_key
from checks.engine.probes.network import Watchdog, in_handshake, problem_of, silent
from checks.engine.probes.s3_canary import canary
from checks.engine.probes.s3_descriptions import descriptions
from checks.engine.probes.s3_problems import NOT_S3, Problem, is_listing, refusal, status_of
from checks.engine.probes.settling import not_connected, settle_all
from checks.engine.probes.web import Sockets, pool
from checks.engine.readings import READINGS
from checks.engine.readings.s3 import S3Connection

CONNECTION, CANARY = "s3_connection", "s3_canary"
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


def read(context: Context) -> None:
    """Settle every name of `context.names` for one bucket."""
    started = time.monotonic()
    others = [name for name in context.names if name != CONNECTION]
    sockets = Sockets()
    try:
        client, bucket = _open(context, sockets)
        _guarded(lambda: _ask(client, bucket), sockets, context.remaining(TIMEOUT_SECONDS))
    except Problem as problem:
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
        # Last what waits for the database, and what changes the bucket for a moment.
        for name in sorted(others, key=lambda name: (name == CANARY, name == "s3_objects")):
            context.settle(name, _outcome(context, name, client, bucket, sockets))


def _outcome(
    context: Context, name: str, client: Any, bucket: str, sockets: Sockets
) -> Reading | NotJudged | ProbeError:
    seconds = context.remaining(READINGS[name].deadline or MORE_SECONDS)
    try:
        if name == CANARY:
            return _canary(context, client, bucket, sockets)
        if name in {"s3_key", "s3_identity"}:
            return _guarded(lambda: _key(context, name, sockets), sockets, seconds)
        return _guarded(lambda: s3_bucket.READ[name](context, client, bucket), sockets, seconds)
    except ProbeError as error:
        return error
    except Problem as problem:
        return ProbeError(Reason.PROTOCOL, str(problem))


def _canary(context: Context, client: Any, bucket: str, sockets: Sockets) -> Reading | NotJudged:
    settings = context.environment.s3
    if settings is None or settings.canary is None:
        return NotJudged("the environment file sets no canary under [s3]")
    ours = settings.canary
    own = None if ours.access_key is None or ours.secret_key is None else (ours.access_key, ours.secret_key)
    writer = _client(settings, context.run_id, sockets, own)

    def guarded(ask: Callable[[], Any]) -> Any:
        return _guarded(ask, sockets, context.remaining(TIMEOUT_SECONDS))

    return canary(guarded, (writer, client), bucket, ours.prefix, context.run_id)


def _key(context: Context, name: str, sockets: Sockets) -> Reading | NotJudged:
    settings = context.environment.s3
    if settings is None or settings.endpoint is not None:
        return NotJudged("not covered: only Amazon's own store tells whose a key is, and how old")
    if name == "s3_identity":
        return s3_key.identity(_client(settings, context.run_id, sockets, service="sts"))
    return s3_key.age(_client(settings, context.run_id, sockets, service="iam"), settings.access_key.text().reveal())


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
    """Return what `ask` does within so many seconds; raise Problem or ProbeError in our own words."""
    with Watchdog(seconds) as dog:
        sockets.watch_with(dog)
        try:
            return ask()
        except ClientError as error:
            raise Problem(refusal(error)) from None
        except ParamValidationError:
            raise ProbeError(Reason.OURS, "the bucket's name is malformed", "Mend it under [s3] buckets.") from None
        except (BotoCoreError, HTTPError, OSError, ValueError) as error:
            accepted = sockets.connected or in_handshake(error)
            if dog.expired:
                raise Problem(silent(seconds, accepted=accepted)) from None
            found = problem_of(error, "S3", seconds, accepted=accepted)
            raise Problem(found or NOT_S3) from None


def _ask(client: Any, bucket: str) -> None:
    try:
        answer = client.head_bucket(Bucket=bucket)
    except ClientError as error:
        status = status_of(error)
        if status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN}:
            raise
        # The answer to a HEAD has no body and so no code: the same right answers a listing of one key, with one.
        client.list_objects_v2(Bucket=bucket, MaxKeys=1)
        raise Problem(f"answers HeadBucket with {status} but lists the bucket") from None
    # A web server says 200 to a HEAD too. What bears no mark of S3 must know how to list one key.
    marked = any(name.startswith("x-amz-") for name in answer["ResponseMetadata"]["HTTPHeaders"])
    if not marked and not is_listing(client.list_objects_v2(Bucket=bucket, MaxKeys=1)):
        raise Problem(NOT_S3)


def _client(
    settings: models.S3,
    run_id: str,
    sockets: Sockets,
    keys: tuple[Secret, Secret] | None = None,
    service: str = "s3",
) -> Any:
    """Return a client with the bucket's ordinary key, or with another one where it is given."""
    access_key, secret_key = (settings.access_key, settings.secret_key) if keys is None else keys
    core = botocore.session.Session(session_vars=_NOTHING_FROM_HERE)
    core.register_component("data_loader", descriptions())
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        signature_version="s3v4" if service == "s3" else "v4",
        # else a put bears a checksum that not every store knows
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "auto" if settings.endpoint is None else "path"},
        user_agent=f"penhas-checks/{run_id}",
        proxies={},  # else it goes through the environment, from which pytest takes a variable at any moment
    )
    try:
        client = core.create_client(
            service,
            region_name=settings.region,
            endpoint_url=settings.endpoint,
            aws_access_key_id=access_key.text().reveal(),
            aws_secret_access_key=secret_key.text().reveal(),
            config=config,
        )
    except (BotoCoreError, ValueError):
        raise ProbeError(Reason.OURS, "endpoint or region is malformed", "Mend it under [s3].") from None
    client.meta.events.register("before-call.s3", _stay)
    client.meta.events.register(f"before-send.{service}", _sender(sockets))
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
        if not request.stream_output:
            response.content  # noqa: B018 (it reads the body, which botocore's own sender does here too)
        return response

    return send


def _stay(params: dict[str, Any], **_: object) -> None:
    """Keep botocore from following a bucket to another region: it asks the same address for the way, without end."""
    params["context"].setdefault("s3_redirect", {})["redirected"] = True
