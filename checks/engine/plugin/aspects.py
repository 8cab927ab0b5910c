"""How a check says what was proved of a restored copy; called by the checks of the chapters backup and emergency."""

from typing import NoReturn

from checks.engine.model import Judgement, State
from checks.engine.plugin.judged import Judge
from checks.engine.plugin.signals import Judged
from checks.engine.readings.restore import Aspect

SHOWN = 5
_COUNTED = {"rows": "tables, by their rows,", "contents": "tables, by their contents,"}


def all_of(names: tuple[str, ...]) -> str:
    """Return the first of some names, and how many more there are: the whole list is evidence."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def judge_aspect(judged: Judge, aspect: Aspect, worst: State = State.CRITICAL) -> None:
    """End the check where the aspect has findings (as `worst`), could not be proved, or cannot be of this backup."""
    if aspect.findings:
        _end(judged, worst, aspect)
    if aspect.beyond != "":
        judged.not_judged(aspect.beyond)
    if aspect.blind != "":
        why = f"{aspect.name} could not be verified: {aspect.blind}"
        if aspect.told_by == "":
            judged.unknown(why)
        target = judged.target  # another check alarms for it, once
        raise Judged(Judgement(State.UNKNOWN, f"{target}: {why}"), f"{aspect.told_by}@{target.name}")
    if aspect.compared == 0:
        judged.not_judged(f"the copy has no {aspect.name} to look at")
    judged.ok(f"{aspect.compared} {_COUNTED.get(aspect.name, aspect.name)} compared with {aspect.against}: the same")


def _end(judged: Judge, worst: State, aspect: Aspect) -> NoReturn:
    first, more = aspect.findings[0], len(aspect.findings) - 1
    text = f"{first}; and {more} more" if more > 0 else first
    told = aspect.findings[1 : SHOWN + 1]
    if worst is State.WARNING:
        judged.warning(text, told)
    judged.critical(text, told)
