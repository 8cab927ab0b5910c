"""Tests of writing every report on its own, and of the placeholders."""

import os
import stat
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from checks.engine.model import State
from checks.engine.report import results_json
from checks.engine.report.folder import RunFolder
from checks.engine.report.write import ReportError, WriteOptions, write_all, write_placeholders
from tests.report.made import NOW, hostile, ordinary, run

REPORTS = ["junit.xml", "results.json", "summary.html"]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "production", NOW, "k3", "nightly")


def test_every_report_is_written_and_private(folder: RunFolder) -> None:
    assert write_all(ordinary(), folder) == []
    assert sorted(path.name for path in folder.path.iterdir()) == REPORTS
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.path.iterdir()} == {0o600}


def test_junit_goes_where_it_was_asked_for_too(folder: RunFolder, tmp_path: Path) -> None:
    assert write_all(ordinary(), folder, WriteOptions(junit=tmp_path / "new/x.xml")) == []
    assert (tmp_path / "new/x.xml").read_bytes() == (folder.path / "junit.xml").read_bytes()


def test_hostile_text_breaks_no_writer(folder: RunFolder) -> None:
    assert write_all(hostile(), folder) == []


@pytest.mark.parametrize("report", REPORTS)
def test_a_writer_that_fails_costs_its_own_file_only(folder: RunFolder, report: str) -> None:
    write_placeholders(ordinary(), folder)
    (folder.path / report).unlink()
    (folder.path / report).mkdir()
    assert [error.report for error in write_all(ordinary(), folder)] == [report]
    for other in REPORTS:
        if other != report:
            assert "83.4" in (folder.path / other).read_text()


def test_a_full_disk_is_reported_in_our_words(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    errors = write_all(ordinary(), folder)
    assert errors[0] == ReportError("results.json", "No space left on device")
    assert len(errors) == len(REPORTS)
    assert list(folder.path.iterdir()) == []


def test_placeholders_say_unknown_in_every_format(folder: RunFolder) -> None:
    assert write_placeholders(ordinary(), folder) == []
    stored = results_json.load((folder.path / "results.json").read_text())
    assert (stored.verdict, stored.complete) == (State.UNKNOWN, False)
    assert {result.state for result in stored.results} == {State.UNKNOWN}
    root = ET.parse(folder.path / "junit.xml").getroot()  # noqa: S314
    assert root.get("errors") == root.get("tests") == "11"
    assert "run in progress" in (folder.path / "summary.html").read_text()


def test_placeholders_of_a_run_without_checks_are_not_empty(folder: RunFolder) -> None:
    assert write_placeholders(run(), folder) == []
    assert ET.parse(folder.path / "junit.xml").getroot().get("errors") == "1"  # noqa: S314
