"""What pg_restore and psql print, reduced to a code and the names of objects; called by `restore` and nobody else.

They quote rows (DETAIL, CONTEXT, "Command was", COPY data): of a message only what a pattern below picks out is kept,
and of the names only those that the archive's own table of contents holds. Everything else is dropped here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass


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

_N = r'"([^"\n]{1,63})"'
_KINDS = (
    r"(?:table|schema|function|view|sequence|type|extension|language|relation|database|large object|materialized view)"
)
# The primary message -> SQLSTATE and our words. Only groups are kept, and they are names.
_KNOWN = (
    (
        rf"insert or update on table {_N} violates foreign key constraint {_N}",
        "23503",
        "rows point to rows that do not exist",
    ),
    (rf"could not create unique index {_N}", "23505", "the same key stands in more than one row"),
    (rf"duplicate key value violates unique constraint {_N}", "23505", "the same key stands in more than one row"),
    (
        rf"new row for relation {_N} violates check constraint {_N}",
        "23514",
        "rows break a CHECK, so none of them was loaded",
    ),
    (rf"check constraint {_N} of relation {_N} is violated by some row", "23514", "rows break a CHECK"),
    (rf"conflicting key value violates exclusion constraint {_N}", "23P01", "rows exclude each other"),
    (rf"could not create exclusion constraint {_N}", "23P01", "rows exclude each other"),
    (rf"null value in column {_N} of relation {_N} violates", "23502", "a column that must not be empty is"),
    (rf"column {_N} of relation {_N} contains null values", "23502", "a column that must not be empty is"),
    (rf"no partition of relation {_N} found for row", "23514", "rows fit no partition"),
    (rf"relation {_N} does not exist", "42P01", "a relation that it needs does not exist"),
    (rf"relation {_N} already exists", "42P07", "it exists already"),
    (rf"schema {_N} already exists", "42P06", "it exists already"),
    (rf"schema {_N} does not exist", "3F000", "its schema does not exist"),
    (rf"column {_N} (?:of relation {_N} )?does not exist", "42703", "a column does not exist"),
    (
        r"function ([\w.$]{1,130})\(.*\) does not exist",
        "42883",
        "a function that it calls does not exist or is not found",
    ),
    (r"operator does not exist", "42883", "an operator that it uses does not exist"),
    (rf"text search (?:dictionary|configuration) {_N} does not exist", "42704", "a text search object does not exist"),
    (rf"(?:type|data type) {_N} does not exist", "42704", "a type does not exist"),
    (rf"operator class {_N} does not exist", "42704", "an operator class does not exist"),
    (rf"role {_N} does not exist", "42704", "a role does not exist"),
    (rf"collation {_N} for encoding {_N} does not exist", "42704", "a collation does not exist on this machine"),
    (rf"extension {_N} (?:is not available|does not exist)", "0A000", "an extension is not installed on this machine"),
    (r"could not open extension control file", "0A000", "an extension is not installed on this machine"),
    (rf"extension {_N} has no installation script", "22023", "an extension is not here in that version"),
    (
        rf"unrecognized configuration parameter {_N}",
        "42704",
        "it was written by a newer pg_dump than this server knows",
    ),
    (
        rf"permission denied (?:for|to) {_KINDS} (?:{_N}|([\w$]{{1,63}}))",
        "42501",
        "refused to a role that is not a superuser",
    ),
    (rf"must be owner of {_KINDS} (?:{_N}|([\w$]{{1,63}}))", "42501", "refused to a role that is not a superuser"),
    (rf"must be (?:able to SET ROLE|a? ?member of role) {_N}", "42501", "refused to a role that is not a superuser"),
    (r"must be superuser|permission denied|Only roles with", "42501", "refused to a role that is not a superuser"),
    (r"No space left on device|: wrote only \d+ of \d+ bytes", "53100", "no space left in the scratch folder"),
    (r"out of memory|out of shared memory", "53200", "out of memory"),
    (rf"invalid byte sequence for encoding {_N}", "22021", "bytes that are no text in the database's encoding"),
    (
        rf"character with byte sequence .* in encoding {_N} has no equivalent",
        "22P05",
        "characters that the encoding lacks",
    ),
    (r"invalid input syntax for type ([\w ]{1,40})", "22P02", "a value does not fit its type"),
    (rf"missing data for column {_N}", "22P04", "a row ends too early"),
    (r"extra data after last expected column", "22P04", "a row is too long"),
    (rf"materialized view {_N} has not been populated", "55000", "it was never filled"),
    (
        r"server closed the connection unexpectedly|terminating connection|connection to server .* failed",
        "08006",
        "the throw-away server ended",
    ),
    (
        r"unsupported version \((\d+\.\d+)\) in file header",
        "",
        "the archive is newer than the programs of this machine",
    ),
    (r"cannot restore from compressed archive", "", CANNOT_UNPACK),
    (
        r"could not read from input file|unexpected end of file|could not uncompress data|could not decompress data",
        "",
        "the archive ends in the middle or is damaged",
    ),
    (
        r"found unexpected block ID|unrecognized data block type|invalid compression code|corrupt",
        "",
        "the archive is damaged",
    ),
    (
        r"not appear to be a valid archive|did not find magic string|input file is too short",
        "",
        "it is no archive of PostgreSQL",
    ),
    (r"worker process died unexpectedly", "", WORKER_DIED),
    (r"could not open (?:input )?(?:file|directory)", "", "a part of the backup is not there"),
)
_PATTERNS = tuple((re.compile(pattern), code, what) for pattern, code, what in _KNOWN)
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
