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


def fold_path(path: str) -> str:
    """Return a path with `:id` in place of each part that is an id, hex, a token or an address; no query."""
    path = path.partition("?")[0].partition("#")[0]
    if path in {":other", ""}:
        return path
    if len(path) > _LONGEST_PATH or not path.startswith("/"):
        return ":other"
    return "/".join(":id" if part != ":id" and _is_id(part) else part for part in path.split("/"))


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
