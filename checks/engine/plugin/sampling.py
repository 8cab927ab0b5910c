"""A check that judges a number of a noisy reading: its readings are read again, its body runs again, as for a row.

So does a check marked `moments`, which compares what was read at different moments: between them a burst ends, and
what is true of each is not of both. What is no number (a server that refuses, a setting that is off) is a fact, and is
not asked for again.
"""

from collections.abc import Generator, Mapping
from inspect import signature

import pytest

from checks.engine.model import Judgement, Reading, State
from checks.engine.plugin.judged import JUDGEMENT, sampled
from checks.engine.plugin.signals import Judged
from checks.engine.plugin.suite import Case, suite_of
from checks.engine.readings import READINGS


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Let the middle of three samples count where a check judges what is noisy, and is not OK."""
    case = pyfuncitem.funcargs.get("case")
    try:
        return (yield)
    except Judged as found:
        first = found.judgement
        alarming = first.state in {State.WARNING, State.CRITICAL}
        compares = pyfuncitem.get_closest_marker("moments") is not None
        if not alarming or not isinstance(case, Case) or not (compares or _noisy(case, first)):
            raise
    names = [name for name, _ in case.needs]
    counts = sampled(suite_of(pyfuncitem.config), case, names, first, lambda later: _again(pyfuncitem, later))
    if counts.state is not State.OK:
        raise Judged(counts)
    pyfuncitem.stash[JUDGEMENT] = counts
    return None


def _noisy(case: Case, found: Judgement) -> bool:
    """Whether a check other than a row's, which samples by itself, judged a number of nothing but what is noisy."""
    return found.measure is not None and case.row is None and all(READINGS[name].noisy for name, _ in case.needs)


def _again(item: pytest.Function, later: Mapping[str, Reading]) -> Judgement:
    arguments = {name: item.funcargs[name] for name in signature(item.obj).parameters}
    try:
        item.obj(**{**arguments, **later})
    except Judged as found:
        return found.judgement
    return item.stash[JUDGEMENT]
