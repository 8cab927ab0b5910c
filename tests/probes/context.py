"""A context that keeps what a probe settles, for tests that run one probe without the reader."""

import time

from checks.engine.environment import Environment
from checks.engine.model import Failure, NotJudged, ProbeError, Reading, Reason, Target


class Kept:
    """The Context of one batch: every outcome by name; settling a name twice or one that is not due is an error."""

    def __init__(
        self,
        environment: Environment,
        target: Target,
        names: tuple[str, ...],
        *,
        seconds: float = 10.0,
        peers: dict[str, Reading | Failure] | None = None,
    ) -> None:
        self.environment = environment
        self.target = target
        self.names = names
        self.run_id = "test"
        self.outcomes: dict[str, Reading | ProbeError | NotJudged] = {}
        self._peers = peers if peers is not None else {}
        self._end = time.monotonic() + seconds

    def settle(self, name: str, outcome: Reading | ProbeError | NotJudged) -> None:
        """Keep the outcome of one name."""
        assert name in self.names, name
        assert name not in self.outcomes, name
        self.outcomes[name] = outcome

    def remaining(self, at_most: float) -> float:
        """Return the seconds that are left."""
        return max(0.05, min(at_most, self._end - time.monotonic()))

    def peer(self, name: str, target: Target) -> Reading | Failure:
        """Return the reading of another target that the test gave, else that nobody listens there."""
        default = Failure(name, target, Reason.CONNECTION, "no connection (connection refused)", "")
        return self._peers.get(name, default)

    def error(self, name: str) -> ProbeError:
        """Return the error that a name was settled with."""
        outcome = self.outcomes[name]
        assert isinstance(outcome, ProbeError), outcome
        return outcome
