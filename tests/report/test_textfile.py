"""Tests of the Prometheus textfile: its labels, its modes, and the last success that outlives a failing run."""

import dataclasses
import re
import shutil
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest
import requests

from checks.engine.model import Measure, State
from checks.engine.report import textfile
from tests.report.made import NOW, hostile, ordinary, result, run

_LINE = re.compile(r'[a-z_]+\{[a-z]+="([^"\\\n]|\\.)*"(,[a-z]+="([^"\\\n]|\\.)*")*\} -?[0-9][0-9.e+-]*')


def test_every_metric_with_its_labels() -> None:
    text = textfile.render(ordinary())
    labels = 'environment="production",profile="nightly"'
    check = f'{labels},check="capacity-redis-memory",service="redis",target="cache"'
    assert f"penhas_check_state{{{check}}} 1\n" in text
    assert f'penhas_check_reading{{{check},unit="%"}} 83.4\n' in text
    assert f"penhas_checks_last_run_timestamp_seconds{{{labels}}} {NOW + 1.9}\n" in text
    assert f"penhas_checks_duration_seconds{{{labels}}} 1.9" in text
    assert text.count("penhas_check_state{") == 8  # not judged, not covered and waived have no state to alert on


def test_hostile_labels_stay_labels() -> None:
    for line in textfile.render(hostile()).splitlines():
        assert line.startswith("# ") or _LINE.fullmatch(line), line


def test_a_number_that_is_none_is_no_reading() -> None:
    for value in (None, "text", float("nan"), float("inf")):
        made = run(result("a", "x", State.OK, measure=Measure(value, "%", "s", NOW)))
        assert "penhas_check_reading" not in textfile.render(made)


def test_the_last_success_survives_a_failing_run(tmp_path: Path) -> None:
    good = run(result("a", "x", State.WARNING))
    bad = dataclasses.replace(run(result("a", "x", State.CRITICAL)), finished=NOW + 500)
    for made in (good, bad, bad):
        textfile.write(made, tmp_path / "penhas.prom")
    text = (tmp_path / "penhas-nightly.prom").read_text()
    assert f'last_success_timestamp_seconds{{environment="production",profile="nightly"}} {NOW + 1.9}\n' in text
    assert f'last_run_timestamp_seconds{{environment="production",profile="nightly"}} {NOW + 500}\n' in text


def test_an_incomplete_run_is_no_success() -> None:
    made = dataclasses.replace(run(result("a", "x", State.OK)), complete=False, verdict=State.UNKNOWN)
    assert "last_success" not in textfile.render(made)


def test_a_smoke_run_leaves_the_nightly_file_alone(tmp_path: Path) -> None:
    textfile.write(ordinary(), tmp_path / "penhas.prom")
    textfile.write(dataclasses.replace(ordinary(), profile="smoke"), tmp_path / "penhas.prom")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["penhas-nightly.prom", "penhas-smoke.prom"]


def test_the_collector_may_read_it_and_nobody_else_may_write(tmp_path: Path) -> None:
    textfile.write(ordinary(), tmp_path / "penhas.prom")
    assert stat.S_IMODE((tmp_path / "penhas-nightly.prom").stat().st_mode) == 0o644


def test_a_broken_old_file_costs_the_last_success_only(tmp_path: Path) -> None:
    (tmp_path / "penhas-nightly.prom").write_bytes(b"\xff\xfe")
    textfile.write(ordinary(), tmp_path / "penhas.prom")
    assert "last_success" not in (tmp_path / "penhas-nightly.prom").read_text()


def test_promtool_finds_nothing_to_say() -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed")
    checked = subprocess.run(
        [tool, "check", "metrics"],
        check=False,
        input=textfile.render(ordinary()),
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_the_real_node_exporter_exports_it(tmp_path: Path) -> None:
    exporter = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
    if exporter is None:
        pytest.skip("the node exporter is not installed")
    for made in (ordinary(), dataclasses.replace(ordinary(), profile="smoke")):
        textfile.write(made, tmp_path / "penhas.prom")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--collector.disable-defaults", "--collector.textfile", f"--collector.textfile.directory={tmp_path}"]
    process = subprocess.Popen(
        [exporter, f"--web.listen-address=127.0.0.1:{port}", *options], stderr=subprocess.DEVNULL
    )
    try:
        text = scrape(f"http://127.0.0.1:{port}/metrics")
    finally:
        process.terminate()
        process.wait(10)
    assert "node_textfile_scrape_error 0" in text
    found = [line for line in text.splitlines() if line.startswith("penhas_check_state{")]
    assert len(found) == 16
    assert any('check="capacity-redis-memory"' in line and line.endswith(" 1") for line in found)


def scrape(url: str) -> str:
    """Return what the exporter answers, once it does."""
    until = time.monotonic() + 10
    while True:
        try:
            return requests.get(url, timeout=2).text
        except requests.ConnectionError:
            assert time.monotonic() < until, "the node exporter did not start"
            time.sleep(0.05)


def test_emergency_mode_is_told_where_it_was_read() -> None:
    name = 'penhas_checks_emergency_mode{environment="production",profile="nightly"}'
    on = dataclasses.replace(run(result("emergency-mode", "cache", State.WAIVED)), emergency="redis cache: is on")

    assert f"{name} 1\n" in textfile.render(on)
    assert f"{name} 0\n" in textfile.render(run(result("emergency-mode", "cache", State.OK)))
    assert name not in textfile.render(run(result("emergency-mode", "cache", State.UNKNOWN)))
    assert name not in textfile.render(run(result("a", "x", State.OK)))
