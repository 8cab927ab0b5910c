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


def several_hosts(given: dict[str, str]) -> str:
    """Return where a connection string would leave the choice among hosts to libpq; empty where it names one.

    What the string does not say libpq takes from its environment (PGHOST, PGHOSTADDR, PGSERVICE), which counts too.
    """
    if "service" in given:
        return "names a service, whose file may name several hosts"
    defaults = {o.keyword.decode(): o.val.decode() for o in pq.Conninfo.get_defaults() if o.val is not None}
    for keyword in ("host", "hostaddr"):
        if "," in given.get(keyword, ""):
            return "names several hosts"
        if keyword not in given and "," in defaults.get(keyword, ""):
            return f"leaves {keyword} to libpq's environment, which names several hosts"
    return ""
