"""What is read of the systemd of a host that the suite runs on: units that have failed, and what timers wait for."""

import enum

from checks.engine.model import Count, Reading, Seconds
from checks.engine.readings import reading
from checks.engine.records import dataclass


class Waits(enum.Enum):
    """What a timer is doing (systemd.timer(5))."""

    SET = "set"  # for its next time, or what it started is at work
    OFF = "off"  # not started, and not enabled either: nobody asked for it
    STOPPED = "stopped"  # enabled, and not started: it will run after the next boot, not before
    FAILED = "failed"
    NEVER = "never"  # started, and with no time ahead although it should come again and again


@dataclass(frozen=True, slots=True)
class Timer:
    """One timer: `late` is for how long it has been due, or for how long what it started has not ended."""

    name: str
    waits: Waits
    late: Seconds


@reading("host_units", service="host", kinds=("host",), requires=("host.systemd",))
@dataclass(frozen=True, slots=True, kw_only=True)
class HostUnits(Reading):
    """The units that systemd has loaded: how many, the names of those that failed (timers apart), and every timer.

    Of a unit only its name and its state are read: neither its description nor what it wrote.
    """

    loaded: Count
    failed: tuple[str, ...]
    timers: tuple[Timer, ...]
