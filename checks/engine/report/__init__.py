"""Renders a finished run, or one that has only begun: results.json first, every other report from the same `Run`.

Imports `checks.engine.model` and libraries only; called by the plugin and by the offline commands.
"""
