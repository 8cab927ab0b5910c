"""Tests of junit.xml with real consumers: junitparser, and three from npm (`npm ci` in tests/report/consumers)."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from checks.engine.model import Run, State
from checks.engine.report.junit import render
from tests.report.made import hostile, large, ordinary, run

CONSUMERS = Path(__file__).parent / "consumers"
READ_AS = {
    State.OK: {"passed", "pass"},
    State.CRITICAL: {"failed", "fail"},
    State.UNKNOWN: {"error", "failed", "fail"},
    State.WARNING: {"skipped", "skip"},
    State.WAIVED: {"skipped", "skip"},
    State.NOT_JUDGED: {"skipped", "skip"},
    State.NOT_COVERED: {"skipped", "skip"},
}


@pytest.mark.parametrize(
    "made", [ordinary(), large(150), hostile(), run()], ids=["ordinary", "large", "hostile", "empty"]
)
def test_junitparser_reads_every_count(tmp_path: Path, made: Run) -> None:
    junitparser = pytest.importorskip("junitparser", reason="junitparser is not installed")
    (tmp_path / "junit.xml").write_bytes(render(made))
    xml = junitparser.JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    states = [result.state for result in made.results] or [State.UNKNOWN]  # where nothing was judged, an error says so
    assert xml.tests == len(states)
    assert xml.failures == states.count(State.CRITICAL)
    assert xml.errors == states.count(State.UNKNOWN)
    assert xml.skipped == len(states) - xml.failures - xml.errors - states.count(State.OK)
    assert all(case.name and case.classname for suite in xml for case in suite)


def test_junitparser_shows_the_text_of_a_warning(tmp_path: Path) -> None:
    junitparser = pytest.importorskip("junitparser", reason="junitparser is not installed")
    (tmp_path / "junit.xml").write_bytes(render(ordinary()))
    cases = {case.name: case for suite in junitparser.JUnitXml.fromfile(str(tmp_path / "junit.xml")) for case in suite}
    (found,) = cases["capacity-redis-memory@cache"].result
    assert (found.type, found.message) == (
        "warning",
        "WARNING: redis cache: memory 83.4 % of 4.0 GiB, warning above 80 %",
    )


def read_by_npm(file: Path) -> dict[str, dict[str, list[str]]]:
    """Return what the npm consumers make of a file, or skip where they are not installed."""
    node = shutil.which("node")
    if node is None or not (CONSUMERS / "node_modules").is_dir():
        pytest.skip("node, or `npm ci` in tests/report/consumers, is missing")
    done = subprocess.run(
        [node, "read.mjs", str(file)], cwd=CONSUMERS, check=True, capture_output=True, text=True, timeout=60
    )
    found: dict[str, dict[str, list[str]]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("made", [ordinary(), large(150)], ids=["ordinary", "large"])
def test_the_npm_consumers_read_every_state(tmp_path: Path, made: Run) -> None:
    (tmp_path / "junit.xml").write_bytes(render(made))
    read = read_by_npm(tmp_path / "junit.xml")
    assert set(read) == {"junit2json", "junit-to-ctrf", "test-results-parser"}
    for consumer, cases in read.items():
        assert set(cases) == {result.key for result in made.results}, consumer
        for result in made.results:
            status, text = cases[result.key]
            assert status in READ_AS[result.state], (consumer, result.key)
            if result.state in {State.CRITICAL, State.UNKNOWN}:
                assert text.startswith(f"{result.state.value}: {result.message}"[:80]), consumer
    assert read["junit2json"][next(r.key for r in made.results if r.state is State.WARNING)][1].startswith("WARNING: ")


def test_hostile_text_stops_no_npm_consumer(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_bytes(render(hostile()))
    for consumer, cases in read_by_npm(tmp_path / "junit.xml").items():
        assert len(cases) == len(hostile().results), consumer
        assert "" not in cases
