"""--settle: after a deploy, what converges by itself is given time before it is judged."""

import time
from collections.abc import Generator

import pytest

from checks.engine.model import Judgement, State
from checks.engine.plugin.judged import JUDGEMENT, PAUSE, resolve
from checks.engine.plugin.signals import Judged
from checks.engine.plugin.suite import Case, Suite, suite_of


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Let a convergent check come good within the settle window: its readings are read again, its body runs again."""
    suite = suite_of(pyfuncitem.config)
    case = pyfuncitem.funcargs.get("case")
    until = suite.started + suite.settle
    try:
        return (yield)
    except (Judged, AssertionError):
        waits = suite.settle > 0 and isinstance(case, Case) and case.row is None
        if not waits or pyfuncitem.get_closest_marker("convergent") is None:
            raise
    return _converge(pyfuncitem, suite, case, until)


def _converge(item: pytest.Function, suite: Suite, case: object, until: float) -> object:
    arguments = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}
    if not isinstance(case, Case):
        raise TypeError(item.name)
    while True:
        for name, target in case.needs:
            suite.begin_reading().again(name, target, PAUSE / len(case.needs))
            if name in arguments:
                arguments[name] = resolve(suite, case, name, True)
        try:
            result: object = item.obj(**arguments)
        except (Judged, AssertionError):
            if time.time() >= until:
                raise
        else:
            text = f"{case.target}: came good after {time.time() - suite.started:.0f} s"
            item.stash[JUDGEMENT] = Judgement(State.OK, text)
            return result
