"""What an instance shows to operators: the queue's statistics, its guards, its certificate, its version among others.

Called by the probe of the API. The maintenance secret travels in a query, as the application wants it, and no further.
"""

import base64
import json
import socket
import ssl
import time
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from checks.engine.environment import models
from checks.engine.model import NotJudged, ProbeError, Reading, Reason, Target
from checks.engine.probes import Context
from checks.engine.probes.api.client import Answer
from checks.engine.probes.network import roots
from checks.engine.readings.api import (
    ApiAdmin,
    ApiCertificate,
    ApiGuard,
    ApiHealth,
    ApiMinionStats,
    ApiVersions,
)

Get = Callable[..., Answer]
_COUNTLESS = 1e15  # no queue is so long: what says so is no number
_WRONG = "penhas-checks-knows-no-secret"
_GUARDED_BY_SECRET = "/maintenance/"  # noqa: S105 (a path)
_REFUSED = {
    10: "has expired",
    18: "is signed by itself",
    19: "is signed by itself",
    20: "is signed by somebody unknown, or lacks the certificates between",
    21: "is signed by somebody unknown, or lacks the certificates between",
    62: "is for another name",
    64: "is for another address",
}


def minion_stats(_: Context, settings: models.Api, get: Get) -> Reading:
    """Return how many inactive jobs the instance counts."""
    path = settings.minion_stats or ""
    query, headers = "", {}
    if path.startswith(_GUARDED_BY_SECRET):
        if settings.maintenance_secret is None:
            raise ProbeError(Reason.OURS, "no maintenance secret is named", "Set maintenance_secret under [api].")
        query = f"?secret={quote(settings.maintenance_secret.text().reveal(), safe='')}"
    elif settings.admin_credentials is not None:
        both = settings.admin_credentials.text().reveal().encode()
        headers = {"Authorization": f"Basic {base64.b64encode(both).decode()}"}
    answer = get(path + query, headers)
    return ApiMinionStats(
        http_status=answer.status,
        inactive=_inactive(answer.body),
        source=f"GET {path}",
        sampled_at=answer.ended,
    )


def _inactive(body: bytes) -> float | None:
    try:
        table = json.loads(body)
    except (ValueError, RecursionError):
        return None
    # The guide's name, and that of Minion's own page.
    found = [table[name] for name in ("inactive", "inactive_jobs") if name in table] if isinstance(table, dict) else []
    numbers = [value for value in found if isinstance(value, int | float) and not isinstance(value, bool)]
    return float(numbers[0]) if numbers and 0 <= numbers[0] < _COUNTLESS else None


def guard(_: Context, settings: models.Api, get: Get) -> Reading:
    """Knock at the one maintenance path that may be tried."""
    path = settings.guarded or ""
    without, wrong = get(path), get(f"{path}?secret={_WRONG}")
    return ApiGuard(without=without.status, wrong=wrong.status, source=f"GET {path}", sampled_at=wrong.ended)


def admin(_: Context, settings: models.Api, get: Get) -> Reading:
    """Knock at Minion's own page."""
    answer = get(settings.admin or "")
    return ApiAdmin(status=answer.status, source=f"GET {settings.admin}", sampled_at=answer.ended)


def certificate(context: Context, settings: models.Api, _: Get) -> Reading | NotJudged:
    """Return what a client that verifies makes of the certificate that is served."""
    url = urlsplit(next(t.url for t in settings.targets if t.name == context.target.name))
    if url.scheme != "https":
        return NotJudged("is reached over HTTP without TLS: there is no certificate")
    verifying = ssl.create_default_context(cafile=roots())
    where = (url.hostname or "", url.port or 443)
    problem, expires_in = "", None
    try:
        with (
            socket.create_connection(where, context.remaining(settings.timeout)) as plain,
            verifying.wrap_socket(plain, server_hostname=url.hostname) as talk,
        ):
            ends = (talk.getpeercert() or {}).get("notAfter")
            if isinstance(ends, str):
                expires_in = ssl.cert_time_to_seconds(ends) - time.time()
    except ssl.SSLCertVerificationError as error:
        problem = _REFUSED.get(error.verify_code, f"is refused (verification code {error.verify_code})")
    except OSError:
        raise ProbeError(Reason.CONNECTION, "no TLS connection for its certificate") from None
    return ApiCertificate(problem=problem, expires_in=expires_in, source="TLS handshake", sampled_at=time.time())


def versions(context: Context, settings: models.Api, _: Get) -> Reading:
    """Return the versions that all instances name, this one's apart."""
    named: dict[str, str | None] = {}
    for target in settings.targets:
        found = context.peer("api_health", Target("api", target.name))
        if isinstance(found, ApiHealth):
            named[target.name] = found.version
    others = [version for name, version in named.items() if name != context.target.name and version is not None]
    return ApiVersions(
        own=named.get(context.target.name),
        others=tuple(sorted(others)),
        source=f"GET {settings.health}",
        sampled_at=time.time(),
    )


READ: dict[str, Callable[[Context, models.Api, Get], Reading | NotJudged]] = {
    "api_minion_stats": minion_stats,
    "api_guard": guard,
    "api_admin": admin,
    "api_certificate": certificate,
    "api_versions": versions,
}
