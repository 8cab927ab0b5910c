"""penhas-checks: live verification of a PenhaS backend."""

__version__ = "0.1.0"
