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
    if limit > 0 and len(text) > limit:
        text = f"{text[:limit]}… (cut; {len(text)} characters in all)"
    return _HARMFUL.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text)


def one_line(text: str, limit: int = 0) -> str:
    """Return `plain(text)` with every run of white space, newlines included, as one space."""
    if limit > 0:
        text = text[: 4 * limit] if len(text) > 4 * limit else text
    return plain(_SPACE.sub(" ", text).strip(), limit)


def escape(text: str, limit: int = 0) -> str:
    """Return hostile text as one line of HTML text that is harmless also inside a quoted attribute."""
    return html.escape(one_line(text, limit), quote=True)
