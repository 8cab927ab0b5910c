"""From where on a node takes no new shards, by what a watermark may be."""

import pytest

from checks.engine.probes.elasticsearch_disk import Disk, nearest

TB = float(1 << 40)
LOW = "cluster.routing.allocation.disk.watermark.low"


@pytest.mark.parametrize(
    ("text", "total", "low"),
    [
        ("85%", TB, 0.85),
        ("60.5%", TB, 0.605),
        ("0.6", TB, 0.6),
        (".6", TB, 0.6),
        ("256gb", TB, 0.75),
        ("256GB", TB, 0.75),
        ("256g", TB, 0.75),
        ("0.25tb", TB, 0.75),
        (str(256 << 30), TB, 0.75),
        ("256gb", None, 0.85),
        ("nonsense", TB, 0.85),
    ],
)
def test_a_watermark_is_a_share_or_what_must_be_left(text: str, total: float | None, low: float) -> None:
    settings = {"persistent": {LOW: text}, "defaults": {LOW: "85%"}}
    used, marks = nearest({"es1": Disk(0.5, total)}, settings)
    assert used == 0.5
    assert marks == pytest.approx((low, 0.90, 0.95))


def test_a_share_leaves_no_more_than_its_headroom() -> None:
    settings = {"defaults": {LOW: "85%", f"{LOW}.max_headroom": "200gb"}}
    assert nearest({"es1": Disk(0.9, 4 * TB)}, settings)[1][0] == pytest.approx(1 - 200 / 4096)
    assert nearest({"es1": Disk(0.9, TB / 2)}, settings)[1][0] == pytest.approx(0.85)
    settings = {"persistent": {LOW: "85%"}, "defaults": {f"{LOW}.max_headroom": "-1"}}
    assert nearest({"es1": Disk(0.9, 4 * TB)}, settings)[1][0] == pytest.approx(0.85)


def test_the_disk_counts_that_is_nearest_to_its_own_watermark() -> None:
    settings = {"transient": {LOW: "100gb"}, "persistent": {LOW: "1gb"}}
    disks = {"large": Disk(0.8, TB), "small": Disk(0.6, TB / 8), "gone": Disk(None, None)}
    assert nearest(disks, settings)[0] == 0.6
    assert nearest({}, settings)[0] is None
