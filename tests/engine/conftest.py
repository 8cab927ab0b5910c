"""What the tests of the engine share."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.engine.scripted import Probes
from tests.engine.suites import Suite


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """A suite of checks of the test's own."""
    return Suite(tmp_path)


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
