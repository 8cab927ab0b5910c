"""Takes what is one person's, or one request's, out of paths and messages, so that they can be counted and shown."""

import re

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
_WORD = re.compile(r"[a-zà-öø-ÿ]{2,20}")
_LONGEST_PATH = 120


def fold_path(path: str) -> str:
    """Return a path with `:id` in place of each part that is an id, hex, a token or an address; no query."""
    path = path.partition("?")[0].partition("#")[0]
    if len(path) > _LONGEST_PATH or not path.startswith("/"):
        return ":other" if path not in {":other", ""} else path
    return "/".join(":id" if part != ":id" and _is_id(part) else part for part in path.split("/"))


def _is_id(part: str) -> bool:
    return _ID.fullmatch(part) is not None and not part.startswith(":")


def fold_message(text: str, words: int = 12) -> str:
    """Return the shape of a message: its lower-case words, and `*` for everything that could be somebody's."""
    parts: list[str] = []
    for token in text.split():
        bare = token.strip(".,;:!?()")
        part = bare if _WORD.fullmatch(bare) else "*"
        if part != "*" or parts[-1:] != ["*"]:
            parts.append(part)
        if len(parts) == words:
            break
    return " ".join(parts)
