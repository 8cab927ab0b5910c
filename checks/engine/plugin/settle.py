"""--settle: after a deploy, what converges by itself is given time before it is judged."""

from collections.abc import Generator
from dataclasses import replace

import pytest

from checks.engine.model import Judgement, State
from checks.engine.plugin.judged import JUDGEMENT, PAUSE, resolve
from checks.engine.plugin.signals import Judged
from checks.engine.plugin.suite import Case, Suite, suite_of

_FOUND = (Judged, AssertionError, pytest.fail.Exception)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Let a convergent check come good within the settle window: its readings are read again, its body runs again."""
    suite = suite_of(pyfuncitem.config)
    case = pyfuncitem.funcargs.get("case")
    try:
        return (yield)
    except _FOUND as found:
        waits = suite.settling() and isinstance(case, Case) and case.row is None
        final = isinstance(found, Judged) and found.judgement.state is State.NOT_JUDGED
        if not waits or final or pyfuncitem.get_closest_marker("convergent") is None:
            raise
    return _converge(pyfuncitem, suite, case)


def _converge(item: pytest.Function, suite: Suite, case: object) -> object:
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
        except _FOUND:
            if not suite.settling():
                raise
        else:
            said = item.stash.get(JUDGEMENT, Judgement(State.OK, f"{case.target}: as it should be"))
            item.stash[JUDGEMENT] = replace(said, message=f"{said.message}; {suite.came_good()}")
            return result
