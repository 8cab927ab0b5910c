"""The fixtures of a check: one a reading, `threshold` for a row, and `judged`, by which it says what it found."""

from collections.abc import Callable, Mapping

import pytest

from checks.engine.catalog import Row
from checks.engine.model import Judgement, Reading, State
from checks.engine.plugin.judged import Judge, resolve
from checks.engine.plugin.signals import Judged
from checks.engine.plugin.suite import CASE, Case, suite_of
from checks.engine.readings import READINGS


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """The check and target of this item; ends the item where the environment does not cover it."""
    found: Case = request.param
    suite = suite_of(request.config)
    if found.needs == () and found.not_covered == "":
        raise Judged(Judgement(State.UNKNOWN, "the check reads nothing: give it a reading as an argument"))
    if found.not_covered != "":
        unverified = _unverified(request)
        state = State.UNKNOWN if unverified else State.NOT_COVERED
        raise Judged(
            Judgement(state, f"{found.not_covered}: nothing here can verify it" if unverified else found.not_covered)
        )
    if not suite.restore and any(READINGS[name].restore for name, _ in found.needs):
        raise Judged(Judgement(State.NOT_JUDGED, "nothing is restored without --restore or --profile nightly"))
    return found


def _unverified(request: pytest.FixtureRequest) -> bool:
    """Whether an option asks for what no check of this run can verify; leave to write demands nothing."""
    only = request.node.get_closest_marker("only_with")
    if only is None or only.args[0] == "allow_writes":
        return False
    alike = [item for item in request.session.items if item.get_closest_marker("only_with") == only]
    return all(item.stash[CASE].not_covered != "" for item in alike if CASE in item.stash)


def _fixture(name: str) -> Callable[..., Reading]:
    @pytest.fixture(name=name)
    def reading(case: Case, request: pytest.FixtureRequest) -> Reading:
        convergent = request.node.get_closest_marker("convergent") is not None
        return resolve(suite_of(request.config), case, name, convergent)

    return reading


for _name in READINGS:
    globals()[f"reading_{_name}"] = _fixture(_name)


@pytest.fixture
def threshold(case: Case) -> Row:
    """The row of thresholds.toml that this item judges."""
    if case.row is None:
        raise TypeError(case.id)
    return case.row


@pytest.fixture
def rows(request: pytest.FixtureRequest) -> Mapping[str, Row]:
    """Every row of thresholds.toml by its id, with this environment's limits, for what must agree with them."""
    return {row.id: row for row in suite_of(request.config).catalog.rows}


@pytest.fixture
def judged(case: Case, request: pytest.FixtureRequest) -> Judge:
    """What a check says its findings with."""
    return Judge(suite_of(request.config), case, request.node)


@pytest.fixture
def expected_version(request: pytest.FixtureRequest) -> str:
    """The version that --expect-version gives."""
    return suite_of(request.config).expect_version


@pytest.fixture
def deployed_at(request: pytest.FixtureRequest) -> float:
    """The Unix time that --deployed-at gives."""
    return suite_of(request.config).deployed_at
