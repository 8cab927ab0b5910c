"""What all self-tests share: the option that runs the whole matrix."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --full."""
    parser.addoption("--full", action="store_true", help="run the whole matrix: every fault, both flavours")
