"""What pg_restore and psql print, reduced to a code and the names of objects; called by `restore` and nobody else.

They quote rows (DETAIL, CONTEXT, "Command was", COPY data): of a message only what a pattern of messages.toml picks out
is kept, and of the names only those that the archive's own table of contents holds. Everything else is dropped here.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RestoreError:
    """One error in our words: SQLSTATE (or "" where PostgreSQL gives none), the objects it names, the entry it hit."""

    code: str
    what: str
    objects: tuple[str, ...] = ()
    entry: str = ""

    def __str__(self) -> str:
        named = set(self.entry.split(" "))
        parts = (self.entry, *(name for name in dict.fromkeys(self.objects) if name not in named))
        names = ", ".join(part for part in parts if part != "")
        told = f"{names}: {self.what}" if names != "" else self.what
        return f"{told} ({self.code})" if self.code != "" else told


WORKER_DIED = "a worker of pg_restore was killed"
CANNOT_UNPACK = "the programs of this machine cannot unpack it"

_NAME = r'"([^"\n]{1,63})"'
_KIND = (
    r"(?:table|schema|function|view|sequence|type|extension|language|relation|database|large object|materialized view)"
)


def _known() -> Iterator[tuple[re.Pattern[str], str, str]]:
    file = Path(__file__).with_name("messages.toml")
    for row in tomllib.loads(file.read_text("utf-8"))["message"]:
        pattern = row["pattern"].replace("<name>", _NAME).replace("<kind>", _KIND)
        yield re.compile(pattern), row["code"], row["what"]


_PATTERNS = tuple(_known())
_ENTRY = re.compile(r"^pg_restore: from TOC entry (\d+); ")
_IS_ERROR = re.compile(r"^pg_restore: error: |^psql:.*(?:ERROR|FATAL|PANIC|error):")


def speaks(line: bytes) -> bool:
    """Whether a line of pg_restore or psql is one that `errors` reads; with --verbose most are not."""
    text = line.decode("utf-8", "replace")
    return _ENTRY.match(text) is not None or _IS_ERROR.match(text) is not None


def errors(printed: bytes, entries: dict[int, str], names: frozenset[str]) -> tuple[RestoreError, ...]:
    """Return what went wrong, in the order printed; `entries` are the labels of the table of contents by number."""
    return tuple(dict.fromkeys(_errors(printed.decode("utf-8", "replace"), entries, names)))


def _errors(text: str, entries: dict[int, str], names: frozenset[str]) -> Iterator[RestoreError]:
    entry = ""
    for line in text.splitlines():
        at = _ENTRY.match(line)
        if at is not None:
            entry = entries.get(int(at[1]), "")
        elif _IS_ERROR.match(line) is not None:
            yield _reduced(line, entry, names)
            entry = ""


def _reduced(line: str, entry: str, names: frozenset[str]) -> RestoreError:
    for pattern, code, what in _PATTERNS:
        match = pattern.search(line)
        if match is not None:
            found = (group for group in match.groups() if group is not None)
            return RestoreError(code, what, tuple(name for name in found if name in names), entry)
    return RestoreError("", "an error that is not known here", (), entry)
