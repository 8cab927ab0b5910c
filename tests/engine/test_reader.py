"""Tests of the reader: once each, all targets at the same time, and never a wait past a deadline."""

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from checks.engine import environment
from checks.engine.model import Failure, NotJudged, ProbeError, Reading, Reason, Target
from checks.engine.probes import Context
from checks.engine.reader import Reader
from checks.engine.readings import READINGS
from checks.engine.readings.api import ApiConnection, ApiHistogram, ApiOwnLatency
from checks.engine.readings.host import HostCpu, HostCpuTimes
from checks.engine.readings.redis import RedisServer
from checks.engine.samples import Samples, from_json, to_json
from tests.engine.scripted import Probes, connection

FILE = """
name = "here"
[api]
targets = [{ name = "api1", url = "http://127.0.0.1:1" }, { name = "api2", url = "http://127.0.0.1:2" }]
health = "/health"
[redis]
targets = [{ name = "cache", env = "PENHAS_CHECKS_X" }]
[postgresql]
primary = { name = "primary", env = "PENHAS_CHECKS_X" }
[minion]
[host]
name = "db1"
"""
CACHE = Target("redis", "cache")
HOST = Target("host", "db1", "host")
API1, API2 = Target("api", "api1"), Target("api", "api2")


@pytest.fixture
def reader(tmp_path: Path, probes: Probes) -> Callable[..., Reader]:  # noqa: ARG001 (they must be there first)
    (tmp_path / "here.toml").write_text(FILE)
    loaded = environment.load(tmp_path / "here.toml")

    def made(seconds: float = 30, patience: float = 0) -> Reader:
        return Reader(loaded, Samples(tmp_path / "samples.sqlite"), "run", time.monotonic() + seconds, patience)

    return made


def server(role: str = "master") -> RedisServer:
    return RedisServer(
        source="INFO", sampled_at=time.time(), version="7", role=role, loading=False, uptime=1.0,
        connected_clients=1, ops_per_second=0.0,
    )  # fmt: skip


def times(busy: float, total: float, at: float = 0.0) -> HostCpuTimes:
    return HostCpuTimes(source="stat", sampled_at=at or time.time(), busy=busy, total=total, boot=1.0)


def test_each_reading_is_asked_for_once_with_its_connection(reader: Callable[..., Reader], probes: Probes) -> None:
    made = reader()
    needs = [("redis_server", CACHE), ("redis_memory", CACHE), ("minion_queue", Target("minion", "queue"))]
    made.start(needs)
    made.start(needs)
    made.ready(needs, 5)
    primary = Target("postgresql", "primary", "primary")
    assert sorted(probes.asked) == [
        (primary, ("postgresql_connection", "minion_queue")),
        (CACHE, ("redis_connection", "redis_server", "redis_memory")),
    ]


def test_what_a_probe_leaves_open_or_breaks_on_is_a_failure_without_its_text(
    reader: Callable[..., Reader], probes: Probes
) -> None:
    def breaks(context: Context) -> None:
        connection(context)
        raise KeyError("maria@example.org")

    def refuses(_context: Context) -> None:
        raise ProbeError(Reason.DENIED, "the ACL forbids INFO", "Allow it.")

    for read, reason, why in (
        (connection, Reason.PROTOCOL, "the probe gave no answer"),
        (breaks, Reason.OURS, "the probe is broken (KeyError at breaks:"),
        (refuses, Reason.DENIED, "the ACL forbids INFO"),
    ):
        probes.set("redis", read)
        made = reader()
        made.start([("redis_server", CACHE)])
        found = made.outcome("redis_server", CACHE)
        assert isinstance(found, Failure)
        assert found.reason is reason
        assert found.why.startswith(why)
        assert "maria" not in found.message


