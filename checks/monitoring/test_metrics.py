"""The guide's metrics: each is kept and fresh, and within its bounds where it has any."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.prometheus import Due, PrometheusNodes, PrometheusSeries, PrometheusTextfiles
from checks.engine.readings.prometheus_history import PrometheusCourses

AHEAD = 60.0  # seconds that clocks may differ by
_NO_LIMIT = "no limit is set: judged on being there and fresh only"
AGED = 6 * 3600.0 + 60  # seconds: a course has a point every six hours
HISTORY = 3600.0  # seconds below which a pace says nothing


@pytest.mark.guide("metrics.application")
@pytest.mark.profiles("nightly", "triage")
def test_metrics_application_kept(prometheus_series: PrometheusSeries, judged: Judge) -> None:
    """Request rate, response time, connections, queue and pool of every instance have samples of now."""
    _kept(judged, prometheus_series.application)


@pytest.mark.guide("metrics.database")
@pytest.mark.profiles("nightly", "triage")
def test_metrics_database_kept(prometheus_series: PrometheusSeries, judged: Judge) -> None:
    """Connections, longest query, replication and cache hits of the database have samples of now.

    Of bloat postgres_exporter has no figure: bloat-tables and bloat-indexes ask the database itself.
    """
    _kept(judged, prometheus_series.database)


@pytest.mark.guide("metrics.infrastructure")
@pytest.mark.profiles("nightly", "triage")
def test_metrics_infrastructure_kept(prometheus_series: PrometheusSeries, judged: Judge) -> None:
    """CPU, memory, disk I/O, network and disk space of every node have samples of now."""
    _kept(judged, prometheus_series.infrastructure)


def _kept(judged: Judge, figures: tuple[Due, ...]) -> None:
    if figures == ():
        judged.not_judged("the environment file names no job for these figures")
    gone = [figure for figure in figures if figure.instances == ()]
    if gone:
        evidence = tuple(f"{figure.subject}: no {' or '.join(figure.metrics)}" for figure in gone)
        judged.critical(f"nothing is kept of {', '.join(figure.subject for figure in gone)}", evidence)
    partial = [f"{figure.subject}: not of {', '.join(figure.missing)}" for figure in figures if figure.missing]
    if partial:
        judged.warning(f"{len(partial)} figures are not kept of everything", tuple(partial))
    limits = tuple(f"{o.subject}: {f'judged by {o.judged_by}' if o.judged_by else _NO_LIMIT}" for o in figures)
    judged.ok(f"{', '.join(figure.subject for figure in figures)}: there and fresh", limits)


@pytest.mark.guide("metrics.infrastructure", "capacity.growth")
@pytest.mark.profiles("nightly")
def test_metrics_history_kept(prometheus_courses: PrometheusCourses, judged: Judge) -> None:
    """Of each figure whose history is to serve a forecast Prometheus keeps one series, of what the check reads."""
    wrong, lines = [], []
    for course in prometheus_courses.courses:
        if course.problem != "":
            wrong.append(f"{course.key}: {course.problem}")
        elif course.series != 1:
            wrong.append(
                f"{course.key}: {course.series} series, one is needed: name it by its labels, or take sum() or max()"
            )
        elif course.points == ():
            wrong.append(f"{course.key}: none of its values is a number")
        elif (age := prometheus_courses.sampled_at - course.points[-1][0]) > AGED:
            wrong.append(f"{course.key}: it ends {age / 86400:.1f} d ago")
        else:
            days = (course.points[-1][0] - course.points[0][0]) / 86400
            lines.append(f"{course.key}: {len(course.points)} points of {days:.1f} d")
    if wrong:
        judged.warning(
            f"histories that cannot be used: {len(wrong)} of {len(prometheus_courses.courses)}", tuple(wrong)
        )
    judged.ok(f"histories that are kept: {len(lines)}", tuple(lines))


@pytest.mark.guide("metrics.application")
@pytest.mark.profiles("nightly")
def test_metrics_endpoints_folded(prometheus_series: PrometheusSeries, judged: Judge) -> None:
    """No label holds a raw path: ids in it are personal data, and a series for each of them fills Prometheus."""
    raw, of = prometheus_series.raw_endpoints, prometheus_series.endpoints
    if raw > 0:
        labels = ", ".join(prometheus_series.raw_labels)
        judged.warning(f"{raw} of {of} values of the label {labels} hold ids: label with the route, not with the path")
    if of == 0:
        judged.not_judged("no request is counted with a label that says to what")
    judged.ok(f"{of} endpoints, each a route")


@pytest.mark.guide("metrics.infrastructure")
@pytest.mark.profiles("nightly")
def test_metrics_textfiles_fresh(prometheus_textfiles: PrometheusTextfiles, judged: Judge) -> None:
    """What scripts leave for Prometheus, in text files or pushed, is of a run of theirs that was due."""
    found, due = prometheus_textfiles, prometheus_textfiles.due_age
    old = tuple(f"{o.where} {o.name}: of {o.age / 3600:.0f} h ago" for o in found.left if o.age > due)
    if old:
        judged.warning(f"{len(old)} are older than {due / 3600:.0f} h: they show what no longer is", old)
    ahead = tuple(f"{o.where} {o.name}: {-o.age / 3600:.1f} h ahead" for o in found.left if o.age < -AHEAD)
    if ahead:
        judged.warning(f"{len(ahead)} are of the future: a clock is wrong, and nobody sees when they grow old", ahead)
    if found.unreadable:
        judged.warning(f"{len(found.unreadable)} nodes have a text file that cannot be parsed", found.unreadable)
    if found.left == ():
        judged.not_judged("no script leaves anything for Prometheus")
    judged.ok(f"{len(found.left)} of no more than {due / 3600:.0f} h ago")


@pytest.mark.guide("metrics.infrastructure")
@pytest.mark.profiles("nightly", "triage")
def test_metrics_node_cpu(prometheus_nodes: PrometheusNodes, judged: Judge) -> None:
    """The processors of every node have room."""
    _share(judged, prometheus_nodes, "cpu_ratio", "CPU busy", (80, 95))


@pytest.mark.guide("metrics.infrastructure")
@pytest.mark.profiles("nightly", "triage")
def test_metrics_node_memory(prometheus_nodes: PrometheusNodes, judged: Judge) -> None:
    """Every node has memory left."""
    _share(judged, prometheus_nodes, "memory_ratio", "memory used", (85, 95))


@pytest.mark.guide("metrics.infrastructure", "capacity.disk")
@pytest.mark.profiles("nightly", "triage")
def test_metrics_node_disk(prometheus_nodes: PrometheusNodes, judged: Judge) -> None:
    """The disks of every node have space left."""
    _share(judged, prometheus_nodes, "disk_ratio", "disk used", (70, 85))


@pytest.mark.guide("metrics.infrastructure", "capacity.disk")
@pytest.mark.profiles("nightly", "triage")
def test_metrics_node_inodes(prometheus_nodes: PrometheusNodes, judged: Judge) -> None:
    """The disks of every node have inodes left."""
    _share(judged, prometheus_nodes, "inodes_ratio", "inodes used", (70, 85))


@pytest.mark.guide("metrics.infrastructure")
@pytest.mark.profiles("nightly", "triage")
def test_metrics_node_disk_io(prometheus_nodes: PrometheusNodes, judged: Judge) -> None:
    """No disk is busy all the time; what goes over the network, which has no limit, is shown beside it."""
    network = tuple(
        f"{node.instance}: {node.network / 1e6:.2f} MB/s over the network (no limit is set)"
        for node in prometheus_nodes.nodes
        if node.network is not None
    )
    _share(judged, prometheus_nodes, "busiest_disk_ratio", "busy", (80, 95), beside=network)


@pytest.mark.guide("metrics.infrastructure", "capacity.disk")
@pytest.mark.profiles("nightly", "triage")
def test_metrics_node_disk_forecast(prometheus_nodes: PrometheusNodes, judged: Judge) -> None:
    """At the pace of the last hours no node's disk is full within a week."""
    seen = max((node.history for node in prometheus_nodes.nodes if node.history is not None), default=0.0)
    if seen < HISTORY:
        judged.not_judged(f"Prometheus has {seen / 60:.0f} min of history, {HISTORY / 60:.0f} are needed")
    known = [node for node in prometheus_nodes.nodes if node.history is not None and node.history >= HISTORY]
    filling = {node.instance: node.full_in for node in known if node.full_in is not None}
    if filling == {}:
        judged.ok("no disk fills")
        return
    first = min(filling, key=lambda instance: filling[instance])
    days = filling[first] / 86400
    subject = f"node {first}: disk full in"
    judged(days, unit="d", subject=subject, reading=prometheus_nodes, below=(7, 1))


