"""The probe of one instance of the API; the reader calls `read` once an instance."""

from checks.engine.probes.api.probe import read

__all__ = ["read"]
