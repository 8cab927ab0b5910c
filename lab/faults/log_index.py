"""What goes wrong with the index that logs are gathered in."""

from typing import Any

from lab.faults.logs import E, log_fault
from lab.faults.registry import Act
from lab.faults.watching import watchers


def _index(**wrong: Any) -> Act:
    return lambda running: watchers(running).break_index(**wrong)


for _name, _what, _expect, _wrong in (
    ("index-cluster-red", "the cluster is red", {"logs-cluster": "CRITICAL"}, {"status": "red"}),
    ("index-disk-filling", "a node's disk is past the low watermark", {"logs-cluster-disk": "WARNING"}, {"disk": 88}),
    ("index-disk-full", "a node's disk is past the high watermark", {"logs-cluster-disk": "CRITICAL"}, {"disk": 93}),
    ("index-heap-full", "a node has no heap left", {"logs-heap": "CRITICAL"}, {"heap": 94}),
    (
        "index-missing",
        "there is no index of today",
        {
            "logs-index-today": "CRITICAL",
            "logs-index-parsed": "not judged",
            "logs-index-located": "not judged",
            "logs-index-fields": "not judged",
        },
        {"hide": True},
    ),
    ("index-read-only", "today's index is read-only", {"logs-index-today": "CRITICAL"}, {"read_only": True}),
    (
        "index-behind",
        "nothing arrived in the index for half an hour",
        {"logs-index-today": "CRITICAL"},
        {"behind": 1800},
    ),
    ("index-without-geoip", "no document carries geoip", {"logs-index-located": "CRITICAL"}, {"no_geoip": True}),
    (
        "index-fields-explode",
        "the mapping has nearly as many fields as it may",
        {"logs-index-fields": "CRITICAL"},
        {"fields": 950},
    ),
    ("index-kept-too-long", "indexes are older than they may be", {"logs-index-retention": "WARNING"}, {"days": 45}),
    # seen by the canary alone, until the newest document is old
    ("index-takes-nothing", "nothing more arrives in the index", {}, {"stop": True}),
    ("index-days-missing", "three days have no index", {"logs-index-retention": "WARNING"}, {"gaps": 3}),
):
    log_fault(
        _name,
        _what,
        {f"{check}@{E}": state for check, state in _expect.items()},
        _index(**_wrong),
        _index(**dict.fromkeys(_wrong)),
        E,
    )
