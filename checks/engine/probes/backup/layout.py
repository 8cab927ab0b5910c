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
from checks.engine.probes.backup import database as database_of
from checks.engine.probes.backup.archive import TocEntry
from checks.engine.probes.backup.database import RESTORER, DatabaseDefinition
from checks.engine.probes.backup.scratch import Link, Server

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
class Prepared:
    """What was made: the list that pg_restore follows, and what could not be done as the source has it."""

    database: str
    use_list: Path
    left_out: tuple[str, ...]
    differs: tuple[str, ...]


def prepare(server: Server, archive: Path, entries: tuple[TocEntry, ...], database: str) -> Prepared:
    """Make roles, an empty database named `database` and its extensions; write the list for pg_restore."""
    definition = database_of.definition(server, archive, entries)
    extensions = _extensions(server, archive, entries)
    with server.connect("postgres") as link:
        _roles(link, [*(role for entry in entries for role in entry.roles), definition.owner])
        differs = database_of.create(link, definition, database)
    with server.connect(database) as link:
        owners = {entry.name: entry.roles[0] for entry in entries if entry.kind == "SCHEMA" and entry.roles}
        made = _extend(link, extensions, owners)
        _open_schemas(link)
        foreign = _foreign_grants(link, entries)
    left = {f"{entry.kind.lower()} {entry.name}: {LEFT_OUT[entry.kind]}" for entry in entries if entry.kind in LEFT_OUT}
    left |= {f"grants on {name}: only a superuser may give them" for name in foreign.values()}
    listed = _list(server, archive, made, frozenset(foreign))
    return Prepared(database, listed, tuple(sorted(left)), differs)


_MEMBERS = """
SELECT n.nspname, o.name FROM pg_catalog.pg_depend d
  JOIN LATERAL (
      SELECT proname AS name, pronamespace AS space FROM pg_catalog.pg_proc
       WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND oid = d.objid
      UNION ALL
      SELECT relname, relnamespace FROM pg_catalog.pg_class
       WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND oid = d.objid
      UNION ALL
      SELECT typname, typnamespace FROM pg_catalog.pg_type
       WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND oid = d.objid) o ON true
  JOIN pg_catalog.pg_namespace n ON n.oid = o.space
 WHERE d.deptype = 'e'
"""


def _foreign_grants(link: Link, entries: tuple[TocEntry, ...]) -> dict[int, str]:
    """Return the entries that grant on objects of extensions or of PostgreSQL itself, whose owner is a superuser."""
    members = {(str(schema), str(name)) for schema, name in link.execute(_MEMBERS)}
    found: dict[int, str] = {}
    for entry in entries:
        if entry.kind == "ACL":
            name = entry.name.partition(" ")[2].partition("(")[0].partition(".")[0]
            if entry.schema == "pg_catalog" or (entry.schema, name) in members:
                found[entry.number] = name
    return found


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


_EXTENSION = re.compile(
    r'^CREATE EXTENSION IF NOT EXISTS ("(?:[^"]|"")+"|[\w$]+) WITH SCHEMA ("(?:[^"]|"")+"|[\w$]+);$', re.M
)


def _extensions(server: Server, archive: Path, entries: tuple[TocEntry, ...]) -> tuple[tuple[str, str], ...]:
    numbers = [entry.number for entry in entries if entry.kind == "EXTENSION"]
    if not numbers:
        return ()
    return tuple(
        (_bare(m[1]), _bare(m[2])) for m in _EXTENSION.finditer(database_of.statements(server, archive, numbers))
    )


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
        database_of.create(link, DatabaseDefinition(database, ""), database)
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
            link.execute(
                sql.SQL("GRANT CREATE, USAGE ON SCHEMA {} TO {}").format(
                    sql.Identifier(schema), sql.Identifier(EVERYONE)
                )
            )
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
    for (wrapper,) in link.execute("SELECT fdwname FROM pg_catalog.pg_foreign_data_wrapper").fetchall():
        link.execute(
            sql.SQL("GRANT USAGE ON FOREIGN DATA WRAPPER {} TO {}").format(sql.Identifier(str(wrapper)), everyone)
        )


_LISTED = re.compile(r"^(\d+); \d+ \d+ (.*)$")


def _list(server: Server, archive: Path, made: frozenset[tuple[str, str]], without: frozenset[int]) -> Path:
    """Write the table of contents for pg_restore without what was made here and what is left out on purpose."""
    lines = []
    for line in database_of.printed(server, ("--list", str(archive))).splitlines():
        match = _LISTED.match(line)
        if match is not None and int(match[1]) not in without and not _skipped(match[2], made):
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
