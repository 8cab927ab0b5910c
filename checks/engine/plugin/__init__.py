"""The pytest glue: options, rows, fixtures, outcomes, the run, the terminal and the HTML report."""

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
