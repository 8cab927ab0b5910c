"""The faults: what the lab can break, what that changes in the checks, and how it is mended again."""

from lab.faults.registry import FAULTS, Fault, break_, mend

__all__ = ["FAULTS", "Fault", "break_", "mend"]
