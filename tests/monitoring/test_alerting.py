"""What is wrong with alert rules, told from what is loaded and from what there is to look at."""

import pytest

from checks.engine import alerting
from checks.engine.model import Bound
from checks.engine.readings.prometheus_rules import Wanted
from tests.monitoring.made import reading, rule

BUCKETS = "http_request_duration_seconds_bucket"
FREE = "node_filesystem_avail_bytes / node_filesystem_size_bytes"
IDLE = 'rate(node_cpu_seconds_total{mode="idle"}[5m])'
BUSY = 'rate(node_cpu_seconds_total{mode!="idle"}[5m])'
ALL = "rate(node_cpu_seconds_total[5m])"
TABLE = {
    "capacity-api-response-time": (Bound(500, 1000), "ms"),
    "capacity-database-cpu": (Bound(70, 85), "%"),
    "capacity-redis-memory": (Bound(80, 90), "%"),
    "capacity-disk": (Bound(70, 85), "%"),
    "capacity-job-queue": (Bound(500, 1000), "jobs"),
}


def _texts(found: list[alerting.Finding]) -> list[str]:
    return [str(one) for one in found]


def test_a_rule_in_either_form_is_as_it_must_be() -> None:
    forms = (Wanted("A", "x > 1", 60, "critical"), Wanted("A", "max(x) > 1", 120, "warning"))
    assert alerting.not_loaded(reading(rule("A", "1 < max(x)", for_=120, severity="warning"), wanted=forms)) == []


@pytest.mark.parametrize(
    ("loaded", "text"),
    [
        (rule("A", "x > 2"), "A: has another expression than it must"),
        (rule("A", "x > 1", for_=60), "A: waits 60 s instead of 300 s"),
        (rule("A", "x > 1", severity=""), "A: has severity none instead of critical"),
        (rule("B", "x > 1"), "A: is not loaded"),
    ],
)
def test_what_differs_is_named(loaded: object, text: str) -> None:
    found = alerting.not_loaded(reading(loaded, wanted=(Wanted("A", "x > 1", 300, "critical"),)))  # type: ignore[arg-type]
    assert _texts(found) == [text]


@pytest.mark.parametrize(("largest", "silent"), [(1.0, True), (2.0, True), (2.5, False)])
def test_a_quantile_never_passes_its_largest_bucket(largest: float, *, silent: bool) -> None:
    slow = rule("Slow", f"histogram_quantile(0.95, sum by (le) (rate({BUCKETS}[5m]))) > 2")
    found = alerting.cannot_fire(reading(slow, buckets=((BUCKETS, largest),)))
    assert any(one.silent for one in found) is silent


def test_a_quantile_of_each_endpoint_is_a_finding_that_does_not_silence() -> None:
    slow = rule("Slow", f"histogram_quantile(0.95, rate({BUCKETS}[5m])) > 2")
    (found,) = alerting.cannot_fire(reading(slow, buckets=((BUCKETS, 10.0),)))
    assert "sum by (le)" in found.text
    assert not found.silent


@pytest.mark.parametrize(("most", "silent"), [(100.0, True), (150.0, True), (151.0, False), (None, False)])
def test_connections_never_pass_what_the_server_allows(most: float | None, *, silent: bool) -> None:
    high = rule("High", "pg_stat_database_numbackends > 150")
    assert bool(alerting.cannot_fire(reading(high, max_connections=most))) is silent


def test_a_share_above_one_is_out_of_reach() -> None:
    (found,) = alerting.cannot_fire(reading(rule("Errors", 'sum(a{status="500"}) / sum(a) > 5')))
    assert found.silent


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"series": 0, "metric_series": 0}, "nothing exports x"),
        ({"series": 0, "lacking": ("stauts",)}, "no x has the label stauts"),
        ({"series": 0}, 'no series is x{stauts="5"}'),
    ],
)
def test_a_selector_that_finds_nothing_silences(fields: dict[str, object], text: str) -> None:
    (found,) = alerting.cannot_fire(reading(rule("A", 'x{stauts="5"} > 1'), empty={"x": fields}))
    assert found.text == text
    assert found.silent


@pytest.mark.parametrize(
    ("expr", "silent"),
    [
        ("x == 0 or y == 0", False),
        ("(z == 0 or (x == 0)) or y == 0", False),
        ("x == 0 or x == 1", True),
        ("x == 0 and y == 0", True),
        ("x == 0", True),
    ],
)
def test_one_arm_of_an_or_that_can_fire_is_enough(expr: str, *, silent: bool) -> None:
    found = alerting.cannot_fire(reading(rule("A", expr), empty={"x": {"series": 0, "metric_series": 0}}))
    assert [(one.text, one.silent) for one in found] == [("nothing exports x", silent)]


def test_an_arm_whose_threshold_is_out_of_reach_silences_no_other() -> None:
    high = rule("High", "pg_stat_database_numbackends > 150 or x > 1")
    assert [one.silent for one in alerting.cannot_fire(reading(high))] == [False]


