"""The database that an archive describes: how it is made, and the statements that give it its rights and settings.

Called by `layout` before a restore and by `rehearsal` after the swap.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup import child
from checks.engine.probes.backup.archive import TocEntry
from checks.engine.probes.backup.scratch import Link, Server

RESTORER = "penhas_checks_restorer"


@dataclass(frozen=True, slots=True)
class DatabaseDefinition:
    """How the archive says the database is made."""

    name: str
    owner: str
    encoding: str = "UTF8"
    provider: str = "libc"
    collate: str = "C"
    ctype: str = "C"
    icu_locale: str = ""


def create(link: Link, wanted: DatabaseDefinition, name: str) -> tuple[str, ...]:
    """Create the database; where this machine lacks the locale, create it with C and return one line that says so."""
    owner = wanted.owner if wanted.owner != "" else RESTORER
    head = sql.SQL("CREATE DATABASE {} TEMPLATE template0 OWNER {} ENCODING {}").format(
        sql.Identifier(name), sql.Identifier(owner), wanted.encoding
    )
    localised = [sql.SQL("LC_COLLATE {} LC_CTYPE {}").format(wanted.collate, wanted.ctype)]
    if wanted.provider in {"icu", "builtin"}:
        kind = sql.SQL("LOCALE_PROVIDER {0} {0}_LOCALE {1}").format(sql.SQL(wanted.provider), wanted.icu_locale)
        localised.append(kind)
    try:
        link.execute(sql.SQL(" ").join([head, *localised]))
    except (
        psycopg.errors.WrongObjectType,
        psycopg.errors.UndefinedObject,
        psycopg.errors.InvalidParameterValue,
        psycopg.errors.FeatureNotSupported,
    ):
        link.execute(sql.SQL(" ").join([head, sql.SQL("LC_COLLATE 'C' LC_CTYPE 'C'")]))
    else:
        return ()
    return (f"the locale {wanted.icu_locale or wanted.collate} is not on this machine: restored with C",)


_ENCODING = re.compile(r"ENCODING = '(\w+)'")
_COLLATE = re.compile(r"(?:LOCALE|LC_COLLATE) = '([^']+)'")
_CTYPE = re.compile(r"(?:LOCALE|LC_CTYPE) = '([^']+)'")
_ICU = re.compile(r"(?:ICU_LOCALE|BUILTIN_LOCALE) = '([^']+)'")
_PROVIDER = re.compile(r"LOCALE_PROVIDER = (\w+)")


def definition(server: Server, archive: Path, entries: tuple[TocEntry, ...]) -> DatabaseDefinition:
    """Return how the archive says that its database is made; the default where it does not say."""
    entry = next((e for e in entries if e.kind == "DATABASE"), None)
    if entry is None:
        return DatabaseDefinition("", "")
    text = statements(server, archive, [entry.number], "--create")

    def named(pattern: re.Pattern[str], otherwise: str) -> str:
        match = pattern.search(text)
        return otherwise if match is None else match[1]

    collate = named(_COLLATE, "C")
    owner = entry.roles[0] if entry.roles else ""
    return DatabaseDefinition(
        entry.name,
        owner,
        named(_ENCODING, "UTF8"),
        named(_PROVIDER, "libc"),
        collate,
        named(_CTYPE, collate),
        named(_ICU, ""),
    )


# Statements on the database itself that may be executed as they stand: nothing that loads code.
_NOT_CODE = r"(?!\w*(?:preload|librar))[^;\n]+"
_PROPERTY = re.compile(
    rf"^(?:ALTER DATABASE [^;\n]+ SET {_NOT_CODE}|ALTER ROLE [^;\n]+ IN DATABASE [^;\n]+ SET {_NOT_CODE}"
    r"|REVOKE [A-Z, ]+ ON DATABASE [^;\n]+ FROM [^;\n]+|GRANT [A-Z, ]+ ON DATABASE [^;\n]+ TO [^;\n]+);$",
    re.MULTILINE,
)


def database_statements(server: Server, archive: Path, entries: tuple[TocEntry, ...]) -> tuple[str, ...]:
    """Return the statements that give the database its rights and settings again, as the archive holds them."""
    numbers = [
        entry.number
        for entry in entries
        if entry.kind == "DATABASE PROPERTIES" or (entry.kind == "ACL" and entry.name.startswith("DATABASE "))
    ]
    if not numbers:
        return ()
    return tuple(match[0] for match in _PROPERTY.finditer(statements(server, archive, numbers, "--create")))


def statements(server: Server, archive: Path, numbers: list[int], *options: str) -> str:
    """Return the SQL of a few entries; it is matched against patterns and never executed as it stands."""
    path = server.folder.path / "look.list"
    path.write_text("".join(f"{number};\n" for number in numbers), "ascii")
    return printed(server, (*options, "--use-list", str(path), "--file", "-", str(archive)))


def printed(server: Server, arguments: tuple[str, ...]) -> str:
    """Return what pg_restore prints of an archive; raise ProbeError where it cannot read it."""
    ended = child.run((server.binaries["pg_restore"], *arguments), 120, folder=server.folder.path)
    if ended.code != 0:
        raise ProbeError(Reason.PROTOCOL, "pg_restore cannot read the archive's table of contents", "")
    return ended.stdout.decode("utf-8", "replace")
