"""The probe of Prometheus; the reader calls `read` once."""

from checks.engine.probes.prometheus.probe import read

__all__ = ["read"]
