"""Tests of the run's folder: modes, links, atomic writing, retention, refused runs."""

import os
import stat
from pathlib import Path

import pytest

from checks.engine.model import State
from checks.engine.report import results_json
from checks.engine.report.folder import RunFolder, mark_refused, write_atomic
from tests.report.made import NOW, result, run


def stored(reports: Path, day: int, state: State, profile: str = "nightly") -> RunFolder:
    """Write one run of a day, without moving the links."""
    folder = RunFolder.create(reports, "production", NOW + day * 86400, f"r{day}", profile)
    folder.write("results.json", results_json.dump(run(result("a", "x", state), profile=profile)))
    return folder


def names(reports: Path) -> list[str]:
    return sorted(f.name.rpartition("-")[2] for f in (reports / "production").iterdir() if not f.is_symlink())


def test_a_run_has_a_private_folder_and_two_links(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "reports", "production", NOW, "k3", "smoke")
    assert folder.path == tmp_path / "reports/production/20261128T030000Z-k3"
    for path in (folder.path, folder.home, tmp_path / "reports"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert (folder.home / "latest").resolve() == folder.path
    assert (folder.home / "latest-smoke").resolve() == folder.path
    assert str((folder.home / "latest").readlink()) == folder.path.name


def test_a_run_without_a_profile_has_a_link_too(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "production", NOW, "k3", "")
    assert (folder.home / "latest-all").resolve() == folder.path


def test_a_later_run_moves_the_link_of_its_own_profile_only(tmp_path: Path) -> None:
    smoke, nightly = stored(tmp_path, 0, State.OK, "smoke"), stored(tmp_path, 1, State.OK, "nightly")
    assert (nightly.home / "latest-smoke").resolve() == smoke.path
    assert (nightly.home / "latest").resolve() == nightly.path


def test_reports_are_private_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        folder = RunFolder.create(tmp_path / "r", "production", NOW, "k3", "smoke")
        folder.write("results.json", "{}")
    finally:
        os.umask(old)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder.path / "results.json").stat().st_mode) == 0o600


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_atomic(tmp_path / "a", "old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            write_atomic(tmp_path / "a", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "-x"])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a folder"):
        RunFolder.create(tmp_path, name, NOW, "k3", "smoke")


def test_retention_keeps_the_newest_and_the_last_that_was_not_ok(tmp_path: Path) -> None:
    states = [State.CRITICAL, State.CRITICAL, State.OK, State.OK, State.OK, State.OK]
    last = [stored(tmp_path, day, state) for day, state in enumerate(states)][-1]
    last.retain(2)
    assert names(tmp_path) == ["r1", "r4", "r5"]


def test_retention_leaves_other_profiles_links_and_strange_folders_alone(tmp_path: Path) -> None:
    stored(tmp_path, 0, State.OK, "smoke")
    (tmp_path / "production/notes").mkdir()
    for day in range(1, 4):
        last = stored(tmp_path, day, State.OK)
    last.retain(1)
    assert names(tmp_path) == ["notes", "r0", "r3"]


def test_a_refused_run_marks_latest_unknown(tmp_path: Path) -> None:
    stored(tmp_path, 0, State.OK)
    folder = mark_refused(tmp_path, "production", "nightly", "unknown key postgresl", NOW + 5)
    latest = results_json.load((tmp_path / "production/latest/results.json").read_text())
    assert (tmp_path / "production/latest-nightly").resolve() == folder.path
    assert (latest.verdict, latest.complete) == (State.UNKNOWN, False)
    assert "refused: unknown key postgresl" in latest.results[0].message
    for report in ("junit.xml", "summary.html"):
        assert "unknown key postgresl" in (folder.path / report).read_text()
