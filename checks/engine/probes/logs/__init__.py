"""The probe of one log on this host; the reader calls `read` once a log."""

from checks.engine.probes.logs.probe import read

__all__ = ["read"]
