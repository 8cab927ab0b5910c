"""What rules compare, and of which Prometheus has nothing: asked for in few queries, each failure passed over."""

import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from checks.engine.probes.prometheus.rule_series import TOGETHER
from checks.engine.readings.prometheus_rules import PrometheusRules
from tests.monitoring.asked import Answer, Server, kept_of

_PART = re.compile(r'label_replace\((.*?), "figure", "(\w+)", "", ""\)')


def empty_of(server: Server, *exprs: str, there: Callable[[str], bool], fails: str = "-") -> tuple[str, ...]:
    """Return what of some rules is empty at a server that has what is `there`, and refuses queries of `fails`."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    rules = [
        {
            "name": f"R{number}",
            "query": expr,
            "duration": 0,
            "labels": {},
            "alerts": [],
            "health": "ok",
            "lastEvaluation": stamp,
            "evaluationTime": 0.001,
        }
        for number, expr in enumerate(exprs)
    ]

    def answer(path: str) -> Answer:
        asked = parse_qs(urlsplit(path).query).get("query", [""])[0]
        if fails in asked:
            return 422, b"many-to-many matching not allowed"
        found = [{"metric": {"figure": name}, "value": [0, "1"]} for expr, name in _PART.findall(asked) if there(expr)]
        data: dict[str, Any] = {
            "startTime": stamp,
            "groups": [{"name": "g", "interval": 15, "rules": rules}],
            "result": [] if "by (mountpoint)" in asked else found,
        }
        return 200, json.dumps({"status": "success", "data": data}).encode()

    server.answer = answer
    found = kept_of(server, "prometheus", "prometheus_rules").outcomes["prometheus_rules"]
    assert isinstance(found, PrometheusRules), found
    return found.empty


def test_what_was_not_there_in_ten_minutes_is_empty(server: Server) -> None:
    exprs = ("a / b > 1", "c / d > 1", "x offset 60d > 1", "x > 1", "count(x == 0) > 1", "absent(x) == 1", "time() > 1")
    # of c / d there was something a moment ago
    found = empty_of(server, *exprs, there=lambda e: "offset" not in e and (" / " not in e or "c / d)[10m:1m]" in e))
    assert found == ("a / b", "x offset 60d")


@pytest.mark.parametrize("number", [1, 2 * TOGETHER])
def test_a_query_that_fails_is_no_empty_one_and_hides_none(server: Server, number: int) -> None:
    exprs = (*(f"x{n} / y > 1" for n in range(number)), "bad / y > 1", "a / b > 1")
    assert empty_of(server, *exprs, there=lambda e: "a / b" not in e, fails="count(bad / y)") == ("a / b",)
