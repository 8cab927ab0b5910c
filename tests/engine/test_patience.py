"""Tests of what is read again: noisy readings, and what converges after a deploy."""

import re
import time
from typing import Any

import pytest

from checks.engine.model import ProbeError, Reason
from checks.engine.probes import Context
from checks.engine.readings.api import ApiOwnLatency
from checks.engine.readings.redis import RedisClients, RedisConnection, RedisServer
from tests.engine.inside import Inside
from tests.engine.scripted import Probes, connection

LIMITS = "def test_limit(threshold: Row, judged: Judge) -> None:\n    '''Within limits.'''\n    judged.row(threshold)\n"
API = '[api]\ntargets = [{ name = "api1", url = "http://127.0.0.1:1" }]\nhealth = "/health"\n'
REDIS = '[redis]\ntargets = [{ name = "cache", env = "PENHAS_CHECKS_X" }]\n'
ROW = "capacity-api-response-time-smoke@api1"


@pytest.fixture
def inside(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Inside:
    for module in ("judged", "settle"):
        monkeypatch.setattr(f"checks.engine.plugin.{module}.PAUSE", 0.05)
    return Inside(pytester)


def slow(probes: Probes, *seconds: float | None) -> list[float]:
    """Let the API be so slow at each reading, or not be readable; return when it was read."""
    given, read = list(seconds), list[float]()

    def latency(context: Context) -> None:
        connection(context)
        if "api_own_latency" in context.names:
            value = given.pop(0)
            read.append(time.time())
            if value is None:
                raise ProbeError(Reason.PROTOCOL, "rubbish")
            made = ApiOwnLatency(source="GET /health", sampled_at=time.time(), slowest=value, requests=5)
            context.settle("api_own_latency", made)

    probes.set("api", latency)
    return read


@pytest.mark.parametrize(
    ("seconds", "state", "said"),
    [
        ((0.5,), "OK", "500 ms"),
        ((0.6, 0.1, 0.2), "OK", "200 ms (1 of 3 samples not OK)"),
        ((0.6, 0.1, 0.7), "WARNING", "600 ms, warning above 500 ms (2 of 3 samples not OK)"),
        ((0.6, 0.7), "WARNING", "700 ms, warning above 500 ms (2 of 2 samples not OK)"),
        ((2.0, 3.0), "CRITICAL", "3000 ms, critical above 1000 ms (2 of 2 samples not OK)"),
        ((2.0, 0.6, 0.1), "WARNING", "600 ms, warning above 500 ms (2 of 3 samples not OK)"),
        ((2.0, 0.1, 0.6), "WARNING", "600 ms, warning above 500 ms (2 of 3 samples not OK)"),
        ((2.0, None), "CRITICAL", "2000 ms, critical above 1000 ms"),
        ((None,), "UNKNOWN", "rubbish"),
    ],
)
def test_a_noisy_reading_is_judged_by_the_middle_of_three(
    inside: Inside, probes: Probes, seconds: tuple[float | None, ...], state: str, said: str
) -> None:
    read = slow(probes, *seconds)
    inside.environment(API)
    inside.check(LIMITS, "capacity/test_limits.py")
    ran = inside.inside("-k", "smoke", "-p", "no:html")
    assert ran.states() == {ROW: state}, ran.output
    assert said in ran.messages()[ROW]
    assert len(read) == len(seconds)


COUNTED = """
def test_made_clients(redis_clients, judged: Judge) -> None:
    '''There is room for more clients.'''
    if redis_clients.blocked > 5:
        judged.critical("all of them wait")
    judged(redis_clients.connected, unit="clients", subject="clients", reading=redis_clients, above=(80, 90))

def test_made_clients_and_role(redis_clients, redis_server, judged: Judge) -> None:
    '''There are clients.'''
    judged(redis_clients.connected, unit="clients", subject="clients", reading=redis_clients, above=(80, 90))
"""


def crowded(probes: Probes, *connected: int | None, blocked: int = 0) -> list[float]:
    """Let Redis have so many clients at each reading, or not be readable; return when it was asked for them."""
    given, read = list(connected), list[float]()

    def count(context: Context) -> None:
        connection(context)
        if "redis_server" in context.names:
            settled: dict[str, Any] = {"version": "7", "role": "master", "loading": False, "uptime": 1.0}
            made = RedisServer(**settled, connected_clients=1, ops_per_second=0.0, source="INFO", sampled_at=0.0)
            context.settle("redis_server", made)
        if "redis_clients" in context.names:
            read.append(time.time())
            found = given.pop(0)
            if found is None:
                context.settle("redis_clients", ProbeError(Reason.PROTOCOL, "rubbish"))
                return
            now = time.time()
            clients = RedisClients(connected=found, blocked=blocked, used_ratio=None, source="INFO", sampled_at=now)
            context.settle("redis_clients", clients)

    probes.set("redis", count)
    return read


@pytest.mark.parametrize(
    ("clients", "state", "said"),
    [
        ((80,), "OK", "clients 80 clients"),
        ((81, 10, 20), "OK", "clients 20 clients (1 of 3 samples not OK)"),
        ((81, 10, 82), "WARNING", "clients 81 clients, warning above 80 clients (2 of 3 samples not OK)"),
        ((81, 82), "WARNING", "82 clients, warning above 80 clients (2 of 2 samples not OK)"),
        ((91, 81, 10), "WARNING", "81 clients, warning above 80 clients (2 of 3 samples not OK)"),
        ((91, 99), "CRITICAL", "99 clients, critical above 90 clients (2 of 2 samples not OK)"),
        ((91, None), "CRITICAL", "91 clients, critical above 90 clients"),
        ((None,), "UNKNOWN", "rubbish"),
    ],
)
def test_a_check_of_a_noisy_reading_is_judged_as_a_row_is(
    inside: Inside, probes: Probes, clients: tuple[int | None, ...], state: str, said: str
) -> None:
    read = crowded(probes, *clients)
    inside.environment(REDIS)
    inside.check(COUNTED)
    ran = inside.inside("-k", "clients and not role", "-p", "no:html")
    assert ran.states() == {"made-clients@cache": state}, ran.output
    assert ran.messages()["made-clients@cache"].endswith(said) or state == "UNKNOWN"
    assert said in ran.messages()["made-clients@cache"]
    assert len(read) == len(clients)


def test_a_fact_is_not_read_again_nor_what_is_compared_with_something_else(inside: Inside, probes: Probes) -> None:
    read = crowded(probes, 99, blocked=6)
    inside.environment(REDIS)
    inside.check(COUNTED)
    ran = inside.inside("-p", "no:html")
    assert ran.states() == {"made-clients@cache": "CRITICAL", "made-clients-and-role@cache": "CRITICAL"}, ran.output
    assert ran.messages()["made-clients@cache"] == "redis cache: all of them wait"
    assert ran.messages()["made-clients-and-role@cache"].endswith("critical above 90 clients")
    assert len(read) == 1


COMPARED = """
@pytest.mark.moments
def test_made_agreement(redis_clients, redis_server, judged: Judge) -> None:
    '''The clients are those that the server tells of.'''
    if redis_clients.connected != redis_server.connected_clients:
        judged.warning(f"{redis_clients.connected} clients, it says {redis_server.connected_clients}")
    judged.ok("the same")
"""


@pytest.mark.parametrize(
    ("clients", "state", "said"),
    [
        ((1,), "OK", "the same"),
        ((9, 1, 1), "OK", "the same (1 of 3 samples not OK)"),
        ((9, 8), "WARNING", "8 clients, it says 1 (2 of 2 samples not OK)"),
        ((9, 1, 7), "WARNING", "9 clients, it says 1 (2 of 3 samples not OK)"),
        ((9, None), "WARNING", "9 clients, it says 1"),
    ],
)
def test_what_is_compared_at_two_moments_counts_when_it_is_found_again(
    inside: Inside, probes: Probes, clients: tuple[int | None, ...], state: str, said: str
) -> None:
    read = crowded(probes, *clients)
    inside.environment(REDIS)
    inside.check(COMPARED)
    ran = inside.inside("-p", "no:html")
    assert ran.states() == {"made-agreement@cache": state}, ran.output
    assert ran.messages()["made-agreement@cache"] == f"redis cache: {said}"
    assert len(read) == len(clients)


def test_a_row_that_converges_is_given_time_and_says_how_long_it_took(inside: Inside, probes: Probes) -> None:
    slow(probes, 2.0, 2.0, 2.0, 0.1)
    inside.environment(API)
    inside.check(LIMITS, "capacity/test_limits.py")
    ran = inside.inside("-k", "smoke", "--settle=60", "-p", "no:html")
    assert ran.states() == {ROW: "OK"}, ran.output
    assert re.search(r"100 ms; came good \d+ s after the start$", ran.messages()[ROW])


CONVERGES = """
@pytest.mark.convergent
def test_made_connection(redis_connection, judged: Judge) -> None:
    '''Redis answers.'''
    if not redis_connection.reachable:
        judged.critical(redis_connection.problem)
    judged.ok("answers")

@pytest.mark.convergent
def test_made_server(redis_server, judged: Judge) -> None:
    '''Redis serves.'''
    judged.ok("serves")

def test_made_impatient(redis_connection, judged: Judge) -> None:
    '''Redis answered at once.'''
    assert redis_connection.reachable, "did not answer at once"
"""


def starting(probes: Probes, refusals: int, reason: Reason = Reason.CONNECTION) -> list[float]:
    """Let Redis refuse so many times before it answers; return when it was asked."""
    asked: list[float] = []

    def read(context: Context) -> None:
        asked.append(time.time())
        up = len(asked) > refusals
        problem = "" if up else "connection refused"
        made = RedisConnection(source="PING", sampled_at=time.time(), reachable=up, problem=problem)
        context.settle("redis_connection", made)
        if "redis_server" in context.names:
            context.settle("redis_server", ProbeError(reason, problem or "no INFO"))

    probes.set("redis", read)
    return asked


def test_what_converges_comes_good_within_the_window_and_says_how_long_it_took(inside: Inside, probes: Probes) -> None:
    starting(probes, 3)
    inside.environment(REDIS)
    inside.check(CONVERGES)
    ran = inside.inside("-k", "connection or impatient", "--settle=60", "-p", "no:html")
    assert ran.states() == {"made-connection@cache": "OK", "made-impatient@cache": "OK"}
    said = ran.messages()["made-connection@cache"]
    assert re.fullmatch(r"redis cache: answers; came good \d+ s after the start", said)


def test_what_does_not_converge_is_what_it_was_when_the_window_ends(inside: Inside, probes: Probes) -> None:
    asked = starting(probes, 10**6)
    inside.environment(REDIS)
    inside.check(CONVERGES)
    ran = inside.inside("--settle=1", "-p", "no:html")
    assert ran.states() == {
        "made-connection@cache": "CRITICAL",
        "made-server@cache": "UNKNOWN",
        "made-impatient@cache": "CRITICAL",
    }
    assert ran.messages()["made-connection@cache"] == "redis cache: connection refused"
    assert len(asked) > 1
    asked.clear()
    inside.inside("-p", "no:html")
    assert len(asked) == 1


def test_our_own_fault_is_not_waited_for(inside: Inside, probes: Probes) -> None:
    asked = starting(probes, 0, Reason.OURS)
    inside.environment(REDIS)
    inside.check(CONVERGES)
    ran = inside.inside("--settle=60", "-p", "no:html")
    assert ran.states()["made-server@cache"] == "UNKNOWN"
    assert len(asked) == 1


SERVES = """
def test_made_server(redis_server, judged: Judge) -> None:
    '''Redis serves.'''
    judged.ok("serves")
"""


@pytest.mark.parametrize(("reason", "state"), [(Reason.CONNECTION, "OK"), (Reason.PROTOCOL, "UNKNOWN")])
def test_who_lets_nobody_in_yet_is_waited_for_by_what_does_not_converge_too(
    inside: Inside, probes: Probes, reason: Reason, state: str
) -> None:
    asked: list[float] = []

    def read(context: Context) -> None:
        connection(context)
        asked.append(time.time())
        settled: dict[str, Any] = {"version": "7", "role": "master", "loading": False, "uptime": 1.0}
        made = RedisServer(**settled, connected_clients=1, ops_per_second=0.0, source="INFO", sampled_at=0.0)
        context.settle("redis_server", ProbeError(reason, "not now") if len(asked) <= 3 else made)

    probes.set("redis", read)
    inside.environment(REDIS)
    inside.check(SERVES)
    assert inside.inside("--settle=60", "-p", "no:html").states() == {"made-server@cache": state}
    assert len(asked) == (4 if state == "OK" else 1)
