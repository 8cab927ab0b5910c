"""Lets the tests beside it call single checks, whose marks the suite's own plugin would else declare."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks of checks."""
    for mark in ("guide", "profiles", "convergent", "only_with"):
        config.addinivalue_line("markers", f"{mark}(*names): of a check")
