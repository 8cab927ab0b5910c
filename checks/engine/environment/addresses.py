"""What an address in an environment file may be, and what is made of it; called by the models of its tables."""

import posixpath
from urllib.parse import unquote, urlsplit


def plain_url(value: str) -> str:
    """Return an http(s) URL without a trailing slash; raise ValueError for a password, query or other scheme in it."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or parts.hostname is None:
        raise ValueError("must be a URL that begins http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a literal password in a URL; name a variable under credentials instead")
    if parts.query != "" or parts.fragment != "":
        raise ValueError("must have no query and no fragment")
    return value.rstrip("/")


def reached(path: str) -> str:
    """Return what a client or a server may make of a path."""
    return "/" + posixpath.normpath(unquote(path)).lower().lstrip("/")
