"""Names the plugin, and does nothing else."""

pytest_plugins = ["checks.engine.plugin"]
