"""The probe of S3: HeadBucket on one bucket, with the key that the environment names and nothing from anywhere else.

Each target has a session and a client of its own: boto3's default session is not safe between threads.
"""

import os
import time
from http import HTTPStatus
from typing import Any

import botocore.session
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ParamValidationError

from checks.engine.environment import models
from checks.engine.model import ProbeError, Reading, Reason
from checks.engine.probes import Context
from checks.engine.probes.network import problem_of, roots
from checks.engine.probes.settling import not_connected, settle_all
from checks.engine.readings.s3 import S3Connection

CONNECTION = "s3_connection"
TIMEOUT_SECONDS = 4.0


class _Problem(Exception):  # noqa: N818 (it is a finding, not an error of ours)
    """What is wrong with the bucket: the value of the connection's reading."""


def read(context: Context) -> None:
    """Settle every name of `context.names` for one bucket."""
    started = time.monotonic()
    try:
        _head(context)
    except _Problem as problem:
        settle_all(context, [n for n in context.names if n != CONNECTION], not_connected(str(problem)))
        outcome: Reading | ProbeError = _connection(str(problem), started)
    except ProbeError as error:
        settle_all(context, context.names, error)
        return
    else:
        outcome = _connection("", started)
    if CONNECTION in context.names:
        context.settle(CONNECTION, outcome)


def _connection(problem: str, started: float) -> S3Connection:
    return S3Connection(
        reachable=problem == "",
        problem=problem,
        seconds=time.monotonic() - started,
        source="HeadBucket",
        sampled_at=time.time(),
    )


def _head(context: Context) -> None:
    settings = context.environment.s3
    bucket = next((b.bucket for b in (settings.buckets if settings else ()) if b.name == context.target.name), None)
    if settings is None or bucket is None:
        raise ProbeError(Reason.OURS, f"the environment file has no bucket {context.target.name}")
    seconds = context.remaining(TIMEOUT_SECONDS)
    client = _client(settings, seconds, context.run_id)
    try:
        try:
            client.head_bucket(Bucket=bucket)
        except ClientError as error:
            status = _status(error)
            if status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN}:
                raise
            # The answer to a HEAD has no body and so no code: the same right answers a listing of one key, with one.
            client.list_objects_v2(Bucket=bucket, MaxKeys=1)
            raise _Problem(f"answers HeadBucket with {status} but lists the bucket") from None
    except ClientError as error:
        raise _Problem(_refusal(error)) from None
    except ParamValidationError:
        raise ProbeError(Reason.OURS, "the bucket's name is malformed", "Mend it under [s3] buckets.") from None
    except (BotoCoreError, OSError, ValueError) as error:
        accepted = not isinstance(error, ConnectTimeoutError)
        raise _Problem(
            problem_of(error, "S3", seconds, accepted=accepted) or "answers something that is not S3"
        ) from None
    finally:
        client.close()


def _client(settings: models.S3, seconds: float, run_id: str) -> Any:
    # Nothing of a home folder or of AWS_* variables: this key, this endpoint, or none.
    core = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "ignore_configured_endpoint_urls": (None, None, True, None),
        }
    )
    session = Session(
        aws_access_key_id=settings.access_key.text().reveal(),
        aws_secret_access_key=settings.secret_key.text().reveal(),
        region_name=settings.region,
        botocore_session=core,
    )
    config = Config(
        connect_timeout=seconds,
        read_timeout=seconds,
        retries={"mode": "standard", "total_max_attempts": 1},
        signature_version="s3v4",
        s3={"addressing_style": "auto" if settings.endpoint is None else "path"},
        proxies={},
        user_agent=f"penhas-checks/{run_id}",
    )
    try:
        return session.client("s3", endpoint_url=settings.endpoint, config=config, verify=roots())
    except (BotoCoreError, ValueError):
        raise ProbeError(Reason.OURS, "endpoint or region is malformed", "Mend it under [s3].") from None


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
