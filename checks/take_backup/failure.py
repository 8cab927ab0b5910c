"""Why a backup could not be taken. Raised by every step, shown by __main__, never with a driver's or server's text."""

import re


class BackupFailed(Exception):  # noqa: N818 (what happened, not what kind of error it is)
    """The backup was not taken; `why` and `mend` are our own words."""

    def __init__(self, why: str, mend: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.mend = mend


class NotCopied(BackupFailed):
    """The backup was taken and is complete, and the second place does not hold it."""


_NAME = r"\"?([A-Za-z_][\w$.]*)\"?"
_REASONS = (
    (rf"permission denied for (table|schema|sequence|view|large object) {_NAME}", "permission denied for {0} {1}"),
    (rf"query would be affected by row-level security policy for table {_NAME}", "row security hides rows of {0}"),
    (r"aborting because of server version mismatch", "it is older than the server"),
    (r"canceling statement due to lock timeout", "a table stayed locked by someone else"),
    (r"invalid snapshot identifier|could not import the requested snapshot", "the snapshot is gone"),
    (r"password authentication failed", "the password is wrong"),
    (r"no password supplied", "a password is due and none was given"),
    (r"terminating connection|server closed the connection", "the server ended the session"),
    (r"No space left on device", "no space left on the disk"),
    (r"invalid byte sequence for encoding", "a text is not valid in the database's encoding"),
    (r"missing chunk number|invalid page in block|could not read block", "the database is damaged: run pg_amcheck"),
)


def known(words: str) -> str:
    """Return what a server or program said, in our words and with names at most; "" where we do not know it."""
    for pattern, ours in _REASONS:
        match = re.search(pattern, words)
        if match is not None:
            return ours.format(*match.groups())
    return ""


def reason(words: bytes) -> str:
    """Return why a program failed: what servers print may quote a row and is dropped."""
    unknown = "for a reason that is not repeated here, since it may quote a row; run it by hand"
    return known(words.decode("utf-8", "replace")) or unknown
