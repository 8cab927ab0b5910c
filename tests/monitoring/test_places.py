"""Where an alert or a target is: a label may hold a URL, and a URL a password or a secret."""

import json

import pytest

from checks.engine.probes.folding import place
from tests.monitoring.asked import Answer, Server, kept_of

SECRET = "SEGREDO-8841"
URL = f"https://ops:{SECRET}@api.example:3000/maintenance/x?secret={SECRET}#{SECRET}"


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("10.0.0.1:9100", "10.0.0.1:9100"),
        ("[::1]:9100", "[::1]:9100"),
        ("db1", "db1"),
        ("node 1 (rack b)", "node 1 (rack b)"),
        ("", ""),
        ("redis://cache:6379", "redis://cache:6379"),
        ("https://api.example/health", "https://api.example/health"),
        ("https://api.example/me/123/x", "https://api.example/me/:id/x"),
        (URL, "https://api.example:3000/maintenance/x"),
        (f"ops:{SECRET}@db1:5432", "db1:5432"),
        (f"ops:{SECRET}/more@db1:5432", ":other"),
        (f"db1?password={SECRET}", "db1"),
        (f"host=db1 password={SECRET}", ":other"),
        ("x" * 500, "x" * 120),
    ],
)
def test_a_place_is_shown_without_what_opens_it(label: str, shown: str) -> None:
    assert place(label) == shown


def test_no_label_brings_a_secret_into_a_reading(server: Server) -> None:
    stamp = "2026-11-01T10:00:00Z"
    labels = {"alertname": "A", "severity": "critical", "instance": URL, "job": "j", "file": "/x/y.prom"}
    alert: dict[str, object] = {"labels": labels, "state": "firing", "status": {"state": "active", "silencedBy": []}}
    alert |= dict.fromkeys(("activeAt", "startsAt", "updatedAt"), stamp)
    target = {"labels": labels, "scrapeUrl": URL, "health": "down", "lastScrape": stamp, "lastError": URL}
    vector = [{"metric": {**labels, "__name__": "pg_up"}, "value": [0, "1"]}]
    groups = [{"rules": [{"duration": 0, "alerts": [alert]}]}]
    data = {"groups": groups, "activeTargets": [target], "result": vector, "startTime": stamp}

    def answer(path: str) -> Answer:
        table: object = {"status": "success", "data": data}
        if path.startswith("/api/v2/alerts"):
            table = [alert]
        if path.startswith("/api/v2/status"):
            table = {"uptime": stamp}
        return 200, json.dumps(table).encode()

    server.answer = answer
    names = ("prometheus_firing", "prometheus_targets", "prometheus_exporters")
    kept = kept_of(server, "prometheus", *names)
    said = [kept.outcomes[name] for name in names]
    said.append(kept_of(server, "alertmanager", "alertmanager_alerts").outcomes["alertmanager_alerts"])
    assert [SECRET in repr(one) for one in said] == [False] * 4
    assert ["api.example:3000" in repr(one) for one in said] == [True] * 4