@pytest.mark.guide("metrics.infrastructure")
@pytest.mark.profiles("nightly", "triage")
def test_metrics_node_clock(prometheus_nodes: PrometheusNodes, judged: Judge) -> None:
    """The clocks of all nodes agree with Prometheus'."""
    offsets = [abs(node.clock_offset) for node in prometheus_nodes.nodes if node.clock_offset is not None]
    if offsets == []:
        judged.unknown("no node exporter tells the time (node_time_seconds)")
    evidence = tuple(f"{n.instance}: {n.clock_offset:+.2f} s" for n in prometheus_nodes.nodes if n.clock_offset)
    judged(
        max(offsets),
        unit="s",
        subject="worst clock is off by",
        reading=prometheus_nodes,
        above=(2, 30),
        evidence=evidence,
    )


def _share(
    judged: Judge,
    nodes: PrometheusNodes,
    field: str,
    subject: str,
    above: tuple[float, float],
    *,
    beside: tuple[str, ...] = (),
) -> None:
    shares = {node.instance: share for node in nodes.nodes if (share := getattr(node, field)) is not None}
    if shares == {}:
        judged.unknown(f"{subject}: no node exporter says it")
    worst = max(shares, key=lambda instance: shares[instance])
    evidence = (*(f"{instance}: {share * 100:.0f} %" for instance, share in shares.items()), *beside)
    judged(
        shares[worst] * 100, unit="%", subject=f"node {worst}: {subject}", reading=nodes, above=above, evidence=evidence
    )
