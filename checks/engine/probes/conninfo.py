"""Connection strings of PostgreSQL, in either of libpq's forms; nothing of one is ever shown.

Called by the probes that need a part of one, and by --check-config: an URL parser would take the keyword form,
password and all, for a path.
"""

from psycopg import Error, pq


def parameters(text: str) -> dict[str, str]:
    """Return the parameters of a connection string by keyword; raise ValueError, without quoting it, when malformed."""
    try:
        options = pq.Conninfo.parse(text.encode())
    except Error:
        raise ValueError("a malformed connection string") from None
    return {option.keyword.decode(): option.val.decode() for option in options if option.val is not None}
