"""Histories that the environment file names wrongly: its file names them so while one is broken."""

from lab.faults.demands import asking
from lab.faults.watching import P, expect, fault
from lab.monitoring_tables import HISTORY

_, _, _SIZE = HISTORY["postgres-exporter"]

for _name, _what, _instead in (
    ("history-ambiguous", "the history of the databases' size is several series", _SIZE.replace("sum", "")),
    ("history-of-another", "the history of the databases' size is not in the unit of its limits", _SIZE.split(" /")[0]),
):
    fault(_name, _what, expect(metrics_history_kept="WARNING"), *asking(_SIZE, _instead), P, "postgresql")
