"""Tests of the reference API on real servers: what it answers when all is well, when it is told to lie, to whom."""

import os
import re
import signal
import socket
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lab.client import Lab

from .conftest import SECRET, TOKEN, VERSION, Instance, instance_on

BEARER = f"Bearer {TOKEN}"
FIGURES = {
    "database": {"connections", "slow_queries", "replication_lag"},
    "redis": {"memory_used", "connected_clients", "ops_per_sec"},
    "minion": {"active_workers", "job_queue_size", "failed_jobs"},
    "api": {"requests_per_minute", "average_response_time", "error_rate"},
}


def test_health_is_what_the_guide_says(instance: Instance) -> None:
    answer = instance.get("/health")
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    assert answer.json["version"] == VERSION
    assert abs(answer.json["timestamp"] - time.time()) < 3
    assert answer.json["checks"] == {"database": "ok", "redis": "ok", "s3": "ok"}


@pytest.mark.parametrize(
    ("component", "changed"),
    [
        ("database", {"database": "postgresql://penhas:MARCADA-senha@127.0.0.1:1/penhas"}),
        ("redis", {"redis": "redis://:MARCADA-senha@127.0.0.1:1/0"}),
        ("s3", {"s3_endpoint": "http://127.0.0.1:1"}),
        ("s3", {"s3_secret_key": "MARCADA-wrong"}),
        ("s3", {"s3_bucket": "absent"}),
    ],
)
def test_health_names_the_component_that_is_down(
    lab: Lab, tmp_path: Path, component: str, changed: dict[str, str]
) -> None:
    with instance_on(lab, tmp_path, **changed) as broken:
        answer = broken.get("/health")
    assert (answer.status, answer.json["status"]) == (503, "degraded")
    checks = answer.json["checks"]
    assert checks.pop(component).startswith("error: ")
    assert list(checks.values()) == ["ok", "ok"]


