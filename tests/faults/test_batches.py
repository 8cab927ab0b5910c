"""The choice of faults and their batches: all checks covered, nothing that touches another together."""

from collections.abc import Iterable

from lab.faults import FAULTS, Fault
from tests.faults.batches import batches, enough


def test_enough_makes_every_check_fail() -> None:
    """Whatever check any fault makes fail, one of the chosen does too; but for those that take a minute to be seen."""
    chosen = enough(FAULTS.values())
    assert _failing(chosen) == _failing(fault for fault in FAULTS.values() if not fault.slow)
    assert len(chosen) < len(FAULTS)


def _failing(faults: Iterable[Fault]) -> set[str]:
    """Return the checks, without their targets, that some fault makes fail."""
    failing = {"WARNING", "CRITICAL"}
    return {key.partition("@")[0] for fault in faults for key, state in fault.expect.items() if state in failing}


def test_batches_hold_every_fault_once_and_no_check_twice() -> None:
    """A batch has no two faults that change one check, nor any of two services of which one is seen in the other."""
    made = batches(FAULTS.values())
    assert sorted(fault.name for batch in made for fault in batch) == sorted(FAULTS)
    for batch in made:
        keys = [key for fault in batch for key in fault.expect]
        assert len(keys) == len(set(keys))
        services = [service for fault in batch for service in fault.services]
        if "postgresql" in services:
            assert not {"minion", "api", "backup"} & {
                s for f in batch if "postgresql" not in f.services for s in f.services
            }
