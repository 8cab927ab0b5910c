"""The rows of thresholds.toml that belong to this chapter."""

from checks.engine.catalog import Row
from checks.engine.plugin.judged import Judge


def test_limit(threshold: Row, judged: Judge) -> None:
    """A reading is within the limits of its row in thresholds.toml."""
    judged.row(threshold)