def test_a_status_that_never_occurred_is_no_finding() -> None:
    assert alerting.cannot_fire(reading(rule("A", 'x{status=~"5.."} > 1'), empty={"x": {"series": 0}})) == []


def test_absence_may_be_asked_for() -> None:
    gone = {"x": {"series": 0, "metric_series": 0}}
    assert alerting.cannot_fire(reading(rule("A", "absent(x)"), empty=gone)) == []


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        ("up == 0 unless on () vector(1)", "its `unless on ()` is of something that is always there"),
        ("(up == 0 unless on () vector(1)) and x > 1", "its `unless on ()` is of something that is always there"),
        ("count(up) < 1", "what it compares is never < 1"),
        ("count by (job) (up) == 0", "what it compares is never == 0"),
        ("rate(http_requests_total[5m]) < 0", "what it compares is never < 0"),
        ("sum(redis_memory_used_bytes) < 0", "what it compares is never < 0"),
        ("up == 0 unless on () (hour() < 6)", None),
        ("up == 0 unless on () maintenance", None),
        ("up == 0 unless vector(1)", None),
        ("count(up) < 2", None),
        ("sum(up) == 0", None),
        ("delta(x_bytes[5m]) < 0", None),
        ("a_bytes - b_bytes < 0", None),
        ("temperature < 0", None),
    ],
)
def test_what_can_never_be_the_case_silences(expr: str, text: str | None) -> None:
    found = alerting.cannot_fire(reading(rule("A", expr)))
    assert [(one.text, one.silent) for one in found] == ([] if text is None else [(text, True)])


@pytest.mark.parametrize(
    ("expr", "left", "text"),
    [
        ("a / b > 0.9", "a / b", "has nothing to compare, nothing fits together: a / b"),
        ("a offset 60d > 1", "a offset 60d", "has nothing to compare, no sample is so old: a offset 60d"),
        ("count(up == 0) > 2", "count(up == 0)", None),
        ("x > 1 and x / y > 1", "x / y", "has nothing to compare, nothing fits together: x / y"),
        ("absent(x) == 1", "absent(x)", None),
    ],
)
def test_what_there_is_nothing_of_to_compare_is_a_finding(expr: str, left: str, text: str | None) -> None:
    found = alerting.cannot_fire(reading(rule("A", expr), empty_lefts=(left,)))
    assert [(one.text, one.silent) for one in found] == ([] if text is None else [(text, False)])


def test_what_a_selector_leaves_empty_is_told_once() -> None:
    gone = {"a": {"series": 0, "metric_series": 0}}
    found = alerting.cannot_fire(reading(rule("A", "a / b > 0.9"), empty=gone, empty_lefts=("a / b",)))
    assert [one.text for one in found] == ["nothing exports a"]


@pytest.mark.parametrize(
    ("window", "findings", "silent"), [(29, 1, True), (30, 1, False), (59, 1, False), (60, 0, False)]
)
def test_a_window_holds_four_scrapes(window: int, findings: int, *, silent: bool) -> None:
    found = alerting.cannot_fire(reading(rule("A", f"rate(x[{window}s]) > 1")))
    assert len(found) == findings
    assert any(one.silent for one in found) is silent


