"""What a check says, without a run: the judge in its place keeps the first finding."""

from typing import NoReturn

from checks.engine.judge import judge_value
from checks.engine.model import Bound, Judgement, Limits, Reading, State


class Said(Exception):  # noqa: N818 (it is an answer)
    """A finding that ends the check."""

    def __init__(self, state: State, text: str) -> None:
        super().__init__(text)
        self.state = state
        self.text = text


class Saying:
    """Stands for the Judge of a check: it takes what that takes, and keeps state and text."""

    def __init__(self) -> None:
        self.state = State.UNKNOWN
        self.text = ""
        self.evidence: tuple[str, ...] = ()

    def last(self, name: str) -> None:
        """Return what an earlier run read: there was none."""

    def ok(self, text: str, evidence: tuple[str, ...] = (), measure: object = None) -> None:  # noqa: ARG002 (as the real one)
        """Keep what is well."""
        self.state, self.text, self.evidence = State.OK, text, evidence

    def warning(self, text: str, evidence: tuple[str, ...] = ()) -> NoReturn:  # noqa: ARG002 (as the real one)
        """End the check."""
        raise Said(State.WARNING, text)

    def critical(self, text: str, evidence: tuple[str, ...] = ()) -> NoReturn:  # noqa: ARG002 (as the real one)
        """End the check."""
        raise Said(State.CRITICAL, text)

    def unknown(self, text: str, evidence: tuple[str, ...] = ()) -> NoReturn:  # noqa: ARG002 (as the real one)
        """End the check."""
        raise Said(State.UNKNOWN, text)

    def not_judged(self, text: str, evidence: tuple[str, ...] = ()) -> NoReturn:  # noqa: ARG002 (as the real one)
        """End the check."""
        raise Said(State.NOT_JUDGED, text)

    def __call__(
        self,
        value: float,
        *,
        unit: str,
        subject: str,
        reading: Reading,
        above: tuple[float | None, float | None] | None = None,
        below: tuple[float | None, float | None] | None = None,
        evidence: tuple[str, ...] = (),
    ) -> None:
        """Judge a number as the real one does."""
        limits = Limits(unit, None if above is None else Bound(*above), None if below is None else Bound(*below))
        judgement: Judgement = judge_value(value, subject, limits, reading, evidence)
        if judgement.state is not State.OK:
            raise Said(judgement.state, judgement.message)
        self.ok(judgement.message, evidence)


def says(check: object, *readings: object) -> tuple[State, str]:
    """Return state and text of a check on these readings (and what else it is given, in its order)."""
    judged = Saying()
    assert callable(check)
    try:
        check(*readings, judged)
    except Said as said:
        return said.state, said.text
    return judged.state, judged.text


def shows(check: object, *readings: object) -> tuple[str, ...]:
    """Return the evidence of a check that is well on these readings."""
    judged = Saying()
    assert callable(check)
    check(*readings, judged)
    return judged.evidence
