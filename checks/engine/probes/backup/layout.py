"""What must stand in the throw-away server before a restore, and what of the archive is left to pg_restore.

Called by `restore`. The dump's code never runs as a superuser: roles, database and extensions are made here from names,
and everything else is restored by a plain role that is a member of all owners.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup import child
from checks.engine.probes.backup.archive import TocEntry
from checks.engine.probes.backup.scratch import Link, Server

RESTORER = "penhas_checks_restorer"
EVERYONE = "penhas_checks_scratch_owners"
# Only a superuser can make these, and no superuser restores here; they are in the table of contents and say so there.
LEFT_OUT = {
    "EVENT TRIGGER": "only a superuser can make event triggers",
    "SUBSCRIPTION": "a copy must not subscribe to anything",
    "PUBLICATION TABLES IN SCHEMA": "only a superuser can publish a schema",
    "PUBLICATION": "a copy publishes nothing",
    "PUBLICATION TABLE": "a copy publishes nothing",
}


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


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was made: the list that pg_restore follows, and what could not be done as the source has it."""

    database: str
    use_list: Path
    left_out: tuple[str, ...]
    differs: tuple[str, ...]


def prepare(server: Server, archive: Path, entries: tuple[TocEntry, ...], database: str) -> Prepared:
    """Make roles, an empty database named `database` and its extensions; write the list for pg_restore."""
    definition = _definition(server, archive, entries)
    extensions = _extensions(server, archive, entries)
    with server.connect("postgres") as link:
        _roles(link, [*(role for entry in entries for role in entry.roles), definition.owner])
        differs = _create(link, definition, database)
    with server.connect(database) as link:
        owners = {entry.name: entry.roles[0] for entry in entries if entry.kind == "SCHEMA" and entry.roles}
        made = _extend(link, extensions, owners)
        _open_schemas(link)
    left = {f"{entry.kind.lower()} {entry.name}: {LEFT_OUT[entry.kind]}" for entry in entries if entry.kind in LEFT_OUT}
    listed = _list(server, archive, made)
    return Prepared(database, listed, tuple(sorted(left)), differs)


def _roles(link: Link, wanted: Iterable[str]) -> None:
    """Make a role without rights for each that the archive names, all of them memberships of the one that restores."""
    there = {str(name) for (name,) in link.execute("SELECT rolname FROM pg_catalog.pg_roles")}
    everyone, restorer = sql.Identifier(EVERYONE), sql.Identifier(RESTORER)
    if RESTORER not in there:
        link.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(everyone))
        # BYPASSRLS: a forced policy on a table must not hide its rows from the foreign keys that are checked here.
        link.execute(sql.SQL("CREATE ROLE {} LOGIN BYPASSRLS IN ROLE {}").format(restorer, everyone))
    for role in sorted(role for role in set(wanted) - there if role != "" and not role.startswith("pg_")):
        name = sql.Identifier(role)
        link.execute(sql.SQL("CREATE ROLE {} NOLOGIN IN ROLE {} ROLE {}").format(name, everyone, restorer))


def _create(link: Link, definition: DatabaseDefinition, name: str) -> tuple[str, ...]:
    """Create the database; where this machine lacks the locale, create it with C and say so."""
    owner = definition.owner if definition.owner != "" else RESTORER
    head = sql.SQL("CREATE DATABASE {} TEMPLATE template0 OWNER {} ENCODING {}").format(
        sql.Identifier(name), sql.Identifier(owner), definition.encoding
    )
    localised = [sql.SQL("LC_COLLATE {} LC_CTYPE {}").format(definition.collate, definition.ctype)]
    if definition.provider == "icu":
        localised.append(sql.SQL("LOCALE_PROVIDER icu ICU_LOCALE {}").format(definition.icu_locale))
    try:
        link.execute(sql.SQL(" ").join([head, *localised]))
    except (psycopg.errors.WrongObjectType, psycopg.errors.UndefinedObject, psycopg.errors.InvalidParameterValue):
        pass
    except psycopg.errors.FeatureNotSupported:
        pass
    else:
        return ()
    link.execute(sql.SQL(" ").join([head, sql.SQL("LC_COLLATE 'C' LC_CTYPE 'C'")]))
    return (f"the locale {definition.icu_locale or definition.collate} is not on this machine: restored with C",)


_ENCODING = re.compile(r"ENCODING = '(\w+)'")
_COLLATE = re.compile(r"(?:LOCALE|LC_COLLATE) = '([^']+)'")
_CTYPE = re.compile(r"(?:LOCALE|LC_CTYPE) = '([^']+)'")
_ICU = re.compile(r"(?:ICU_LOCALE|BUILTIN_LOCALE) = '([^']+)'")
_PROVIDER = re.compile(r"LOCALE_PROVIDER = (\w+)")


def _definition(server: Server, archive: Path, entries: tuple[TocEntry, ...]) -> DatabaseDefinition:
    entry = next((e for e in entries if e.kind == "DATABASE"), None)
    if entry is None:
        return DatabaseDefinition("", "")
    text = _statements(server, archive, [entry.number], "--create")

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
    return tuple(match[0] for match in _PROPERTY.finditer(_statements(server, archive, numbers, "--create")))


_EXTENSION = re.compile(
    r'^CREATE EXTENSION IF NOT EXISTS ("(?:[^"]|"")+"|[\w$]+) WITH SCHEMA ("(?:[^"]|"")+"|[\w$]+);$', re.M
)


