"""What is read of each log that lies on this host; no line of a log is in any of them."""

from checks.engine.model import Bytes, Count, Ratio, Reading, Seconds
from checks.engine.readings import alias, reading
from checks.engine.records import dataclass


def untold(unread: int) -> str:
    """Return what is said where files of the last minutes were not read, and nothing was found in the others."""
    return f"{unread} of its files of the last minutes cannot be read: let this user read them, remove what is broken"


@reading("logs_files", service="logs")
@dataclass(frozen=True, slots=True, kw_only=True)
class LogsFiles(Reading):
    """The files of the pattern: how long ago the newest was written, and the room that is left beside it.

    `quiet` is how long it may be silent.
    """

    files: Count
    newest_age: Seconds
    quiet: Seconds
    size: Bytes
    free: Bytes
    free_ratio: Ratio


@reading("logs_mode", service="logs")
@dataclass(frozen=True, slots=True, kw_only=True)
class LogsMode(Reading):
    """Mode, and user and group, of the newest file, and with what logrotate creates it; None where that is not told."""

    mode: str
    owner: str
    create: str | None


@dataclass(frozen=True, slots=True)
class Shape:
    """Messages that are alike once everything that could be somebody's is taken out; `level` and category as logged."""

    level: str
    category: str
    shape: str
    count: int


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of error in the window: how often, and when first (Unix time, None where its stamp is none).

    `shape` is empty where it occurred too seldom to be sure that it is nobody's words.
    """

    level: str
    category: str
    shape: str
    count: int
    first: float | None


@dataclass(frozen=True, slots=True)
class SlowRequest:
    """Requests to one endpoint (ids folded) that the log calls slow."""

    method: str
    endpoint: str
    count: int
    slowest: float


@reading("logs_tail", service="logs", deadline=8.0)
@dataclass(frozen=True, slots=True, kw_only=True)
class LogsTail(Reading):
    """The last minutes of the log, counted: `seconds` of it were read, `complete` says whether that is all that is due.

    `broken` are lines that have neither the layout nor belong to an entry that has; `too_low` are entries (category,
    level) below the level that the category may write, of which `levels_due` says whether any is named; `own` are lines
    of this suite's requests, which count nowhere else. `kinds` are all kinds of errors, or the most frequent ones where
    `all_kinds` is not so. `unread` are files of these minutes that may not be read, or are broken.
    """

    lines: Count
    entries: Count
    broken: Count
    broken_ratio: Ratio
    newest_age: Seconds | None
    levels: tuple[tuple[str, int], ...]
    errors: Count
    error_ratio: Ratio
    shapes: tuple[Shape, ...]
    kinds: tuple[Kind, ...]
    all_kinds: bool
    levels_due: bool
    too_low: tuple[tuple[str, str, int], ...]
    structured_due: bool
    structured: Count
    without: tuple[tuple[str, int], ...]
    slow: tuple[SlowRequest, ...]
    own: Count
    read: Bytes
    seconds: Seconds
    complete: bool
    unread: Count


@dataclass(frozen=True, slots=True)
class Exposed:
    """One kind of secret or personal data: how many lines hold it, and where the first is (file name and line)."""

    kind: str
    lines: int
    file: str
    position: int


@reading("logs_secrets", service="logs", deadline=8.0)
@dataclass(frozen=True, slots=True, kw_only=True)
class LogsSecrets(Reading):
    """What of the last minutes should not be in a log: counts and byte positions, never the text.

    `own` are lines of this suite's requests, which are not looked at and not among `lines`; `unread` are files that may
    not be read, or are broken.
    """

    exposed: tuple[Exposed, ...]
    expected: tuple[tuple[str, int], ...]
    own: Count
    lines: Count
    read: Bytes
    complete: bool
    unread: Count


@dataclass(frozen=True, slots=True)
class Writer:
    """A process that has the log open: the file that is there now, or one that was deleted or renamed by a rotation."""

    pid: int
    name: str
    holds: str


@dataclass(frozen=True, slots=True)
class Rotated:
    """One of the files of a log, and what became of it: how long ago it was last written, begun and rotated.

    `written` and `begun` are None where only rotated files are left of it; those that should be compressed by now and
    are not are `uncompressed`.
    """

    name: str
    written: float | None
    begun: float | None
    rotated: float | None
    uncompressed: int

    @property
    def since(self) -> float | None:
        """How long ago it was begun anew, by what is in it or by its newest rotated file; None where neither tells."""
        return min((age for age in (self.begun, self.rotated) if age is not None), default=None)


@reading("logs_rotation", service="logs")
@dataclass(frozen=True, slots=True, kw_only=True)
class LogsRotation(Reading):
    """What logrotate is told of this log, and what it did.

    `every` is an interval, or `size`; `maxage` is after how many days it removes files whatever their number.
    `directives` are the words of the stanza that covers the log, None where no configuration is named; `signal` is what
    its postrotate sends, or the word that it gives a service, as in `nginx -s reload`; `signalled` says whether the pid
    file names a process, None where the environment file names no pid file, and `stranger` that it is not who writes
    the log. `beyond` files are older than the days to keep.
    """

    covered: bool | None
    every: str | None
    rotate: Count | None
    maxage: Count | None
    directives: tuple[str, ...] | None
    signal: str | None
    signalled: bool | None
    stranger: bool
    keep_days: Count
    logs: tuple[Rotated, ...]
    rotated: Count
    beyond: Count
    writers: tuple[Writer, ...]
    blind: bool
    restarted: bool | None


@reading("logs_canary", service="logs", deadline=130.0, kinds=("application",))
@dataclass(frozen=True, slots=True, kw_only=True)
class LogsCanary(Reading):
    """A marked line that was written to the log, and how long it took to be found in the index; None: it was not."""

    seen_after: Seconds | None
    waited: Seconds


alias("application_log", of="logs_tail", kinds=("application",))
alias("access_log", of="logs_tail", kinds=("access",))