@pytest.mark.parametrize(
    ("expr", "severity", "text"),
    [
        ("node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.15", "critical", None),
        ("node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.1", "critical", "fires above 90 %"),
        (f"{FREE} * 100 < 10", "critical", "fires above 90 %, but critical is above 85 %"),
        (f"{FREE} * 100 < 15", "critical", None),
        (f"100 - 100 * ({FREE}) > 85", "critical", None),
        (f"(1 - {FREE}) * 100 > 90", "critical", "fires above 90 %"),
        (f"min by (instance) ({FREE}) < 0.1", "critical", "fires above 90 %"),
        (
            "(node_filesystem_size_bytes - node_filesystem_avail_bytes) / node_filesystem_size_bytes > 0.85",
            "critical",
            None,
        ),
        (
            "(node_filesystem_size_bytes - node_filesystem_avail_bytes) / node_filesystem_size_bytes > 0.9",
            "critical",
            "90 %",
        ),
        ("node_filesystem_avail_bytes < 5e9", "critical", None),
        (f"1 - avg by (instance) ({IDLE}) > 0.85", "critical", None),
        (f"100 - (avg by (instance) ({IDLE}) * 100) > 90", "critical", "fires above 90 %, but critical is above 85 %"),
        (f"avg by (instance) ({IDLE}) < 0.1", "warning", "is warning above 90 %, but critical is above 85 %"),
        (f"sum({BUSY}) / sum({ALL}) > 0.8", "warning", "fires above 80 %, but warning is above 70 %"),
        ("1 - avg(rate(node_cpu_seconds_total{mode='idle',instance='api1'}[5m])) > 0.9", "critical", None),
        ("1 - avg(rate(node_cpu_seconds_total{mode='idle',instance='db1'}[5m])) > 0.9", "critical", "fires above 90 %"),
        ("avg by (instance) (rate(node_cpu_seconds_total{mode='iowait'}[5m])) > 0.2", "warning", None),
        ("redis_memory_used_bytes / redis_memory_max_bytes > 0.9", "critical", None),
        (
            "redis_memory_used_bytes / redis_memory_max_bytes * 100 > 95",
            "critical",
            "fires above 95 %, but critical is above 90 %",
        ),
        (f"sum by (instance) ({IDLE}) < 0.1", "critical", None),
        ("redis_memory_used_bytes > 1e9", "warning", None),
        (
            f"histogram_quantile(0.95, sum by (le) (rate({BUCKETS}[5m]))) * 1000 > 2000",
            "warning",
            "is warning above 2000 ms",
        ),
        ("minion_jobs_inactive > 1000", "warning", "is warning above 1000 jobs, but critical is above 1000 jobs"),
        ("minion_jobs_inactive > 500", "warning", None),
        ("max(minion_jobs_inactive - minion_jobs_delayed) >= 600", "warning", "fires above 600 jobs"),
        ("increase(minion_jobs_failed[1h]) > 50", "warning", None),
        ("minion_jobs_active < 1", "warning", None),
        ("minion_jobs_delayed > 50", "warning", None),
        ("delta(minion_jobs_inactive[1h]) > 50", "warning", None),
        ("minion_jobs_inactive < 1", "warning", None),
        (f"histogram_quantile(0.95, sum by (le) (rate({BUCKETS}[5m]))) < 0.001", "critical", None),
        (f"histogram_quantile(0.95, sum by (le) (rate({BUCKETS}[5m]))) > 2", "warning", "is warning above 2000 ms"),
        (f"histogram_quantile(0.95, sum by (le) (rate({BUCKETS}[5m]))) > 1", "critical", None),
    ],
)
def test_rules_and_capacity_table_agree(expr: str, severity: str, text: str | None) -> None:
    found = alerting.incoherent(reading(rule("A", expr, severity=severity)), TABLE)
    assert [text in one.text for one in found if text is not None] == ([] if text is None else [True])


def test_a_rule_on_the_root_alone_leaves_other_mounts_out() -> None:
    expr = 'node_filesystem_avail_bytes{mountpoint="/"} / node_filesystem_size_bytes{mountpoint="/"} < 0.15'
    (found,) = alerting.incoherent(reading(rule("A", expr), mounts=("/", "/data")), TABLE)
    assert found.text == "watches only /, not /data"


@pytest.mark.parametrize(
    ("expr", "unwatched"),
    [
        ("up == 0", []),
        ("0 == up", []),
        ("up < 1", []),
        ("up != 1", []),
        ("1 - up > 0", []),
        ('up{job=~"api|node"} == 0', []),
        ('up{env="production"} == 0', []),
        ("sum by (job) (up) == 0", []),
        ("sum without (instance) (up) == 0", []),
        ("count by (job) (up == 0) > 0", []),
        ("avg by (job) (up) < 0.5", []),
        ("avg_over_time(up[5m]) < 0.8", []),
        ("min(up) == 0", []),
        ("up == 0 and on (job) x > 1", []),
        ("x > 1 or up == 0", []),
        ('absent(up{job="api"} == 1) or absent(up{job="node"} == 1)', []),
        ('up{job="api"} == 0', ["node"]),
        ('up{job!="node"} == 0', ["node"]),
        ('absent(x{job="api"})', ["node"]),
        ("absent(x)", ["api", "node"]),
        ('absent(up{job="api"})', ["api", "node"]),
        ('up{job="only-this"} == 0', ["api", "node"]),
        ('up{instance="api:1"} == 0', ["api", "node"]),
        ("up > 5", ["api", "node"]),
        ("up == 1", ["api", "node"]),
        ("up >= 0", ["api", "node"]),
        ("up == bool 0", ["api", "node"]),
        ("sum(up) == 0", ["api", "node"]),
        ("count by (job) (up == 1) < 3", ["api", "node"]),
        ("x > 1", ["api", "node"]),
        ("vector(1)", ["api", "node"]),
        ('x{job="up"} > 1', ["api", "node"]),
    ],
)
def test_of_every_job_somebody_watches_for_silence(expr: str, unwatched: list[str]) -> None:
    assert alerting.unwatched(reading(rule("A", expr))) == unwatched


def test_of_several_rules_each_may_watch_a_job() -> None:
    rules = (rule("A", 'up{job="api"} == 0'), rule("B", 'sum(up{job=~"no.*"}) == 0'))
    assert alerting.unwatched(reading(*rules)) == []
    assert alerting.unwatched(reading(jobs=("api",))) == ["api"]
