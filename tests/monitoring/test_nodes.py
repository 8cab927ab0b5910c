"""Whether a disk fills: only a node that was seen for an hour says so."""

import pytest

from checks.engine.model import State
from checks.engine.readings.prometheus import Node, PrometheusNodes
from checks.monitoring import test_metrics as of_metrics
from tests.services.saying import says

HOURS = 3600.0


def nodes(*pairs: tuple[float | None, float | None]) -> PrometheusNodes:
    """Return nodes by (seconds until the disk is full, seconds of history)."""
    listed = tuple(
        Node(f"node{n}:9100", 0.1, 0.1, 0.1, 0.1, 0.1, 1.0, 0.0, full, seen) for n, (full, seen) in enumerate(pairs)
    )
    shares = dict.fromkeys(("busiest_cpu", "fullest_memory", "fullest_disk", "fullest_inodes", "busiest_disk"), 0.1)
    return PrometheusNodes(nodes=listed, source="t", sampled_at=0.0, **shares)


@pytest.mark.parametrize(
    ("pairs", "state"),
    [
        (((None, 6 * HOURS), (None, 6 * HOURS)), State.OK),
        (((None, 6 * HOURS), (3 * HOURS, 6 * HOURS)), State.CRITICAL),
        (((None, 6 * HOURS), (3 * HOURS, 300.0)), State.OK),
        (((None, 6 * HOURS), (3 * HOURS, None)), State.OK),
        (((3 * HOURS, 300.0),), State.NOT_JUDGED),
        ((), State.NOT_JUDGED),
    ],
    ids=["steady", "fills", "new-node", "unseen-node", "all-new", "none"],
)
def test_a_pace_of_minutes_is_none(pairs: tuple[tuple[float | None, float | None], ...], state: State) -> None:
    assert says(of_metrics.test_metrics_node_disk_forecast, nodes(*pairs))[0] is state
