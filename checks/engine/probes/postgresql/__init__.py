"""The probe of PostgreSQL: login, pipelined statements, and what their rows become.

The reader calls `read` once a server; of the primary also with the readings that go through its connection. Another
probe takes what it needs of a session from here and not from the modules: threads that import a package and its modules
at the same time find them half made.
"""

from checks.engine.probes.postgresql.probe import read
from checks.engine.probes.postgresql.problems import ConnectionProblem
from checks.engine.probes.postgresql.session import Session, open_session
from checks.engine.probes.postgresql.waiting import Deadline

__all__ = ["ConnectionProblem", "Deadline", "Session", "open_session", "read"]
