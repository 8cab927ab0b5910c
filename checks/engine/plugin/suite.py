"""What one run of the suite knows before anything is contacted; built from the options, kept in pytest's stash."""

import dataclasses
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from checks.engine.catalog import Catalog, Row
from checks.engine.environment import Environment
from checks.engine.lines import Need
from checks.engine.model import Failure, NotJudged, Reading, Run, Target
from checks.engine.plugin.profiles import Profile
from checks.engine.reader import Reader
from checks.engine.records import dataclass
from checks.engine.replay import Replay
from checks.engine.samples import Samples


@dataclass(frozen=True, slots=True)
class Case:
    """One check on one target: what it reads, its row where it has one, or why it is not covered."""

    id: str
    target: Target
    needs: tuple[Need, ...]
    row: Row | None = None
    not_covered: str = ""

    def target_of(self, reading: str) -> Target:
        """Return the target that a reading of this check is read of."""
        return dict(self.needs)[reading]


@dataclasses.dataclass(slots=True)
class Suite:
    """The validated options of a run, and the reader once it runs.

    `until` is on the monotonic clock, `seconds` is the time until then, `collected` are (check, target) of all
    that was found, whether this run holds it or not; `replay` are the records of an earlier run that is judged again.
    """

    environment: Environment
    environment_file: Path
    catalog: Catalog
    profile: Profile
    reports_dir: Path
    run_id: str
    started: float
    until: float
    seconds: float
    settle: float = 0.0
    restore: bool = False
    allow_writes: bool = False
    expect_version: str = ""
    deployed_at: float = 0.0
    language: str = "en"
    baseline: Run | None = None
    replay: Sequence[Mapping[str, Any]] | None = None
    reader: Reader | Replay | None = None
    collected: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    begun: set[Path] = dataclasses.field(default_factory=set)
    samples: Samples = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        own = self.profile.name if self.profile.clocked else ""
        self.samples = Samples(self.home / "samples.sqlite", own, self.since)

    @property
    def home(self) -> Path:
        """The folder of this environment under the reports folder."""
        return self.reports_dir / self.environment.name

    @property
    def since(self) -> float:
        """Since when (Unix time) the servers are these: what was read before is of others."""
        rebuilt = self.environment.rebuilt_at
        return 0.0 if rebuilt is None else rebuilt.timestamp()

    def settling(self) -> bool:
        """Whether what converges by itself is still given time."""
        return time.time() < self.started + self.settle and time.monotonic() < self.until

    def came_good(self) -> str:
        """Say how long it took."""
        return f"came good {time.time() - self.started:.0f} s after the start"

    def begin_reading(self) -> Reader | Replay:
        """Return the reader of this process, made on the first call."""
        if self.reader is None and self.replay is not None:
            self.reader = Replay(self.environment, self.replay)
        if self.reader is None:
            patience = self.profile.patience
            self.reader = Reader(self.environment, self.samples, self.run_id, self.until, patience)
        return self.reader

    def stored(self) -> list[tuple[str, Target, Reading]]:
        """Return what this process read."""
        return [] if self.reader is None else self.reader.readings()

    def last(self, name: str, target: Target, within: float = 86400.0) -> Reading | None:
        """Return what an earlier run read last of a stored reading, at most so many seconds ago."""
        now = time.time()
        return self.samples.previous(name, target, now - within, now)

    def outcomes(self) -> list[tuple[str, Target, list[Reading | Failure | NotJudged]]]:
        """Return what became of everything that this process wanted to read."""
        return [] if self.reader is None else self.reader.outcomes()


SUITE = pytest.StashKey[Suite]()
CASE = pytest.StashKey[Case]()


def suite_of(config: pytest.Config) -> Suite:
    """Return the suite of this process."""
    return config.stash[SUITE]


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is an xdist worker: only the controller writes files."""
    return hasattr(config, "workerinput")


def is_distributed(config: pytest.Config) -> bool:
    """Whether this process is an xdist controller, whose session holds no items."""
    return not is_worker(config) and config.getoption("dist", "no") != "no" and bool(config.getoption("tx", None))


def new_run_id() -> str:
    """Return a short id that names this run in files, in the user agent and in the log lines of the services."""
    return secrets.token_hex(4)
