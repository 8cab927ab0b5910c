"""The embedded PenhaS: real servers, seeded, and the faults that they can suffer: for people and for tests."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.client import Lab
    from lab.state import LabError

__all__ = ["Lab", "LabError"]


def __getattr__(name: str) -> Any:
    # late, so that an instance of the API (python -m lab.api) does not import what starts it
    if name == "Lab":
        from lab.client import Lab  # noqa: PLC0415

        return Lab
    if name == "LabError":
        from lab.state import LabError  # noqa: PLC0415

        return LabError
    raise AttributeError(name)
