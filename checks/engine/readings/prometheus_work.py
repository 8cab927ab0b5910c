"""What Prometheus tells of its own work: its queue of notifications, its counters, and what they grew by."""

from checks.engine.model import Count, NotJudged, Ratio, Reading
from checks.engine.readings import derived, reading
from checks.engine.readings.prometheus import YOUNG
from checks.engine.records import dataclass

EXCUSED = 30.0  # so much for reloads one after another, of which only the last is told
BATCH = 64  # notifications that it sends at once


@reading("prometheus_queue", service="prometheus", noisy=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusQueue(Reading):
    """How many notifications wait for Alertmanager, in the longest queue where each Alertmanager has one of its own.

    A full queue drops the oldest; one without room for any is full.
    """

    waiting: Count
    capacity: Count
    used_ratio: Ratio


@reading("prometheus_counters", service="prometheus")
@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusCounters(Reading):
    """Prometheus' counters of its own work since it started, and how many Alertmanagers it knows now."""

    started: float
    alertmanagers: float = 1.0
    samples: float
    reloaded: float
    sent: float
    failed: float
    dropped: float
    rule_failures: float
    missed_evaluations: float
    compactions_failed: float
    corruptions: float
    over_limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusWork(Reading):
    """What Prometheus did between two samples; `lost_ratio` is of the notifications that it had for Alertmanager.

    What it drops while it looks for its Alertmanager anew, after its configuration was read again, is not counted: as
    much as falls on these seconds, or one batch, where it has found one again.
    """

    samples: Count
    lost: Count
    lost_ratio: Ratio
    rule_failures: Count
    missed_evaluations: Count
    storage_faults: Count
    over_limit: Count


@derived("prometheus_work", base="prometheus_counters", apart=(4, 90000), type=PrometheusWork)
def prometheus_work(earlier: PrometheusCounters, later: PrometheusCounters) -> PrometheusWork | NotJudged:
    """Compute what was done between two samples of the same process."""
    if later.started != earlier.started or later.samples < earlier.samples:
        return NotJudged("Prometheus restarted between the two samples")
    sent, dropped = later.sent - earlier.sent, later.dropped - earlier.dropped
    if later.reloaded > earlier.sampled_at and later.alertmanagers > 0:
        share = min(1.0, EXCUSED / (later.sampled_at - earlier.sampled_at))
        dropped = max(0.0, dropped - max(BATCH, share * (sent + dropped)))
    lost = later.failed - earlier.failed + dropped
    if lost > 0 and earlier.sampled_at - earlier.started < YOUNG:
        return NotJudged("Prometheus had just started, and did not know its Alertmanager yet")
    faults = later.compactions_failed - earlier.compactions_failed + later.corruptions - earlier.corruptions
    return PrometheusWork(
        samples=int(later.samples - earlier.samples),
        lost=int(lost),
        lost_ratio=lost / max(sent, lost) if lost > 0 else 0.0,
        # counted by group of rules: what groups counted that are no longer loaded is gone
        rule_failures=int(max(0.0, later.rule_failures - earlier.rule_failures)),
        missed_evaluations=int(max(0.0, later.missed_evaluations - earlier.missed_evaluations)),
        storage_faults=int(faults),
        over_limit=int(later.over_limit - earlier.over_limit),
        source=later.source,
        sampled_at=later.sampled_at,
    )
