"""What every probe does with the readings that it cannot read: called by the probes only."""

from collections.abc import Iterable

from checks.engine.model import ProbeError, Reason
from checks.engine.probes import Context


def settle_all(context: Context, names: Iterable[str], error: ProbeError) -> None:
    """Settle each of `names` with the same error."""
    for name in names:
        context.settle(name, error)


def not_connected(problem: str) -> ProbeError:
    """Return the error of every reading whose connection is not there; the connection's own reading says it in full."""
    return ProbeError(Reason.CONNECTION, f"no connection ({problem})")


def within(seconds: float) -> str:
    """Return `within N s` with as many digits as are worth reading."""
    return f"within {seconds:.0f} s" if seconds >= 1 else f"within {seconds:.1f} s"
