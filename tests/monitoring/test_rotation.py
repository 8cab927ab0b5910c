"""Logrotate's configuration, and who writes to which file."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from checks.engine.environment.monitoring import Rotation
from checks.engine.model import ProbeError, State
from checks.engine.probes.logs.rotation import rotation, stanzas
from checks.engine.readings.logs import Writer
from checks.logs import test_log_rotation as of_rotation
from tests.monitoring.test_log_tail import log
from tests.services.saying import says

UTC = ZoneInfo("UTC")
GUIDE = """\
# a comment
compress
/var/log/penhas/*.log {
    daily
    rotate 30
    delaycompress
    missingok
    create 0644 penhas penhas
    sharedscripts
    postrotate
        kill -USR1 $(cat /var/run/penhas.pid) 2>/dev/null || true
    endscript
}

"/var/log/nginx/penhas-access.log" /var/log/nginx/other.log
{
    weekly
    size=10M
}
"""


def test_a_configuration_is_read_as_logrotate_reads_it() -> None:
    first, second = stanzas(GUIDE)
    assert first.patterns == ("/var/log/penhas/*.log",)
    assert first.value("rotate") == "30"
    assert first.value("create") == "0644 penhas penhas"
    assert "compress" in first.directives
    assert "-USR1" in first.script
    assert second.patterns == ("/var/log/nginx/penhas-access.log", "/var/log/nginx/other.log")
    assert "weekly" in second.directives


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a log that was rotated, and its configuration."""
    path = tmp_path / "app.log"
    path.write_text(time.strftime("%Y-%m-%d %H:%M:%S,000 [INFO] Penhas - x\n", time.gmtime(time.time() - 100)))
    for number, days in ((1, 0.2), (2, 1.2), (3, 2.2), (40, 40)):
        old = tmp_path / f"app.log.{number}{'.gz' if number != 2 else ''}"
        old.write_bytes(b"x")
        os.utime(old, (time.time() - days * 86400,) * 2)
    (tmp_path / "logrotate").write_text(GUIDE.replace("/var/log/penhas", str(tmp_path)))
    return path


def test_configuration_and_effect(file: Path) -> None:
    rule = Rotation(config=str(file.parent / "logrotate"), keep_days=30)
    found = rotation(log(file), rule, UTC, time.time())
    assert found.covered
    assert (found.every, found.rotate, found.signal) == ("daily", 30, "USR1")
    assert found.rotated == 4
    assert found.beyond == 1
    assert found.uncompressed == 1
    assert found.newest_rotated_age == pytest.approx(0.2 * 86400, abs=60)
    assert found.current_age == pytest.approx(100, abs=5)


@pytest.mark.parametrize(("text", "state"), [("", State.OK), ("x\n", State.CRITICAL)], ids=["empty", "written"])
def test_a_log_in_which_nothing_is_need_not_be_rotated(file: Path, text: str, state: State) -> None:
    for old in file.parent.glob("app.log.*"):
        os.utime(old, (time.time() - 3 * 86400,) * 2)
    file.write_text(text and time.strftime("%Y-%m-%d %H:%M:%S,000 [INFO] Penhas - x\n", time.gmtime(time.time() - 2e5)))
    found = rotation(log(file), Rotation(), UTC, time.time())
    told = says(of_rotation.test_logs_rotation_done, replace(found, uncompressed=0))
    assert told[0] is state
    assert state is not State.OK or told[1] == "4 rotated files, the newest of 72 h ago"


def test_a_log_that_no_stanza_covers(file: Path) -> None:
    (file.parent / "logrotate").write_text(GUIDE)
    rule = Rotation(config=str(file.parent / "logrotate"))
    assert rotation(log(file), rule, UTC, time.time()).covered is False
    assert rotation(log(file), Rotation(), UTC, time.time()).covered is None


def test_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(ProbeError):
        rotation(log(tmp_path / "no.log"), Rotation(), UTC, time.time())


@pytest.fixture
def writer(file: Path) -> Iterator[Path]:
    """Give the log while this process has it open for writing."""
    with file.open("a"):
        yield file


def test_who_writes_to_the_current_file(writer: Path) -> None:
    assert [w.holds for w in _writers(writer)] == ["current"]


def test_who_writes_to_a_renamed_file(writer: Path) -> None:
    writer.rename(writer.with_name("app.log.5"))
    writer.write_text("")
    assert [w.holds for w in _writers(writer)] == ["rotated"]


def test_who_writes_to_a_deleted_file(writer: Path) -> None:
    writer.unlink()
    writer.write_text("")
    assert [w.holds for w in _writers(writer)] == ["deleted"]


@pytest.mark.parametrize("other", ["app.logger", "app.log.json", "app.log-audit"])
def test_who_writes_to_another_log_whose_name_begins_alike(file: Path, other: str) -> None:
    with file.with_name(other).open("a"):
        assert _writers(file) == []


def test_who_writes_to_a_log_in_a_folder_below(file: Path) -> None:
    below = file.parent / "below" / "app.log"
    below.parent.mkdir()
    with below.open("a"):
        assert _writers(file.parent / "*.log") == []


def test_a_reader_is_no_writer(file: Path) -> None:
    with file.open():
        assert _writers(file) == []


def _writers(path: Path) -> list[Writer]:
    found = rotation(log(path), Rotation(), UTC, time.time()).writers
    return [writer for writer in found if writer.pid == os.getpid()]


@pytest.mark.parametrize(
    ("last_write", "started", "restarted"),
    [(1.0, 0.5, True), (36000.0, 36002.0, False), (1.0, 36000.0, False)],
    ids=["at-rotation", "before-a-quiet-day", "long-ago"],
)
def test_a_start_counts_that_is_of_the_time_of_the_rotation_itself(
    writer: Path, monkeypatch: pytest.MonkeyPatch, last_write: float, started: float, restarted: bool
) -> None:
    monkeypatch.setattr("checks.engine.probes.logs.rotation._process_age", lambda _: started)
    newest = writer.with_name("app.log.1.gz")  # renamed, and so changed, a moment ago: that is when it was rotated
    os.utime(newest, (time.time() - last_write,) * 2)
    assert rotation(log(writer), Rotation(), UTC, time.time()).restarted is restarted
