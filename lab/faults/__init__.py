"""The faults: what the lab can break, what that changes in the checks, and how it is mended again."""

from lab.faults import api, backup, host, minion, network, postgresql, redis, s3  # noqa: F401 (they register)
from lab.faults.registry import FAULTS, Fault, break_, mend

__all__ = ["FAULTS", "Fault", "break_", "mend"]
