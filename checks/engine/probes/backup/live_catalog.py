"""The name and the relations of the live database, to compare a backup's table of contents with; no row is read.

Called where a backup has no manifest. A server that does not answer costs the comparison, never the backup's verdict.
"""

from collections.abc import Iterator

from checks.engine.environment import Environment
from checks.engine.environment.secrets import Connection
from checks.engine.model import ProbeError
from checks.engine.probes.backup import live
from checks.engine.probes.conninfo import parameters

_SECONDS = 5.0
_RELATIONS = """
SELECT n.nspname, c.relname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm', 'v')
   AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
   AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY 1, 2
"""


def database_of(environment: Environment) -> str:
    """Return the name of the live database, from the connection strings; "" where none is set."""
    for connection in _connections(environment):
        try:
            name = parameters(connection.text().reveal()).get("dbname", "")
        except (ProbeError, ValueError):
            continue  # the health checks say that it is unset or malformed
        if name != "":
            return name
    return ""


def relations(environment: Environment) -> tuple[tuple[tuple[str, str], ...], str]:
    """Return (schema, name) of the live relations and the server's name; nothing where no server answers."""
    pooler = environment.postgresql is not None and environment.postgresql.pooler
    for connection in _connections(environment):
        try:
            rows = live.ask(connection, (_RELATIONS,), pooler=pooler, seconds=_SECONDS)[0]
        except (ProbeError, live.RefusedError):
            continue  # the health checks say that it does not answer
        return tuple((schema, relation) for schema, relation in rows), connection.name
    return (), ""


def _connections(environment: Environment) -> Iterator[Connection]:
    """Return the servers that may be asked, replicas first."""
    if environment.postgresql is not None:
        yield from (*environment.postgresql.replicas, environment.postgresql.primary)
