"""What the tests of the engine share."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.inside import Inside
from tests.engine.scripted import Probes


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Inside:
    """A suite of checks of the test's own."""
    return Inside(pytester)


@pytest.fixture
def soon() -> str:
    """A moment a week from now, as TOML writes it."""
    return (datetime.now(UTC) + timedelta(days=7)).isoformat(timespec="seconds")


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Probes]:
    """Probes that a test scripts; what hangs in them is let go at the end."""
    made = Probes(monkeypatch)
    yield made
    made.hangs.set()
