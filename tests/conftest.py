"""What all self-tests share: the options that run the whole matrix, or one fault, and the marks of checks."""

import pytest

# What takes minutes comes first: the workers then end together. xdist would leave it to the last, for it has few tests.
LONGEST = ("test_watchers_faults.py", "test_faults.py", "test_steady.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --full and --fault."""
    parser.addoption("--full", action="store_true", help="run the whole matrix: every fault, both flavours")
    parser.addoption("--fault", action="append", metavar="NAME", help="prove this fault alone")


def pytest_configure(config: pytest.Config) -> None:
    """Let the checks be imported, whose marks the suite's own plugin would else declare."""
    for mark in ("guide(*ids)", "profiles(*names)", "convergent", "moments", "only_with(option)"):
        config.addinivalue_line("markers", f"{mark}: of a check")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))
