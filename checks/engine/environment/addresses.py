"""What an address in an environment file may be, and what is made of it; called by the models of its tables."""

import posixpath
import re
from urllib.parse import SplitResult, unquote, urlsplit

_HOST = re.compile(r"[0-9a-f:.]*:[0-9a-z:.%]+|[\w-]{1,63}(\.[\w-]{1,63})*\.?", re.IGNORECASE)  # _ for containers


def plain_url(value: str) -> str:
    """Return an http(s) URL without a trailing slash; raise ValueError where it has a secret or cannot be asked."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or parts.hostname is None:
        raise ValueError("must be a URL that begins http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a literal password in a URL; name a variable under credentials instead")
    if parts.query != "" or parts.fragment != "":
        raise ValueError("must have no query and no fragment")
    if re.search(r"[\s\x00-\x1f\x7f]", value) is not None or _HOST.fullmatch(parts.hostname) is None:
        raise ValueError("must name a host: letters, digits, points and hyphens, or an address; no spaces")
    if not _has_port(parts):
        raise ValueError("must have a port from 1 to 65535, or none")
    return value.rstrip("/")


def _has_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def reached(path: str) -> str:
    """Return what a client or a server may make of a path."""
    return "/" + posixpath.normpath(unquote(path)).lower().lstrip("/")
