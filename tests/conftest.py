"""What all self-tests share: the options that run the whole matrix, or one fault."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --full and --fault."""
    parser.addoption("--full", action="store_true", help="run the whole matrix: every fault, both flavours")
    parser.addoption("--fault", action="append", metavar="NAME", help="prove this fault alone")