def _extensions(server: Server, archive: Path, entries: tuple[TocEntry, ...]) -> tuple[tuple[str, str], ...]:
    numbers = [entry.number for entry in entries if entry.kind == "EXTENSION"]
    if not numbers:
        return ()
    return tuple((_bare(m[1]), _bare(m[2])) for m in _EXTENSION.finditer(_statements(server, archive, numbers)))


def extension(superuser: Link, text: bytes) -> bool:
    """Create the extension that a piece of SQL text makes, as superuser and from its name; say whether it makes one."""
    match = _EXTENSION.search(text.decode("utf-8", "replace"))
    if match is None:
        return False
    _extend(superuser, ((_bare(match[1]), _bare(match[2])),), {})
    return True


def prepare_plain(server: Server, entries: tuple[TocEntry, ...], roles: Iterable[str], database: str) -> Prepared:
    """Make roles and an empty database for a dump that is SQL text, which says nothing of its database's locale."""
    with server.connect("postgres") as link:
        _roles(link, roles)
        _create(link, DatabaseDefinition(database, ""), database)
    with server.connect(database) as link:
        _open_schemas(link)
    left = {f"{entry.kind.lower()} {entry.name}: {LEFT_OUT[entry.kind]}" for entry in entries if entry.kind in LEFT_OUT}
    return Prepared(database, server.folder.path, tuple(sorted(left)), ("a plain dump does not say its locale",))


def _bare(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _extend(link: Link, extensions: tuple[tuple[str, str], ...], owners: dict[str, str]) -> frozenset[tuple[str, str]]:
    """Create the extensions as superuser, from this machine's own files; return the entries that pg_restore must skip.

    Raises ProbeError (our own fault) for those that are not installed here: the copy could not be whole.
    """
    row = link.execute("SELECT array_agg(name::text) FROM pg_catalog.pg_available_extensions").fetchone()
    available = set(row[0] or ()) if row is not None else set()
    lacking = ", ".join(name for name, _ in extensions if name not in available)
    if lacking != "":
        raise ProbeError(
            Reason.OURS,
            f"the extensions that the backup needs are not installed on this machine: {lacking}",
            "Install their packages for the same PostgreSQL version and run again.",
        )
    made: set[tuple[str, str]] = set()
    for name, schema in extensions:
        if schema not in {"public", "pg_catalog"} and ("SCHEMA", schema) not in made:
            link.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
            link.execute(_owned(schema, owners.get(schema, RESTORER)))
            made.add(("SCHEMA", schema))
        try:
            link.execute(
                sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {} CASCADE").format(
                    sql.Identifier(name), sql.Identifier(schema)
                )
            )
        except (
            psycopg.errors.FeatureNotSupported,
            psycopg.errors.UndefinedFile,
            psycopg.errors.ObjectNotInPrerequisiteState,
        ):
            continue  # as when it must be preloaded: pg_restore meets the same, and its error is told
        made.add(("EXTENSION", name))
    return frozenset(made)


def _owned(schema: str, owner: str) -> sql.Composed:
    return sql.SQL("ALTER SCHEMA {} OWNER TO {}").format(sql.Identifier(schema), sql.Identifier(owner))


def _open_schemas(link: Link) -> None:
    """Let every owner own objects in every schema: a superuser's dump relies on that, and we restore without one."""
    everyone = sql.Identifier(EVERYONE)
    link.execute(sql.SQL("GRANT CREATE, USAGE ON SCHEMA public TO {}").format(everyone))
    link.execute(
        sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} GRANT CREATE, USAGE ON SCHEMAS TO {}").format(
            sql.Identifier(RESTORER), everyone
        )
    )


_LISTED = re.compile(r"^(\d+); \d+ \d+ (.*)$")


def _list(server: Server, archive: Path, made: frozenset[tuple[str, str]]) -> Path:
    """Write the table of contents for pg_restore without what was made here and what is left out on purpose."""
    lines = []
    for line in _printed(server, ("--list", str(archive))).splitlines():
        match = _LISTED.match(line)
        if match is not None and not _skipped(match[2], made):
            lines.append(f"{match[1]};\n")
    path = server.folder.path / "restore.list"
    path.write_text("".join(lines), "ascii")
    return path


def _skipped(described: str, made: frozenset[tuple[str, str]]) -> bool:
    if any(described.startswith(kind + " ") for kind in LEFT_OUT):
        return True
    for kind, name in made:
        if described.startswith((f"{kind} - {name} ", f"COMMENT - {kind} {name} ")):
            return kind == "EXTENSION" or described.startswith("SCHEMA")
    return False


def _statements(server: Server, archive: Path, numbers: list[int], *options: str) -> str:
    """Return the SQL of a few entries; it is matched against patterns and never executed as it stands."""
    path = server.folder.path / "look.list"
    path.write_text("".join(f"{number};\n" for number in numbers), "ascii")
    return _printed(server, (*options, "--use-list", str(path), "--file", "-", str(archive)))


def _printed(server: Server, arguments: tuple[str, ...]) -> str:
    ended = child.run((server.binaries["pg_restore"], *arguments), 120, folder=server.folder.path)
    if ended.code != 0:
        raise ProbeError(Reason.PROTOCOL, "pg_restore cannot read the archive's table of contents", "")
    return ended.stdout.decode("utf-8", "replace")
