"""What all self-tests share: the options that run the whole matrix, or one fault."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --full and --fault."""
    parser.addoption("--full", action="store_true", help="run the whole matrix: every fault, both flavours")
    parser.addoption("--fault", action="append", metavar="NAME", help="prove this fault alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, without --full, what tests/unsteady.txt names: it is not steady yet."""
    if config.getoption("--full") or config.getoption("--fault"):
        return
    lines = (config.rootpath / "unsteady.txt").read_text(encoding="utf-8").splitlines()
    named = tuple(line for line in lines if line and not line.startswith("#"))
    left_out = [item for item in items if item.nodeid.startswith(named)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
