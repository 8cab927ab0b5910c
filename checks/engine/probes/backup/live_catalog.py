"""The name and the relations of the live database, to compare a backup's table of contents with; no row is read.

Called where a backup has no manifest. A server that does not answer costs the comparison, never the backup's verdict.
"""

import psycopg

from checks.engine.environment import Environment
from checks.engine.model import ProbeError
from checks.engine.probes.conninfo import parameters

_OPTIONS = "-c default_transaction_read_only=on -c statement_timeout=5000 -c lock_timeout=200"
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
    for _, text in _connections(environment):
        try:
            name = parameters(text).get("dbname", "")
        except ValueError:
            continue  # the health checks say that it is malformed
        if name != "":
            return name
    return ""


def relations(environment: Environment) -> tuple[tuple[tuple[str, str], ...], str]:
    """Return (schema, name) of the live relations and the server's name; nothing where no server answers."""
    pooled = environment.postgresql is not None and environment.postgresql.pooler
    for name, text in _connections(environment):
        try:
            with psycopg.connect(
                text, connect_timeout=4, application_name="penhas-checks", options="" if pooled else _OPTIONS
            ) as connection:
                rows = connection.execute(_RELATIONS).fetchall()
        except psycopg.Error:
            continue  # the health checks say that it does not answer
        return tuple((str(schema), str(relation)) for schema, relation in rows), name
    return (), ""


def _connections(environment: Environment) -> list[tuple[str, str]]:
    """Return the servers that may be asked, replicas first: (name, connection string)."""
    if environment.postgresql is None:
        return []
    found = []
    for connection in (*environment.postgresql.replicas, environment.postgresql.primary):
        try:
            found.append((connection.name, connection.text().reveal()))
        except ProbeError:
            continue
    return found
