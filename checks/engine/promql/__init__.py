"""What an alert's expression means: compared by meaning, its selectors, and whether its threshold can be reached.

Pure: PromQL is parsed, nothing is asked. Called by the probe of Prometheus and by the checks of alert rules.
"""

from checks.engine.promql.absence import fires_when_down
from checks.engine.promql.emptiness import always_hidden, compared, has_offset, least
from checks.engine.promql.meaning import COMPARISONS, Meaning, meaning, parse, same
from checks.engine.promql.selectors import Selector, calls, labels, selectors
from checks.engine.promql.thresholds import (
    Comparison,
    arms,
    comparisons,
    histogram,
    is_aggregate,
    is_share,
    reachable,
    sides,
    unscaled,
)

__all__ = [
    "COMPARISONS",
    "Comparison",
    "Meaning",
    "Selector",
    "always_hidden",
    "arms",
    "calls",
    "compared",
    "comparisons",
    "fires_when_down",
    "has_offset",
    "histogram",
    "is_aggregate",
    "is_share",
    "labels",
    "least",
    "meaning",
    "parse",
    "reachable",
    "same",
    "selectors",
    "sides",
    "unscaled",
]
