"""What only a restore tells: faults of a database that a dump takes along without a word, and of what is around it."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab import s3
from lab.faults.backup import PLAIN, here
from lab.faults.backup_changes import changing, dump_with, replace_dump, signing
from lab.faults.demands import asking
from lab.faults.registry import Act, Fault, register
from lab.running import Running

if TYPE_CHECKING:
    from checks.engine.probes.backup.manifest import Manifest

DAY = 86400.0
_CHAT = "public.chat_message"


def _dump_of(*statements: str, undo: tuple[str, ...]) -> Callable[[Running, list[Path]], None]:
    """Return a change after which the newest backup is a plain dump of a database that statements have broken."""

    def change(running: Running, dumps: list[Path]) -> None:
        running.primary.execute(statements)
        try:
            dump_with()(running, dumps)
        finally:
            running.primary.execute(undo)

    return change


def _told(kind: str, name: str, value: str) -> "Callable[[Manifest], Manifest]":
    """Return a change of a manifest after which the source had one thing more, or another value of it."""

    def change(own: "Manifest") -> "Manifest":
        told = own.structure
        assert isinstance(told, dict)  # noqa: S101 (it is ours)
        things = dict(told["things"]) if isinstance(told["things"], dict) else {}
        of_kind = things.get(kind)
        things[kind] = {**(of_kind if isinstance(of_kind, dict) else {}), name: value}
        return replace(own, structure={**told, "things": things})

    return change


def _other_sums(own: "Manifest") -> "Manifest":
    return replace(own, tables=tuple(replace(table, sum="1") for table in own.tables))


def _outgrown(own: "Manifest") -> "Manifest":
    return replace(own, database_bytes=10)


def _patched(old: bytes, new: bytes) -> Callable[[Running, list[Path]], None]:
    """Return a change after which the newest backup is a plain dump whose table of contents has another word.

    A text there has its length before it; a dump through a pipe knows no places of data that would move.
    """

    def change(running: Running, dumps: list[Path]) -> None:
        dump_with()(running, dumps)
        whole = dumps[-1].read_bytes()
        at = whole.index(old)
        start = whole.rindex(b"CREATE DATABASE ", 0, at) - 4
        length = int.from_bytes(whole[start : start + 4], "little") + len(new) - len(old)
        body = whole[:start] + length.to_bytes(4, "little") + whole[start + 4 : at] + new + whole[at + len(old) :]
        replace_dump(running, dumps[-1], body)

    return change


def _locale_of(whole: bytes) -> bytes:
    match = re.search(rb"LOCALE = '([^']+)'", whole)
    assert match is not None  # noqa: S101 (every archive says of which locale its database is)
    return match[1]


def _other_locale(running: Running, dumps: list[Path]) -> None:
    dump_with()(running, dumps)
    whole = dumps[-1].read_bytes()
    locale = _locale_of(whole)
    replace_dump(running, dumps[-1], whole.replace(b"'" + locale + b"'", b"'" + b"x" * len(locale) + b"'"))


def _once_only() -> tuple[Act, Act]:
    """Return acts that let the newest backup hold a row that no database of another name takes, and have it seen."""
    table = "CREATE TABLE public.lab_once (x int CHECK (current_database() = 'penhas'))"
    broken, mended = changing(
        _dump_of(table, "INSERT INTO public.lab_once VALUES (1)", undo=("DROP TABLE public.lab_once",))
    )

    ask, ask_no_more = asking('"never"', '"always"')

    def break_(running: Running) -> None:
        ask(running)
        broken(running)

    def mend(running: Running) -> None:
        ask_no_more(running)
        mended(running)

    return break_, mend


def _days_ago(running: Running, dumps: list[Path]) -> None:
    """Let the newest backup hold what stood there three days before, as one of a replica that stood still does."""
    for file in dumps[-1].parent.glob("*.manifest.json"):
        file.unlink()
    start = 11 + 5  # the clock of an archive of PostgreSQL 15: seven numbers of five bytes
    if dumps[-1].read_bytes()[6] >= 15:  # noqa: PLR2004 (later ones name the compression in one byte)
        start = 11 + 1
    old, new = dumps[-4].read_bytes(), dumps[-1].read_bytes()
    body = old[:start] + new[start : start + 35] + old[start + 35 :]
    dumps[-1].write_bytes(body)
    (running.store.folder / s3.COPY / "postgresql" / dumps[-1].name).write_bytes(body)


_EVENTS = "public.clientes_audios_eventos"
_KEY = "clientes_audios_eventos_cliente_id_fkey"
_ORPHAN = (
    f"SET session_replication_role = replica; INSERT INTO {_EVENTS} (event_id, cliente_id) VALUES ('lab', 999999999)"
)
_NO_ORPHAN = f"DELETE FROM {_EVENTS} WHERE event_id = 'lab'"

for _name, _what, _change, _expect in (
    (
        "restore-orphan-row",
        "a row of the newest backup points to one that does not exist",
        _dump_of(_ORPHAN, undo=(_NO_ORPHAN,)),
        {**PLAIN, **here("CRITICAL", "backup-restore", "backup-restore-listed"), **here("UNKNOWN", "backup-rto")},
    ),
    (
        "restore-key-unvalidated",
        "a foreign key of the newest backup was never validated, and a row breaks it",
        _dump_of(
            _ORPHAN,
            f"ALTER TABLE {_EVENTS} DROP CONSTRAINT {_KEY}",
            f"ALTER TABLE {_EVENTS} ADD CONSTRAINT {_KEY} FOREIGN KEY (cliente_id) REFERENCES public.clientes (id)"
            " ON DELETE CASCADE NOT VALID",
            undo=(_NO_ORPHAN, f"ALTER TABLE {_EVENTS} VALIDATE CONSTRAINT {_KEY}"),
        ),
        {
            **PLAIN,
            **here("WARNING", "backup-restore-validated"),
            **here("CRITICAL", "backup-restore-references"),
        },
    ),
    (
        "restore-sequence-behind",
        "a sequence of the newest backup stands behind the keys that it gave",
        _dump_of(
            "SELECT setval('public.sent_sms_log_id_seq', 1)",
            undo=("SELECT setval('public.sent_sms_log_id_seq', (SELECT max(id) FROM public.sent_sms_log))",),
        ),
        {**PLAIN, **here("CRITICAL", "backup-restore-sequences")},
    ),
    (
        "restore-policy-lost",
        "a table of the newest backup has row security and no policy",
        _dump_of(
            f"ALTER TABLE {_CHAT} ENABLE ROW LEVEL SECURITY", undo=(f"ALTER TABLE {_CHAT} DISABLE ROW LEVEL SECURITY",)
        ),
        {**PLAIN, **here("CRITICAL", "backup-restore-policies")},
    ),
    (
        "restore-large-objects-missing",
        "the newest backup was taken without the large objects",
        dump_with("-B"),
        {**PLAIN, **here("CRITICAL", "backup-restore-large-objects")},
    ),
    (
        "restore-stale",
        "the newest backup was taken of a replica that had stood still for three days",
        _days_ago,
        {
            **PLAIN,
            **here("CRITICAL", "backup-restore-current", "backup-rpo"),
            **here("WARNING", "backup-media-left-over"),  # what was uploaded in those days
        },
    ),
    (
        "restore-outgrown",
        "the database has become many times as large as it was when the newest backup was taken",
        signing(_outgrown),
        here("CRITICAL", "backup-rto"),
    ),
    (
        "restore-any-bytes",
        "the newest backup is of a database that takes bytes that are no text",
        _patched(b"ENCODING = 'UTF8'", b"ENCODING = 'SQL_ASCII'"),
        {**PLAIN, **here("CRITICAL", "backup-restore-texts")},
    ),
    (
        "restore-locale-missing",
        "the newest backup is of a database whose locale this machine lacks",
        _other_locale,
        {**PLAIN, **here("WARNING", "backup-restore-locale")},
    ),
    (
        "restore-rows-changed",
        "the rows of the newest backup are not those that its manifest summed",
        signing(_other_sums),
        here("CRITICAL", "backup-restore-contents"),
    ),
    (
        "restore-index-missing",
        "the newest backup lacks an index that its source had",
        signing(_told("index", "public.clientes clientes_lab_idx", "unique")),
        here("CRITICAL", "backup-restore-structure"),
    ),
    (
        "restore-property-missing",
        "the database of the newest backup had a setting of its own that is not in it",
        signing(_told("database", "setting lab", "on")),
        here("CRITICAL", "emergency-recovery-keeps-properties"),
    ),
    (
        "restore-policy-missing",
        "the newest backup lacks a policy that its source had",
        signing(_told("policy", f"{_CHAT} lab", "* to public")),
        here("CRITICAL", "backup-restore-security"),
    ),
    (
        "restore-extension-other",
        "the source of the newest backup had another version of an extension",
        signing(_told("extension", "unaccent", "0.1")),
        here("WARNING", "backup-restore-extensions"),
    ),
):
    register(Fault(_name, _what, ("backup",), _expect, *changing(_change)))

register(
    Fault(
        "restore-once-only",
        "a row of the newest backup comes back into a database of the same name only",
        ("backup",),
        {**PLAIN, **here("CRITICAL", "backup-second-generation")},
        *_once_only(),
    )
)
