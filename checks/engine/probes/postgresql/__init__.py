"""The probe of PostgreSQL: login, pipelined statements, and what their rows become.

The reader calls `read` once a server; of the primary also with the readings that go through its connection.
"""

from checks.engine.probes.postgresql.probe import read

__all__ = ["read"]
