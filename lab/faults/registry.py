"""The registry of faults; each module beside this one adds its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab.running import Running
from lab.state import LabError

Act = Callable[[Running], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can be broken; `expect` names exactly the checks (id@target) that change, and their states.

    `monitoring`: only a lab that was brought up with it has what this breaks. `lingers`: what it changed is compared
    with later, so that the first run after its mend still tells of it. `slow`: it takes a minute to be seen, so that
    it is proven in the whole matrix only. `since`: it is seen where the suite has read something so many seconds ago.
    """

    name: str
    what: str
    services: tuple[str, ...]
    expect: Mapping[str, str]
    break_: Act
    mend: Act
    monitoring: bool = False
    lingers: bool = False
    slow: bool = False
    since: tuple[str, float] | None = None


FAULTS: dict[str, Fault] = {}


def register(fault: Fault) -> None:
    """Add a fault under its name."""
    if fault.name in FAULTS:
        raise ValueError(f"the fault {fault.name!r} is registered twice")
    FAULTS[fault.name] = fault


def break_(running: Running, name: str) -> None:
    """Break it; twice is once."""
    if name in running.broken:
        return
    if name not in FAULTS:
        raise LabError(f"the running lab knows no fault {name!r}: newer than it? python -m lab down, then up")
    FAULTS[name].break_(running)
    running.broken.append(name)


def mend(running: Running, name: str) -> None:
    """Mend it; a LabError when it is not broken."""
    if name not in running.broken:
        raise LabError(f"{name} is not broken")
    FAULTS[name].mend(running)
    running.broken.remove(name)
