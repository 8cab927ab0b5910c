"""What is read of Alertmanager: itself, what it holds, whom it tells, and whether that worked."""

from checks.engine.model import Count, NotJudged, Ratio, Reading, Seconds
from checks.engine.readings import derived, reading
from checks.engine.records import dataclass


@reading("alertmanager_connection", service="alertmanager")
@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerConnection(Reading):
    """Whether the server answers and is ready; `problem` is our word for why not."""

    reachable: bool
    problem: str = ""
    seconds: Seconds = 0.0


@dataclass(frozen=True, slots=True)
class Route:
    """Where an alert would go: receivers, those that nobody defined, those that tell nobody.

    `alert` is "" for any alert of the severity that has no route of its own. Of the ways to those who are told `muted`
    says that each has times at which it tells nothing, and `wait` is the shortest time before it tells, in seconds.
    `inhibited` says that the watchdog, which always fires, hides it.
    """

    alert: str
    severity: str
    receivers: tuple[str, ...]
    undefined: tuple[str, ...]
    silent: tuple[str, ...]
    muted: bool
    wait: float
    inhibited: bool


@reading("alertmanager_server", service="alertmanager")
@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerServer(Reading):
    """What the server says of itself; `cluster` is ready, settling or disabled (a single one).

    `routes` are those of each severity, of each rule that must be there, and of `watchdog`.
    """

    version: str
    uptime: Seconds
    cluster: str
    reloaded: bool
    watchdog: str
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """One alert that Alertmanager holds; `age` since it began, `updated` since Prometheus last sent it, in seconds."""

    alert: str
    severity: str
    instance: str
    state: str
    age: float
    updated: float
    silenced: bool


@reading("alertmanager_alerts", service="alertmanager")
@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerAlerts(Reading):
    """Every alert that Alertmanager holds; `watchdog` is that one's name, "" where the environment has none."""

    alerts: tuple[Held, ...]
    watchdog: str
    uptime: Seconds


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence that is active, or begins in `begins_in` seconds (0 for an active one).

    `hides` are critical alerts that it hides now, `covers` the critical rules that must be there and that it would hide
    whatever else their alerts say; `broad` means that it would hide any critical alert.
    """

    author: str
    begins_in: float
    ends_in: float
    lasts: float
    broad: bool
    hides: tuple[str, ...]
    covers: tuple[str, ...]


@reading("alertmanager_silences", service="alertmanager")
@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerSilences(Reading):
    """The silences that are active or will be; their comments are not read.

    `critical` are the critical rules that must be there, `inhibited` the critical alerts that `watchdog` hides now.
    """

    silences: tuple[Silence, ...]
    critical: tuple[str, ...]
    watchdog: str
    inhibited: tuple[str, ...]


@reading("alertmanager_counters", service="alertmanager")
@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerCounters(Reading):
    """Notifications since the start by integration: (name, attempted, failed).

    `reloaded` is the Unix time of the last reload, 0 where it is not told.
    """

    started: float
    reloaded: float = 0.0
    notifications: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerDelivery(Reading):
    """Notifications between two samples; `failing` are the integrations that failed at all.

    `failed_ratio` is that of the worst integration: mail that never leaves would hide behind a webhook's watchdog.
    """

    attempted: Count
    failed: Count
    failed_ratio: Ratio
    failing: tuple[str, ...]


@derived("alertmanager_delivery", base="alertmanager_counters", apart=(4, 90000), type=AlertmanagerDelivery)
def alertmanager_delivery(
    earlier: AlertmanagerCounters, later: AlertmanagerCounters
) -> AlertmanagerDelivery | NotJudged:
    """Compute what was delivered between two samples of the same process.

    A reload gives up what is being sent, counts it as failed and sends it again: one failure an integration is not held
    against it then.
    """
    if later.started != earlier.started:
        return NotJudged("Alertmanager restarted between the two samples")
    before = {name: (attempted, failed) for name, attempted, failed in earlier.notifications}
    given_up = 1 if later.reloaded > earlier.reloaded else 0
    grown = [
        (
            name,
            attempted - before.get(name, (0.0, 0.0))[0],
            max(0.0, failed - before.get(name, (0.0, 0.0))[1] - given_up),
        )
        for name, attempted, failed in later.notifications
    ]
    attempted, failed = sum(one[1] for one in grown), sum(one[2] for one in grown)
    return AlertmanagerDelivery(
        attempted=int(attempted),
        failed=int(failed),
        failed_ratio=max((lost / made for _, made, lost in grown if made > 0), default=0.0),
        failing=tuple(name for name, _, lost in grown if lost > 0),
        source=later.source,
        sampled_at=later.sampled_at,
    )
