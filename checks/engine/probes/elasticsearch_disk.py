"""How full the data nodes' disks are, and from where on a node takes no new shards; called by elasticsearch.py."""

import re
from typing import Any, NamedTuple

from checks.engine.probes.watchers import Asker

_KEY = "cluster.routing.allocation.disk.watermark"
_DEFAULTS = {"low": 0.85, "high": 0.90, "flood_stage": 0.95}
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


class Disk(NamedTuple):
    """One node's disk: the share that is used, and its bytes."""

    used: float | None
    total: float | None


def disks_of(asker: Asker) -> dict[str, Disk]:
    """Return the disk of each data node."""
    rows = asker.json("/_cat/allocation", {"format": "json", "bytes": "b"})
    return {str(row["node"]): _disk(row) for row in rows if row["node"] != "UNASSIGNED"}


def nearest(disks: dict[str, Disk], settings: dict[str, Any]) -> tuple[float | None, tuple[float, float, float]]:
    """Return how full the disk is that is nearest to its low watermark, and its watermarks low, high and flood_stage.

    A watermark may be a share that is used, or what must be left in bytes: then each disk has its own.
    """
    found = [
        (disk.used, (_mark(settings, "low", disk), _mark(settings, "high", disk), _mark(settings, "flood_stage", disk)))
        for disk in disks.values()
        if disk.used is not None
    ]
    none = (None, (_DEFAULTS["low"], _DEFAULTS["high"], _DEFAULTS["flood_stage"]))
    return max(found, key=lambda one: (one[0] - one[1][0], one[0]), default=none)


def _disk(row: dict[str, Any]) -> Disk:
    percent, total = row.get("disk.percent"), row.get("disk.total")
    return Disk(None if percent is None else float(percent) / 100, None if total is None else _bytes(str(total)))


def _mark(settings: dict[str, Any], name: str, disk: Disk) -> float:
    """Return the share of a disk from which on a watermark holds (Elastic's reference, disk-based shard allocation)."""
    text = _value(settings, f"{_KEY}.{name}")
    left = _bytes(text)
    if re.fullmatch(r"\d{1,3}(\.\d+)?%", text):
        share = float(text[:-1]) / 100
    elif re.fullmatch(r"0?\.\d+|[01]\.0+", text):
        share = float(text)
    elif left is not None and disk.total:
        return 1 - left / disk.total
    else:
        share = _DEFAULTS[name]
    headroom = _bytes(_value(settings, f"{_KEY}.{name}.max_headroom"))
    return share if headroom is None or not disk.total else max(share, 1 - headroom / disk.total)


def _value(settings: dict[str, Any], key: str) -> str:
    groups = (settings.get(group, {}) for group in ("transient", "persistent", "defaults"))
    return next((str(group[key]) for group in groups if key in group), "").lower()


def _bytes(text: str) -> float | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kmgtp]?)b?", text.lower())
    return None if found is None else float(found[1]) * 1024 ** _UNITS[found[2]]