def test_many_checks_on_a_target_that_hangs_cost_its_deadline_once(
    reader: Callable[..., Reader], probes: Probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checks.engine.lines.DEADLINE", 1)
    probes.set("redis", probes.hang)
    before = threading.active_count()
    made = reader()
    needs = [(name, CACHE) for name, spec in READINGS.items() if spec.service == "redis" and spec.deadline is None]
    made.start([*needs, ("api_connection", API1)])
    began = time.monotonic()
    assert isinstance(made.outcome("api_connection", API1), ApiConnection)
    assert time.monotonic() - began < 1
    found = [made.outcome(*needs[number % len(needs)]) for number in range(150)]
    assert 0.9 < time.monotonic() - began < 2
    assert {outcome.why for outcome in found if isinstance(outcome, Failure)} == {"no answer in time"}
    assert len([outcome for outcome in found if isinstance(outcome, Failure)]) == 150
    assert threading.active_count() <= before + 2


def test_a_late_answer_changes_nothing_that_was_said(
    reader: Callable[..., Reader], probes: Probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checks.engine.lines.DEADLINE", 0.1)
    arrived = threading.Event()

    def late(context: Context) -> None:
        probes.hangs.wait(60)
        context.settle("redis_server", server())
        arrived.set()

    probes.set("redis", late)
    made = reader()
    made.start([("redis_server", CACHE)])
    first = made.outcome("redis_server", CACHE)
    probes.hangs.set()
    assert arrived.wait(5)
    assert isinstance(first, Failure)
    assert made.outcome("redis_server", CACHE) is first


def test_what_is_queued_behind_a_thread_that_hangs_waits_no_longer_than_it(
    reader: Callable[..., Reader], probes: Probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checks.engine.lines.DEADLINE", 0.1)
    monkeypatch.setattr("checks.engine.lines.STUCK", 0.1)
    probes.set("redis", probes.hang)
    made = reader()
    made.start([("redis_server", CACHE)])
    made.outcome("redis_server", CACHE)
    made.start([("redis_memory", CACHE)])
    began = time.monotonic()
    found = made.outcome("redis_memory", CACHE)
    assert isinstance(found, Failure)
    assert time.monotonic() - began < 2


def test_the_deadline_of_the_run_ends_every_wait(reader: Callable[..., Reader], probes: Probes) -> None:
    probes.set("redis", probes.hang)
    made = reader(seconds=0.2)
    made.start([("redis_server", CACHE)])
    found = made.outcome("redis_server", CACHE)
    assert isinstance(found, Failure)
    assert (found.reason, found.why) == (Reason.TIMEOUT, "the deadline of the run was reached")


def test_ready_says_what_is_there_and_waits_for_the_rest_only_so_long(
    reader: Callable[..., Reader], probes: Probes
) -> None:
    probes.set("redis", probes.hang)
    made = reader()
    needs = [("redis_connection", CACHE), ("api_connection", API1)]
    made.start(needs)
    assert made.ready(needs, 0.5) == {("api_connection", API1)}
    assert made.ready([("api_connection", API1)], 60) == {("api_connection", API1)}


def test_a_derived_reading_rests_on_a_stored_sample(
    reader: Callable[..., Reader], probes: Probes, tmp_path: Path
) -> None:
    now = time.time()
    probes.set("host", lambda context: context.settle("host_cpu_times", times(50, 200, now)))
    store = Samples(tmp_path / "samples.sqlite")
    earlier = [times(10, 100, now - age) for age in (3, 100, 1000)]
    store.add(("host_cpu_times", str(HOST), one.sampled_at, to_json(one)) for one in earlier)
    made = reader()
    made.start([("host_cpu", HOST)])
    found = made.outcome("host_cpu", HOST)
    assert isinstance(found, HostCpu)
    assert found.busy_ratio == 0.4
    assert store.problem == ""


def test_a_derived_reading_takes_two_samples_in_one_run_where_there_is_patience(
    reader: Callable[..., Reader], probes: Probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from checks.engine.readings import DERIVED, Derived  # noqa: PLC0415 (used here only)

    monkeypatch.setitem(DERIVED, "host_cpu", Derived("host_cpu_times", (0.1, 900), DERIVED["host_cpu"].compute))
    samples = iter([times(0, 100), times(90, 200)])
    probes.set("host", lambda context: context.settle("host_cpu_times", next(samples)))
    made = reader(patience=1)
    made.start([("host_cpu", HOST)])
    found = made.outcome("host_cpu", HOST)
    assert isinstance(found, HostCpu)
    assert found.busy_ratio == 0.9
    probes.set("host", lambda context: context.settle("host_cpu_times", times(0, 100)))
    impatient = reader(patience=0)
    impatient.start([("host_cpu", HOST)])
    found = impatient.outcome("host_cpu", HOST)
    assert isinstance(found, NotJudged)
    assert "two are needed, 0.1 s apart" in found.why


def test_a_computation_that_breaks_is_a_failure(
    reader: Callable[..., Reader], probes: Probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from checks.engine.readings import DERIVED, Derived  # noqa: PLC0415 (used here only)

    def breaks(_earlier: HostCpuTimes, _later: HostCpuTimes) -> Reading | NotJudged:
        raise ZeroDivisionError("maria")

    monkeypatch.setitem(DERIVED, "host_cpu", Derived("host_cpu_times", (0.0, 900), breaks))
    probes.set("host", lambda context: context.settle("host_cpu_times", times(0, 100)))
    made = reader(patience=1)
    made.start([("host_cpu", HOST)])
    found = made.outcome("host_cpu", HOST)
    assert isinstance(found, Failure)
    assert found.why.startswith("the computation is broken (ZeroDivisionError at breaks:")


def test_extra_samples_are_shared_and_share_one_budget(
    reader: Callable[..., Reader], probes: Probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checks.engine.reader.SAMPLING", 0.25)
    counts = {API1: 0, API2: 0}

    def latency(context: Context) -> None:
        connection(context)
        if "api_own_latency" in context.names:
            counts[context.target] += 1
            slowest = float(counts[context.target])
            context.settle(
                "api_own_latency", ApiOwnLatency(source="GET", sampled_at=time.time(), slowest=slowest, requests=5)
            )

    probes.set("api", latency)
    made = reader()
    made.start([("api_own_latency", API1), ("api_own_latency", API2)])
    first = made.outcome("api_own_latency", API1)
    values = [made.sample(number, "api_own_latency", API1, 0.1) for number in (1, 2, 1)]
    assert [value.slowest for value in values if isinstance(value, ApiOwnLatency)] == [2, 3, 2]
    assert made.outcome("api_own_latency", API1) is first
    assert isinstance(made.sample(1, "api_own_latency", API2, 0.1), ApiOwnLatency)  # read long ago: it waits no more
    assert made.sample(2, "api_own_latency", API2, 0.1) is None  # the budget is spent
    assert counts == {API1: 3, API2: 2}


def test_again_reads_anew_in_place_of_what_was_read(reader: Callable[..., Reader], probes: Probes) -> None:
    roles = iter(["slave", "master"])

    def read(context: Context) -> None:
        connection(context)
        context.settle("redis_server", server(next(roles)))

    probes.set("redis", read)
    made = reader()
    made.start([("redis_server", CACHE)])
    made.outcome("redis_server", CACHE)
    found = made.again("redis_server", CACHE, 0)
    assert isinstance(found, RedisServer)
    assert found.role == "master"
    assert made.outcome("redis_server", CACHE) is found
    assert found in [reading for _, _, reading in made.readings()]


def test_a_stored_reading_comes_back_as_it_was_infinity_included(tmp_path: Path) -> None:
    histogram = ApiHistogram(
        source="GET /metrics", sampled_at=1.5, buckets=((0.1, 3.0), (float("inf"), 5.0)), requests=5.0, errors=0.0,
        started=None,
    )  # fmt: skip
    assert from_json("api_histogram", to_json(histogram)) == histogram
    store = Samples(tmp_path / "new" / "samples.sqlite")
    assert store.previous("api_histogram", API1, 0, 9) is None
    store.add([("api_histogram", str(API1), at, to_json(histogram)) for at in range(60)])
    assert store.previous("api_histogram", API1, 0, 9) is None  # the newest fifty are kept
    assert store.previous("api_histogram", API1, 0, 99) == histogram
    assert (tmp_path / "new" / "samples.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_run_by_the_clock_compares_with_its_own_last_run(tmp_path: Path) -> None:
    path = tmp_path / "samples.sqlite"

    def at(moment: float) -> list[tuple[str, str, float, str]]:
        return [("host_cpu_times", str(HOST), moment, to_json(times(1, 2, moment)))]

    def before(own: str, earliest: float = 0) -> float | None:
        found = Samples(path, own).previous("host_cpu_times", HOST, earliest, 1000)
        return None if found is None else found.sampled_at

    with closing(sqlite3.connect(path)) as old, old:  # as it was made before it knew profiles
        old.execute(
            "create table sample (reading text not null, target text not null, sampled_at real not null,"
            " value text not null, primary key (reading, target, sampled_at)) without rowid"
        )
        old.executemany("insert into sample values (?, ?, ?, ?)", at(1.0))
    assert (before("nightly"), before("")) == (1.0, 1.0)
    Samples(path, "nightly").add(at(10.0), "nightly")
    for moment in range(100, 160):
        Samples(path, "smoke").add(at(moment), "smoke")
    assert (before("nightly"), before("smoke"), before("")) == (10.0, 159.0, 159.0)
    assert before("nightly", earliest=50) == 159.0  # its own is too old to compare with
    assert before("", earliest=-1) == 159.0


def test_samples_of_a_clock_that_was_ahead_make_room(tmp_path: Path) -> None:
    store, now = Samples(tmp_path / "samples.sqlite"), time.time()
    for ahead in (*(10800.0 + number for number in range(50)), -5.0, 0.0):
        store.add([("host_cpu_times", str(HOST), now + ahead, to_json(times(1, 2, now + ahead)))])
    found = store.previous("host_cpu_times", HOST, now - 10, now - 1)
    assert found is not None
    assert found.sampled_at == now - 5
    assert store.previous("host_cpu_times", HOST, now + 1, now + 9e9) is None


def test_a_broken_store_changes_no_verdict(tmp_path: Path) -> None:
    path = tmp_path / "samples.sqlite"
    path.write_text("no database")
    store = Samples(path)
    assert store.previous("host_cpu_times", HOST, 0, 9e9) is None
    assert store.problem == "the sample store could not be read (DatabaseError)"
    store.add([("host_cpu_times", str(HOST), 1.0, "{}")])
    aside = tmp_path / "samples.broken"
    assert store.problem.startswith("the sample store is broken (DatabaseError); it begins anew with the next run")
    assert store.problem.endswith(f"lies at {aside}")
    assert aside.read_text() == "no database"
    again = Samples(path)
    again.add([("host_cpu_times", str(HOST), 1.0, to_json(times(1, 2, 1.0)))])
    assert again.previous("host_cpu_times", HOST, 0, 9e9) is not None
    assert again.problem == ""
    with pytest.raises(ValueError, match="does not have the shape of today"):
        from_json("host_cpu_times", '{"busy": "x"}')
