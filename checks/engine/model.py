"""The values that pass between the stages: read, judge, report.

Everything here is immutable and knows nothing of pytest, drivers or files. Every stage imports it; it imports no stage.
"""

import dataclasses
import enum
from typing import Annotated

from checks.engine.records import dataclass


class State(enum.Enum):
    """The state of one result; the value is the word that people and files see."""

    OK = "OK"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"
    UNKNOWN = "UNKNOWN"
    NOT_JUDGED = "not judged"
    NOT_COVERED = "not covered"
    WAIVED = "waived"

    @property
    def severity(self) -> int:
        """Larger is worse: what is read and wrong stands above what could not be read."""
        return _SEVERITY[self]


_SEVERITY = {
    State.OK: 0,
    State.NOT_COVERED: 1,
    State.NOT_JUDGED: 2,
    State.WAIVED: 3,
    State.WARNING: 4,
    State.UNKNOWN: 5,
    State.CRITICAL: 6,
}


class Unit(enum.Enum):
    """The base unit of a field of a reading: what a probe returns, before anything is formatted."""

    SECONDS = "seconds"
    BYTES = "bytes"
    RATIO = "ratio"
    COUNT = "count"
    PER_SECOND = "per second"


Seconds = Annotated[float, Unit.SECONDS]
Bytes = Annotated[int, Unit.BYTES]
Ratio = Annotated[float, Unit.RATIO]
Count = Annotated[int, Unit.COUNT]
PerSecond = Annotated[float, Unit.PER_SECOND]


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Target:
    """One named instance of a service; `kind` tells instances of one service apart (primary, replica, mount)."""

    service: str
    name: str
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.service} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The base of every reading: where it was read and when.

    `source` names the statement or endpoint and never holds a value read there; `sampled_at` is Unix time in seconds.
    """

    source: str
    sampled_at: float


class Reason(enum.Enum):
    """Why something could not be read."""

    CONNECTION = "connection"  # the service does not let us in: its `<service>_connection` reading says how
    TIMEOUT = "timeout"  # the service let us in, but this answer did not come in time
    GIVEN_UP = "given up"  # the server ended this one statement for its time, and answers others
    PROTOCOL = "protocol"  # an answer came that is not what this service says
    DENIED = "denied"  # our role, key or ACL may not see it
    UNSUPPORTED = "unsupported"  # the server's version or kind does not have it
    OURS = "ours"  # an unset variable, a name that does not resolve, a wrong password, a missing program
    NO_DATA = "no data"  # nothing where something is due


@dataclass(frozen=True, slots=True)
class Failure:
    """What the reader returns in place of a reading; a value, never an exception.

    `why` says what happened, `mend` what to do about it; both are our own words, never a driver's. `blame` is another
    target whose connection is the cause: what stands on two servers falls with either.
    """

    reading: str
    target: Target
    reason: Reason
    why: str
    mend: str
    blame: Target | None = None

    @property
    def message(self) -> str:
        """One line: service and target, what could not be read, why, and the mend."""
        return f"{self.target}: {self.reading} could not be read: {self.why}. {self.mend}".rstrip()


class ProbeError(Exception):
    """Raised by a probe for one reading; the reader turns it into a Failure. Holds our words only."""

    def __init__(self, reason: Reason, why: str, mend: str = "", blame: Target | None = None) -> None:
        super().__init__(why)
        self.reason = reason
        self.why = why
        self.mend = mend
        self.blame = blame


@dataclass(frozen=True, slots=True)
class NotJudged:
    """In place of a derived reading: there is nothing to judge by yet, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A warning and a critical limit in one direction, inclusive as written: `above 70` means > 70."""

    warning: float | None = None
    critical: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a row in the row's unit (%, ms, s, MiB, ...), and the file that they come from."""

    unit: str
    above: Bound | None = None
    below: Bound | None = None
    origin: str = "thresholds.toml"


@dataclass(frozen=True, slots=True)
class Measure:
    """A value as it is shown: in the row's unit, with where and when it was read."""

    value: float | int | str | None
    unit: str
    source: str
    sampled_at: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What judging one reading gave."""

    state: State
    message: str
    measure: Measure | None = None
    limits: Limits | None = None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiver:
    """An accepted finding: who accepted it, why, and until when (Unix time, seconds)."""

    check: str
    target: str
    reason: str
    owner: str
    until: float


@dataclass(frozen=True, slots=True)
class Result:
    """One check on one target, as every report shows it.

    `id` is stable and without the target; `root` names the service and target whose connection kept this check from
    reading (from which the controller computes `blocked_by`, the `id@target` of the root cause).
    """

    id: str
    target: str
    title: str
    service: str
    chapter: str
    guide: tuple[str, ...]
    profiles: tuple[str, ...]
    state: State
    message: str
    action: str = ""
    measure: Measure | None = None
    limits: Limits | None = None
    evidence: tuple[str, ...] = ()
    blocked_by: str | None = None
    root: str | None = None
    waiver: Waiver | None = None
    seconds: float = 0.0
    file: str = ""
    line: int = 0
    nodeid: str = ""

    @property
    def key(self) -> str:
        """`id@target`: what names this result between runs."""
        return f"{self.id}@{self.target}"


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run, finished or not: what results.json holds."""

    environment: str
    production: bool
    profile: str
    run_id: str
    started: float
    finished: float
    verdict: State
    complete: bool
    suite_version: str
    results: tuple[Result, ...]
    not_covered: tuple[str, ...] = ()
    stopped_by: str = ""
    emergency: str = ""
    language: str = "en"
    lab: bool = False
