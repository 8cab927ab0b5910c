"""Runs made for the tests of the reports: an ordinary one, a large one, a hostile one."""

import dataclasses
import math

from checks.engine.model import Bound, Limits, Measure, Result, Run, State, Waiver
from checks.engine.report.findings import overall
from checks.engine.report.past import Forecast, Past

NOW = 1_795_834_800.25  # 2026-11-28 03:00 UTC
HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> javascript:alert(3) \u202egnp.exe "
    "\x00\x1b[31m\x1b]0;x\x07 ]]> &amp; {braces} %s \ud800 \ufffe \r\n next line"
)


def result(check: str, target: str, state: State, message: str = "", **fields: object) -> Result:
    """Return a result with believable fields where none are given."""
    given: dict[str, object] = {
        "title": "The subject is as it should be.",
        "service": check.split("-", maxsplit=1)[0],
        "chapter": "health",
        "guide": ("health.database",),
        "profiles": ("smoke", "nightly"),
        "seconds": 0.0125,
        "file": "checks/health/test_made.py",
        "line": 12,
        "nodeid": f"checks/health/test_made.py::test_{check.replace('-', '_')}[{target}]",
    }
    return Result(
        id=check,
        target=target,
        state=state,
        message=message or f"{target}: as it should be",
        **{**given, **fields},  # type: ignore[arg-type]
    )


def run(*results: Result, **fields: object) -> Run:
    """Return a finished run of `results`, with its verdict."""
    given: dict[str, object] = {
        "environment": "production",
        "production": True,
        "profile": "nightly",
        "run_id": "k3v9q2",
        "started": NOW,
        "finished": NOW + 1.9,
        "verdict": overall(results),
        "complete": True,
        "suite_version": "0.1.0",
    }
    return Run(results=tuple(results), **{**given, **fields})  # type: ignore[arg-type]


def ordinary() -> Run:
    """Return a run with one result of every kind, a root cause among them."""
    memory = Limits("%", above=Bound(80, 90))
    return run(
        result(
            "postgresql-connection",
            "primary",
            State.CRITICAL,
            "postgresql primary: the connection was refused",
            action="Start PostgreSQL on the primary and look at its log for the reason of the stop.",
            evidence=("refused 3 times in 2 s", "the replica answers"),
        ),
        *(
            result(
                f"postgresql-{name}",
                "primary",
                State.UNKNOWN,
                "postgresql primary: could not be read",
                blocked_by="postgresql-connection@primary",
            )
            for name in ("accepts-writes", "privileges", "connections-used")
        ),
        result(
            "capacity-redis-memory",
            "cache",
            State.WARNING,
            "redis cache: memory 83.4 % of 4.0 GiB, warning above 80 %",
            action="Add memory, or find what grows.",
            chapter="capacity",
            service="redis",
            guide=("capacity.redis-memory",),
            measure=Measure(83.4, "%", "INFO memory", NOW + 0.2),
            limits=memory,
            evidence=("maxmemory 4.0 GiB", "fragmentation 1.03"),
        ),
        result(
            "backup-freshness",
            "postgresql",
            State.UNKNOWN,
            "backup postgresql: the variable PENHAS_CHECKS_S3_KEY is not set",
            action="Set PENHAS_CHECKS_S3_KEY and run again.",
            chapter="backup",
        ),
        result("api-health", "api1", State.OK, "api api1: status ok"),
        result(
            "capacity-disk",
            "pgdata",
            State.OK,
            "host pgdata: disk 41 % used",
            chapter="capacity",
            measure=Measure(41, "%", "statvfs", NOW),
            limits=dataclasses.replace(memory, above=Bound(70, 85)),
        ),
        result(
            "postgresql-foreign-keys-unindexed",
            "replica1",
            State.WAIVED,
            "postgresql replica1: 3 foreign keys without an index",
            waiver=Waiver(
                "postgresql-foreign-keys-unindexed",
                "replica1",
                "legacy tables, dropped in the spring",
                "data team",
                NOW + 86400 * 90,
            ),
        ),
        result("capacity-api-response-time", "api1", State.NOT_JUDGED, "too few requests", chapter="capacity"),
        result("prometheus-targets", "prometheus", State.NOT_COVERED, "the environment has no prometheus"),
        not_covered=("prometheus", "elasticsearch"),
    )


def past() -> dict[str, Past]:
    """Return a past for the ordinary run: one finding that is old, one that is new, one that flaps."""
    course = tuple(70 + 0.4 * i + 2 * math.sin(i) for i in range(30))
    return {
        "postgresql-connection@primary": Past(NOW, 1, State.OK, (), 1, 30),
        "capacity-redis-memory@cache": Past(
            NOW - 5 * 86400, 6, State.OK, course, 4, 30, Forecast("90 %", 12.2, 9.6, 17.4)
        ),
        "backup-freshness@postgresql": Past(NOW - 86400, 2, None),
        "api-health@api1": Past(NOW, 1, State.CRITICAL, (), 5, 30),
    }


def large(count: int, state: State | None = None) -> Run:
    """Return a run of `count` results: of `state`, or of a night with one finding in fifteen."""
    results = []
    for i in range(count):
        kind = state or (State.CRITICAL if i % 50 == 0 else State.WARNING if i % 15 == 0 else State.OK)
        results.append(
            result(
                f"capacity-some-subject-{i}",
                f"target{i % 7}",
                kind,
                f"service target{i % 7}: {i % 100} % of 64.0 GiB, critical above 90 %, on the usual mount",
                action="Add storage, or find what grows; the guide says how." if kind is not State.OK else "",
                service=("api", "postgresql", "redis", "s3", "host")[i % 5],
                measure=Measure(i % 100, "%", "statvfs of the mount", NOW),
                limits=Limits("%", above=Bound(80, 90)),
                evidence=tuple(f"a line of evidence, number {n}, with some length to it" for n in range(6)),
            )
        )
    return run(*results)


def hostile() -> Run:
    """Return a run with hostile text in every field that can hold text."""
    text = HOSTILE
    waiver = Waiver(text, text, text, text, NOW + 100)
    bad = [
        Result(
            text + str(n),
            text,
            text,
            text,
            text,
            (text,),
            (text,),
            state,
            text,
            text,
            Measure(text, text, text, NOW),
            Limits(text, Bound(1, 2), Bound(0, -1), text),
            (text, text),
            None,
            text,
            waiver,
            0.1,
            text,
            3,
            text,
        )
        for n, state in enumerate(State)
    ]
    bad.append(dataclasses.replace(bad[0], id="long", message="x" * 1_000_000, state=State.CRITICAL))
    return Run(
        text, True, text, text, NOW, NOW + 1, State.CRITICAL, True, text, tuple(bad), (text,), text, text, text, False
    )
