"""The dump of roles that lies beside a backup: which roles it makes, and whether it is the one that was taken with it.

Called by examine.py. Of its text nothing but the names of roles is kept: it may hold what only a superuser should read.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from checks.engine.environment.models import Backup
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup.archive import ArchiveError
from checks.engine.probes.backup.fetch import Counted
from checks.engine.probes.backup.inventory import BackupSet
from checks.engine.probes.backup.pipe import decryption, through
from checks.engine.probes.backup.store import Store

_MOST = 64 << 20
_CREATE_ROLE = re.compile(r'^CREATE (?:ROLE|USER) (?:"((?:[^"]|"")+)"|([\w$]+))', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles that it makes; `problem` says why it is of no use, `unread` why nobody can tell here ("" for no)."""

    made: frozenset[str] = frozenset()
    problem: str = ""
    unread: str = ""

    @property
    def read(self) -> bool:
        """Whether `made` is all that it makes."""
        return self.problem == "" == self.unread


def read(store: Store, newest: BackupSet, backup: Backup, remaining: Callable[[], float]) -> Roles:
    """Read the dump of roles to its end; with a manifest, it must be the file that was taken with the backup."""
    if newest.globals_key is None:
        return Roles(problem="there is none")
    counted = Counted(store.chunks(newest.globals_key), remaining)
    try:
        text = _text(newest, newest.globals_key, counted, backup)
    except ArchiveError as error:
        return Roles(problem=str(error))
    except ProbeError as error:
        return Roles(problem=error.why) if error.reason is Reason.NO_DATA else Roles(unread=error.why)
    return Roles(frozenset(quoted.replace('""', '"') or plain for quoted, plain in _CREATE_ROLE.findall(text)))


def _text(newest: BackupSet, key: str, counted: Counted, backup: Backup) -> str:
    pieces: Iterator[bytes] = iter(counted)
    if key.endswith((".age", ".gpg")):
        pieces = through(decryption(backup, key.rpartition(".")[2]), pieces, "the globals dump")
    found = b""
    for piece in pieces:
        found += piece
        if len(found) > _MOST:
            raise ArchiveError("it is absurdly large")
    taken = None if newest.manifest is None else newest.manifest.globals
    if taken is not None and counted.result().sha256 != taken.sha256:
        raise ArchiveError("its SHA-256 is not the manifest's, so it was changed after it was taken")
    text = found.decode("utf-8", "replace")
    if "PostgreSQL database cluster dump complete" not in text:
        raise ArchiveError("its last line is missing: it was cut off")
    return text
