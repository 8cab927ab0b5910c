"""A request and its answer, as they pass between the application and its routes, and how a credential is compared."""

import hmac
import json
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass

SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `endpoint` is the route's template, which labels its metrics: no id, no secret is in it."""

    method: str
    path: str
    query: str
    authorization: str
    asked: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back: a JSON document, or text where `content_type` says so."""

    status: int
    endpoint: str
    body: object
    content_type: str = "application/json;charset=UTF-8"
    challenge: str = ""

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        return (self.body if isinstance(self.body, str) else json.dumps(self.body, default=str)).encode()


NOT_FOUND = Answer(404, "other", {"error": "not_found"})


def same(given: str, expected: str) -> bool:
    """Tell whether two secrets are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(given.encode(), expected.encode())


def basic(authorization: str, user: str, password: str) -> bool:
    """Tell whether an Authorization header holds this user and password (RFC 7617)."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        given = b64decode(encoded, validate=True).decode()
    except (Base64Error, UnicodeDecodeError):
        return False
    return scheme == "Basic" and same(given, f"{user}:{password}")
