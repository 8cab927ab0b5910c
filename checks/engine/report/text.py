"""Any text, however hostile, as harmless text: nothing here may move a cursor, turn a line round or break a parser.

Called by every writer on every field that came from outside the report.
"""

import html
import re

# C0 and C1 controls (without tab and newline), DEL, bidirectional marks, line separators, surrogates, noncharacters.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e007f]"
)
_SPACE = re.compile(r"\s+")


def plain(text: str, limit: int = 0) -> str:
    """Return `text` with each harmful character written out as ⟨U+202E⟩, cut to `limit` characters unless that is 0."""
    return _HARMFUL.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", _cut(text, limit, len(text)))


def one_line(text: str, limit: int = 0) -> str:
    """Return `plain(text)` with every run of white space, newlines included, as one space."""
    head = text[: 4 * limit] if limit > 0 else text  # no reader needs white space of a megabyte gathered
    return plain(_cut(_SPACE.sub(" ", head).strip(), limit, len(text)))


def _cut(text: str, limit: int, length: int) -> str:
    return f"{text[:limit]}… (cut; {length} characters in all)" if 0 < limit < len(text) else text


def escape(text: str, limit: int = 0) -> str:
    """Return hostile text as one line of HTML text that is harmless also inside a quoted attribute."""
    return html.escape(one_line(text, limit), quote=True)
