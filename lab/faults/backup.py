"""What goes wrong with backups."""

from dataclasses import replace
from typing import TYPE_CHECKING

from lab.faults.backup_changes import (
    change_globals,
    changing,
    dump_with,
    flip,
    forget,
    forget_all,
    forget_globals,
    key_beside,
    newer_program,
    signing,
    truncate,
    uncopied,
)
from lab.faults.expect import COPY, all_in, at
from lab.faults.registry import Fault, register
from lab.marked import word

if TYPE_CHECKING:
    pass

HOUR = 3600.0


def here(state: str, *checks: str) -> dict[str, str]:
    """Return the state of some checks of the backups."""
    return all_in(state, at("postgresql", checks))


# What can no longer be judged where a plain pg_dump made the newest backup.
PLAIN = here(
    "not judged",
    "backup-manifest-signed",
    "backup-restore-contents",
    "backup-restore-extensions",
    "backup-restore-security",
    "backup-restore-structure",
    "backup-rows-complete",
    "backup-source-current",
)
_UNREAD = ("backup-rows-complete", "backup-toc-complete")
# What an empty database has nothing of.
_NOTHING_IN_IT = (
    "backup-restore-indexes",
    "backup-restore-large-objects",
    "backup-restore-listed",
    "backup-restore-policies",
    "backup-restore-references",
    "backup-restore-sequences",
    "backup-restore-validated",
    "backup-restore-views-filled",
)
_UNRESTORED = here("UNKNOWN", "backup-restore", "backup-restore-private", *COPY)
_NONE = (
    "backup-checksummed",
    "backup-globals",
    "backup-manifest-signed",
    "backup-second-copy",
    "backup-size-usual",
    "backup-source-current",
    "backup-version-restorable",
    "backup-whole",
    *_UNREAD,
)

for _name, _what, _change, _expect in (
    ("backup-truncated", "the newest backup lacks its last tenth", truncate, here("CRITICAL", "backup-freshness")),
    (
        "backup-unfinished",
        "the newest backup has no manifest: its making was cut off",
        lambda _, dumps: dumps[-1].with_suffix(".manifest.json").unlink(),
        here("CRITICAL", "backup-freshness"),
    ),
    (
        "backup-bit-flipped",
        "one bit of the newest backup is another",
        flip,
        {
            **here("CRITICAL", "backup-whole", "backup-restore"),
            **here("not judged", *_UNREAD),
            **here("UNKNOWN", *COPY),
        },
    ),
    (
        "backup-table-missing",
        "the newest backup was taken without the table clientes_audios",
        dump_with("--exclude-table=clientes_audios"),
        {**PLAIN, **here("CRITICAL", "backup-toc-complete", "backup-restore-rows")},
    ),
    (
        "backup-rows-missing",
        "the newest backup was taken without the rows of the table chat_message",
        dump_with("--exclude-table-data=chat_message"),
        {**PLAIN, **here("CRITICAL", "backup-toc-complete", "backup-restore-rows")},
    ),
    (
        "backup-shrunk",
        "the newest backup holds no rows at all",
        dump_with("--schema-only"),
        {
            **PLAIN,
            **here("CRITICAL", "backup-size-usual", "backup-whole", "backup-toc-complete"),
            **here("CRITICAL", "backup-restore", "backup-restore-rows", "emergency-recovery-rehearsed"),
            **here("WARNING", "backup-restore-views-filled"),
            **here("UNKNOWN", "backup-media-complete", "backup-media-left-over", "backup-restore-readable"),
            **here("UNKNOWN", "backup-restore-current", "backup-rpo", "backup-rto"),
        },
    ),
    (
        "backup-wrong-database",
        "the newest backup is of another database",
        dump_with(database="postgres"),
        {
            **PLAIN,
            **here("CRITICAL", "backup-databases-complete", "backup-whole", "backup-toc-complete"),
            **here("CRITICAL", "backup-restore", "backup-restore-rows", "emergency-recovery-rehearsed"),
            **here("not judged", "backup-size-usual", *_NOTHING_IN_IT),
            **here("UNKNOWN", "backup-media-complete", "backup-media-left-over", "backup-restore-readable"),
            **here("UNKNOWN", "backup-restore-current", "backup-rpo", "backup-rto"),
        },
    ),
    (
        "backup-uncompressed",
        "the newest backup has no checksum of any kind",
        dump_with("-Z0"),
        {**PLAIN, **here("WARNING", "backup-checksummed"), **here("not judged", "backup-size-usual")},
    ),
    (
        "backup-newer-program",
        "the newest backup was written by a pg_dump newer than the server",
        newer_program,
        {**PLAIN, **_UNRESTORED, **here("WARNING", "backup-version-restorable")},
    ),
    (
        "backup-old",
        "no backup was taken for two days",
        lambda _, dumps: forget(dumps[-2:]),
        {**here("CRITICAL", "backup-freshness"), **here("WARNING", "backup-retention-complete")},
    ),
    (
        "backup-day-missing",
        "one day has no backup",
        lambda _, dumps: forget(dumps[2:3]),
        here("WARNING", "backup-retention-complete"),
    ),
    (
        "backup-none",
        "there is no backup",
        forget_all,
        {
            **_UNRESTORED,
            **here("CRITICAL", "backup-freshness", "backup-retention-complete", "backup-databases-complete"),
            **here("not judged", *_NONE),
        },
    ),
    (
        "backup-globals-missing",
        "no backup has the roles beside it",
        forget_globals,
        here("CRITICAL", "backup-globals"),
    ),
    (
        "backup-globals-changed",
        "someone has written into the newest backup's dump of roles",
        change_globals,
        here("CRITICAL", "backup-globals"),
    ),
    (
        "backup-forged",
        "someone else signed the newest backup's manifest",
        signing(lambda own: own, word("outra-semente", 1)),
        here("CRITICAL", "backup-manifest-signed", "backup-freshness"),
    ),
    (
        "backup-stale-replica",
        "the newest backup was taken of a replica two hours behind",
        signing(lambda own: replace(own, in_recovery=True, last_replay_at=own.snapshot_at - 2 * HOUR)),
        here("CRITICAL", "backup-source-current", "backup-restore-current"),
    ),
    (
        "backup-database-missing",
        "a second database of the server has no backup",
        signing(lambda own: replace(own, databases=(*own.databases, "relatorios"))),
        here("CRITICAL", "backup-databases-complete"),
    ),
    (
        "backup-manifest-wrong",
        "the newest backup's manifest counts a row more in every table",
        signing(lambda own: replace(own, tables=tuple(replace(t, rows=t.rows + 1) for t in own.tables))),
        {
            **here("CRITICAL", "backup-rows-complete", "backup-restore-rows"),
            **here("UNKNOWN", "backup-restore-contents"),
        },
    ),
    (
        "backup-not-copied",
        "the newest backup is not in the second place",
        uncopied(-1),
        here("CRITICAL", "backup-second-copy"),
    ),
    (
        "backup-copy-thinned",
        "an older backup is not in the second place",
        uncopied(1),
        here("WARNING", "backup-second-copy"),
    ),
    (
        "backup-key-beside",
        "a private key lies among the backups",
        key_beside,
        here("WARNING", "backup-key-apart"),
    ),
):
    register(Fault(_name, _what, ("backup",), _expect, *changing(_change)))
