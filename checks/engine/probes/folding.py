"""Takes what is one person's, or one request's, out of paths and messages, so that they can be counted and shown."""

import re
from pathlib import Path

_ID = re.compile(
    r"""\d+                                  # a number
    | (?=[a-fA-F]*\d)[0-9a-fA-F]{8,}          # hex, as of a hash
    | [0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}
    | (?=(?:\D*\d){3})[A-Za-z0-9_\-]{12,}    # a token: long, with digits
    | (?=.*[A-Z])(?=.*[a-z])[A-Za-z0-9_]{20,}  # a token without any
    | .*[@%=+:;,].*                          # an address, something quoted, a pair
    """,
    re.VERBOSE,
)
# A part of a route, as it is written in the program; v1.
_PLAIN = re.compile(r"[a-z]+([-_][a-z]+)*(\.(html?|json|js|css|png|jpe?g|svg|ico|xml|txt))?|v\d{1,2}|", re.ASCII)
# What a message may show: words of programs. Any other may be a user's own, or her name.
_WORDS = frozenset(Path(__file__).with_name("program_words.txt").read_text(encoding="utf-8").split())
_LONGEST_PATH = 120
_PLACEHOLDER = re.compile(r"\{[^/{}]*\}|<[^/<>]*>|\*+")
_BEFORE_PATH = re.compile(r"^(?:[A-Z]{3,7} )?(?:[a-z][a-z0-9+.-]{0,15}://[^/]*)?")
_PLACE = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]{0,15}://)?(?:[^/?#@]*@)?"
    r"(?P<host>(?:[A-Za-z0-9_.-]{1,120}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?)(?P<path>/[^?#]*)?(?:[?#].*)?",
    re.DOTALL,
)


def fold_path(path: str) -> str:
    """Return a path with `:id` in place of each part that is an id, hex, a token or an address; no query."""
    path = path.partition("?")[0].partition("#")[0]
    if path in {":other", ""}:
        return path
    if len(path) > _LONGEST_PATH or not path.startswith("/"):
        return ":other"
    return "/".join(":id" if part != ":id" and _is_id(part) else part for part in path.split("/"))


def is_raw(label: str) -> bool:
    """Whether a label holds what is one request's instead of a route: a path with an id in it, or an id by itself.

    A route may be a path with placeholders as any framework writes them, with or without a method, or a name.
    """
    path = _PLACEHOLDER.sub(":id", _BEFORE_PATH.sub("", label))
    if path.startswith("/"):
        return fold_path(path) != path
    # A name of a route may look like anything but an id: Me#show, Penhas::Me, users/show.
    parts = path.partition("?")[0].split("/")
    return any(_ID.fullmatch(part) is not None and re.search("[%=+:;,]", part) is None for part in parts)


def _is_id(part: str) -> bool:
    if part.startswith(":"):
        return re.fullmatch(r":[a-z_]{1,20}", part) is None
    return _PLAIN.fullmatch(part) is None or _ID.fullmatch(part) is not None


def fold_message(text: str, words: int = 12) -> str:
    """Return the shape of a message: the words of programs in it, and `*` for everything that could be somebody's."""
    parts: list[str] = []
    for token in text.split():
        bare = token.strip(".,;:!?()")
        part = bare if bare in _WORDS else "*"
        if part != "*" or parts[-1:] != ["*"]:
            parts.append(part)
        if len(parts) == words:
            break
    return " ".join(parts)


def place(label: str) -> str:
    """Return where something is, as a label says it: of a URL no user, password or query, no id of its path."""
    found = _PLACE.fullmatch(label)
    if found is None:
        return ":other" if re.search(r"[@=?&]", label) is not None else label[:_LONGEST_PATH]
    path = "" if found["path"] is None else fold_path(found["path"])
    return f"{found['scheme'] or ''}{found['host']}{path}"[: 2 * _LONGEST_PATH]
