"""The pytest glue: options, rows, fixtures, outcomes, the run, the terminal and the HTML report."""

import gc

# A run makes its objects at the beginning and keeps them: to look through them again and again took a fifth of a smoke
# run. What a long run leaves behind is still found, only later.
gc.set_threshold(50_000, 20, 50)

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
    "fixtures",
    "rows",
    "config_check",
    "options",
)
pytest_plugins = [f"checks.engine.plugin.{name}" for name in _MODULES]
