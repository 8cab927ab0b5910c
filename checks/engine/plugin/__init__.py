"""The pytest glue: options, rows, fixtures, outcomes, the run, the terminal and the HTML report."""

import gc
from importlib import import_module

import pytest

# A run makes its objects at the beginning and keeps them: to look through them again and again took a fifth of a smoke
# run. What a long run leaves behind is still found, only later.
gc.set_threshold(200_000, 20, 50)

# pytest calls the last one first, and the others lean on the options being validated.
_MODULES = (
    "html",
    "terminal",
    "delivery",
    "restore_progress",
    "restore_options",
    "run",
    "recorder",
    "outcome",
    "settle",
    "sampling",
    "fixtures",
    "rows",
    "config_check",
    "options",
)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the rest; by `pytest_plugins`, pytest would look through all installed packages for each of them."""
    for name in _MODULES:
        pluginmanager.register(import_module(f"{__name__}.{name}"), f"{__name__}.{name}")


def pytest_configure() -> None:
    """Take back what an earlier run in this process had set aside."""
    gc.unfreeze()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Set aside all that there is: to take it apart piece by piece at the end of the process took 0.2 s."""
    gc.freeze()
