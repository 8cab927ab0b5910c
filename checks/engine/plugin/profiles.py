"""The profiles: what each moment allows."""

from checks.engine.records import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """`deadline` of the run and `patience`, the longest wait for a second sample, are in seconds.

    One that is `clocked` runs again and again, and tells of all that happened since it last ran; one that is `whole`
    holds every check there is.
    """

    name: str
    deadline: float
    patience: float
    restore: bool = False
    lock: bool = True
    clocked: bool = False
    whole: bool = False


PROFILES = {
    "": Profile("", deadline=900, patience=6, whole=True),
    "smoke": Profile("smoke", deadline=60, patience=0, clocked=True),
    "nightly": Profile("nightly", deadline=3 * 3600, patience=40, restore=True, clocked=True, whole=True),
    "triage": Profile("triage", deadline=20, patience=6, lock=False),
}