def test_a_silent_database_costs_health_two_seconds_and_the_other_paths_no_threads(lab: Lab, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        dsn = f"postgresql://penhas@127.0.0.1:{silent.getsockname()[1]}/penhas"
        with instance_on(lab, tmp_path, database=dsn) as hanging, ThreadPoolExecutor(20) as visitors:
            busy = [visitors.submit(hanging.get, "/noticias") for _ in range(20)]
            time.sleep(0.2)
            began = time.monotonic()
            answer = hanging.get("/health")
            assert (answer.status, answer.json["checks"]["redis"]) == (503, "ok")
            assert time.monotonic() - began < 5
            assert {visit.result().status for visit in busy} == {500}


def test_health_quotes_what_drivers_quote(lab: Lab, tmp_path: Path) -> None:
    with instance_on(lab, tmp_path, database="postgresql://penhas:MARCADA-senha@127.0.0.1:1/penhas") as broken:
        assert "MARCADA-senha" in broken.get("/health").json["checks"]["database"]


def test_a_session_that_was_ended_is_opened_again_unseen(instance: Instance, database: psycopg.Connection[Any]) -> None:
    assert instance.get("/health").status == 200
    assert instance.get("/noticias").status == 200
    database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'penhas-api'")
    assert instance.get("/health").status == 200
    assert instance.get("/noticias").status == 200


def test_detailed_is_refused_without_the_token(instance: Instance) -> None:
    assert instance.get("/health/detailed").status == 401
    assert instance.get("/health/detailed", authorization="Bearer another").status == 401
    with instance.misbehaving(open_detailed=True):
        assert instance.get("/health/detailed").status == 200


def test_detailed_has_every_figure_as_a_number(instance: Instance, database: psycopg.Connection[Any]) -> None:
    document = instance.get("/health/detailed", authorization=BEARER).json
    assert {group: set(figures) for group, figures in document.items()} == FIGURES
    assert all(type(figure) in {int, float} for figures in document.values() for figure in figures.values())
    row = database.execute("SELECT count(*) FROM minion_jobs WHERE state = 'failed'").fetchone()
    assert row is not None
    assert document["minion"]["failed_jobs"] == row[0]
    assert document["minion"]["job_queue_size"] == 6


def test_figures_go_missing_or_wrong_on_demand(instance: Instance) -> None:
    with instance.misbehaving(drop_figures=["api.error_rate"], wrong_figures={"database.connections": 999}):
        document = instance.get("/health/detailed", authorization=BEARER).json
    assert "error_rate" not in document["api"]
    assert document["database"]["connections"] == 999


def test_health_lies_on_demand(instance: Instance) -> None:
    with instance.misbehaving(health_claims={"redis": "error: down"}, version="1.0.0", clock_offset=-600):
        answer = instance.get("/health")
    assert (answer.status, answer.json["checks"]["redis"], answer.json["version"]) == (503, "error: down", "1.0.0")
    assert answer.json["timestamp"] < time.time() - 590


def test_maintenance_is_guarded(instance: Instance) -> None:
    for path in ("/maintenance/minion-stats", "/maintenance/housekeeping", "/maintenance/tick-notifications"):
        assert instance.get(path).status == 403
        assert instance.get(f"{path}?secret=wrong").status == 403
        assert instance.get(f"{path}?secret={SECRET}").status == 200
    with instance.misbehaving(open_maintenance=True):
        assert instance.get("/maintenance/minion-stats").status == 200


def test_minion_stats_are_minions(instance: Instance, database: psycopg.Connection[Any]) -> None:
    stats = instance.get(f"/maintenance/minion-stats?secret={SECRET}").json
    row = database.execute("SELECT count(*) FROM minion_jobs WHERE state = 'inactive'").fetchone()
    assert row is not None
    assert stats["inactive"] == stats["inactive_jobs"] == row[0]
    assert stats["delayed_jobs"] == row[0]
    assert float(stats["uptime"]) > 0


@pytest.mark.parametrize(
    "path",
    ["/", "/pontos-de-apoio?latitude=-23.5&longitude=-46.6", "/pontos-de-apoio/3",
     "/pontos-de-apoio-dados-auxiliares", "/anonymous-questionnaires", "/noticias"],
)  # fmt: skip
def test_public_paths(instance: Instance, path: str) -> None:
    answer = instance.get(path)
    assert answer.status == 200
    assert all(value for key, value in answer.json.items() if key != "has_more")


def test_a_search_is_logged_as_the_application_logs_it(instance: Instance, database: psycopg.Connection[Any]) -> None:
    assert instance.get("/pontos-de-apoio?keywords=MARCADA-xyz").json == {"rows": [], "has_more": 0}
    row = database.execute("SELECT keywords FROM ponto_apoio_keywords_log ORDER BY id DESC LIMIT 1").fetchone()
    assert row == ("MARCADA-xyz",)


def test_what_is_not_there_or_not_understood(instance: Instance) -> None:
    assert instance.get("/nothing").status == 404
    assert instance.get("/pontos-de-apoio/999999").status == 404
    assert instance.get("/noticias", method="DELETE").status == 405
    assert instance.get("/pontos-de-apoio?latitude=here").status == 500


def test_errors_and_latency_touch_the_public_paths_only(instance: Instance) -> None:
    with instance.misbehaving(errors=0.5, latency=0.3):
        began = time.monotonic()
        assert sorted(instance.get("/noticias").status for _ in range(4)) == [200, 200, 500, 500]
        assert time.monotonic() - began >= 1.2
        began = time.monotonic()
        assert instance.get("/health").status == 200
        assert time.monotonic() - began < 0.3


def series(text: str) -> dict[str, float]:
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_metrics_have_what_the_guide_lists(instance: Instance) -> None:
    before = series(instance.get("/metrics").text)
    instance.get("/pontos-de-apoio/7")
    after = series(instance.get("/metrics").text)
    label = 'http_requests_total{method="GET",endpoint="/pontos-de-apoio/:id",status="200"}'
    assert after[label] == before.get(label, 0) + 1
    for name in (
        "http_connections_active", "http_request_queue_depth", "minion_jobs_inactive", "process_start_time_seconds",
        "penhas_active_users", "penhas_audio_uploads_total", "penhas_support_center_searches_total",
        "penhas_guardian_alerts_total",
    ):  # fmt: skip
        assert name in after
    assert after["minion_jobs_inactive"] == 6
    assert after["penhas_active_users"] > 0
    endpoints = {name.split('endpoint="')[1].split('"')[0] for name in after if "endpoint=" in name}
    assert [endpoint for endpoint in endpoints if re.search(r"[0-9?=]", endpoint)] == []


def test_metrics_live_without_the_database_and_drop_series_on_demand(lab: Lab, tmp_path: Path) -> None:
    with instance_on(lab, tmp_path, database="postgresql://penhas@127.0.0.1:1/penhas") as broken:
        names = series(broken.get("/metrics").text)
        assert "minion_jobs_inactive" not in names
        assert "process_start_time_seconds" in names
        with broken.misbehaving(drop_metrics=["http_requests_total"]):
            assert not [n for n in series(broken.get("/metrics").text) if n.startswith("http_requests_total")]


def test_the_log_has_the_guides_layout_and_what_real_logs_hold(instance: Instance) -> None:
    instance.get(f"/maintenance/tick-notifications?secret={SECRET}")
    lines = instance.log("api1.app.log").splitlines()
    layout = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[(DEBUG|INFO|WARN|ERROR)\] Penhas(\.\w+)? - .+")
    assert [line for line in lines if not layout.fullmatch(line)] == []
    assert "marcada." in "\n".join(lines)
    assert '"endpoint": "/maintenance/tick-notifications"' in lines[-1]
    assert f"?secret={SECRET} HTTP/1.1" in instance.log("api1.access.log")


def test_logs_are_opened_anew_on_sigusr1(instance: Instance) -> None:
    instance.get("/")
    log = instance.folder / "api1.app.log"
    old = log.rename(instance.folder / "api1.app.log.1")
    instance.get("/")
    assert not log.exists()
    os.kill(instance.pid, signal.SIGUSR1)
    instance.get("/")
    assert len(log.read_text().splitlines()) == 1
    old.unlink()


def test_the_public_flavour_has_no_health_and_guards_minion(public_instance: Instance) -> None:
    for path in ("/health", "/health/detailed", "/metrics", f"/maintenance/minion-stats?secret={SECRET}"):
        assert public_instance.get(path).status == 404
    assert public_instance.get("/").json["api"] == "PenhaS"
    assert public_instance.get("/noticias").status == 200
    assert public_instance.get("/minion/stats").status == 401
    credentials = b64encode(f"admin:{TOKEN}".encode()).decode()
    assert public_instance.get("/minion/stats", authorization=f"Basic {credentials}").json["inactive_jobs"] == 6
    assert public_instance.get(f"/maintenance/housekeeping?secret={SECRET}").json == {"is_ok": "OK", "errors": []}
    assert public_instance.get("/maintenance/housekeeping").status == 403
    assert [p.name for p in public_instance.folder.glob("api1.20*.log")] != []
