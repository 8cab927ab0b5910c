"""Logrotate's configuration, and who writes to which file."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from checks.engine.environment.monitoring import Rotation
from checks.engine.model import ProbeError, State
from checks.engine.probes.logs.files import mode
from checks.engine.probes.logs.logrotate import stanzas
from checks.engine.probes.logs.rotation import rotation
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
    (one,) = found.logs
    assert (one.name, one.uncompressed) == ("app.log", 1)
    assert one.rotated == pytest.approx(0.2 * 86400, abs=60)
    assert one.begun == pytest.approx(100, abs=5)


@pytest.mark.parametrize(("text", "state"), [("", State.OK), ("x\n", State.CRITICAL)], ids=["empty", "written"])
def test_a_log_in_which_nothing_is_need_not_be_rotated(file: Path, text: str, state: State) -> None:
    for old in file.parent.glob("app.log.*"):
        os.utime(old, (time.time() - 3 * 86400,) * 2)
    file.write_text(text and time.strftime("%Y-%m-%d %H:%M:%S,000 [INFO] Penhas - x\n", time.gmtime(time.time() - 2e5)))
    found = rotation(log(file), Rotation(), UTC, time.time())
    logs = tuple(replace(one, uncompressed=0) for one in found.logs)
    told = says(of_rotation.test_logs_rotation_done, replace(found, logs=logs, beyond=0))
    assert told[0] is state
    assert state is not State.OK or told[1] == "4 rotated files, the newest of 72 h ago"


OF_THE_GUIDE = """\
# /etc/logrotate.d/penhas

/var/log/penhas/*.log {
    daily
    rotate 30
    compress
    delaycompress
    missingok
    notifempty
    create 0644 penhas penhas
    sharedscripts
    postrotate
        # Sinalizar app para reabrir arquivos de log
        kill -USR1 $(cat /var/run/penhas.pid) 2>/dev/null || true
    endscript
}

# Nginx logs
/var/log/nginx/penhas-*.log {
    daily
    rotate 90
    compress
    delaycompress
    missingok
    notifempty
    create 0644 www-data adm
    sharedscripts
    postrotate
        nginx -s reload
    endscript
}
"""


def _told(folder: Path, config: str, pattern: Path, days: int) -> tuple[State, str]:
    """Return what the check says of a log that was made for it and one configuration."""
    (folder / "logrotate").write_text(config)
    pattern.write_text("")
    rule = Rotation(config=str(folder / "logrotate"), keep_days=days)
    return says(of_rotation.test_logs_rotation_configured, rotation(log(pattern), rule, UTC, time.time()))


@pytest.mark.parametrize(("name", "days"), [("penhas/app.log", 30), ("nginx/penhas-access.log", 90)])
def test_the_guides_own_stanzas_are_as_they_must_be(tmp_path: Path, name: str, days: int) -> None:
    (tmp_path / name).parent.mkdir()
    text = OF_THE_GUIDE.replace("/var/log", str(tmp_path))
    assert _told(tmp_path, text, tmp_path / name, days) == (State.OK, f"daily, {days} files")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("kill -USR1 $(cat /run/x.pid) 2>/dev/null || true", True),
        ("test ! -f /run/x.pid || kill -s USR1 `cat /run/x.pid`", True),
        ("pkill --signal=HUP penhas", True),
        ("nginx -s reload", True),
        ("/usr/sbin/nginx -c /etc/nginx/nginx.conf -s reopen", True),
        ("invoke-rc.d nginx rotate >/dev/null 2>&1", True),
        ("service penhas reload", True),
        ("/etc/init.d/penhas reload", True),
        ("systemctl reload penhas.service", True),
        ("systemctl kill penhas.service --signal=USR1", True),
        ("/usr/bin/systemctl --quiet restart penhas", True),
        ("/usr/lib/rsyslog/rsyslog-rotate", True),
        ("# kill -USR1 $(cat /run/x.pid)", False),
        ("kill -0 $(cat /run/x.pid)", False),
        ("systemctl status nginx", False),
        ("nginx -t", False),
        ("echo rotated", False),
        ("", False),
    ],
)
def test_who_is_told_to_reopen_the_file(tmp_path: Path, script: str, *, told: bool) -> None:
    text = GUIDE.replace("/var/log/penhas", str(tmp_path)).replace(
        "kill -USR1 $(cat /var/run/penhas.pid) 2>/dev/null || true", script
    )
    state, _ = _told(tmp_path, text, tmp_path / "a.log", 30)
    assert state is (State.OK if told else State.WARNING)


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("maxage 30", State.OK),
        ("maxage 29", State.WARNING),
        ("size 5G", State.WARNING),
        ("size=5G", State.WARNING),
        ("size 5G\n    daily", State.OK),
        ("weekly 1", State.WARNING),
        ("minsize 1M", State.WARNING),
        ("maxsize 1G", State.OK),
        ("nocompress", State.WARNING),
        ("nocompress\n    compress", State.OK),
        ("nodelaycompress", State.WARNING),
        ("nocreate", State.WARNING),
        ("copytruncate", State.WARNING),
        ("copytruncate\n    nocopytruncate", State.OK),
    ],
)
def test_what_takes_back_what_a_stanza_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, state: State
) -> None:
    monkeypatch.setattr("checks.engine.probes.logs.rotation.PROC", tmp_path)  # who writes it does not matter
    text = GUIDE.replace("/var/log/penhas", str(tmp_path)).replace("sharedscripts", f"sharedscripts\n    {words}")
    assert _told(tmp_path, text, tmp_path / "a.log", 30)[0] is state


@pytest.mark.parametrize("olddir", ["old", "../old/er", "/"])
def test_rotated_files_are_looked_for_where_they_are_put(tmp_path: Path, olddir: str) -> None:
    log_folder = tmp_path / "penhas"
    log_folder.mkdir()
    where = str(tmp_path / "away") if olddir == "/" else olddir
    old = Path(os.path.normpath(log_folder / where))
    old.mkdir(parents=True)
    file = log_folder / "app.log"
    file.write_text(time.strftime("%Y-%m-%d %H:%M:%S,000 [INFO] Penhas - x\n", time.gmtime(time.time() - 100)))
    config = tmp_path / "logrotate"
    config.write_text(GUIDE.replace("/var/log/penhas", str(log_folder)).replace("missingok", f"olddir {where}"))
    rule = Rotation(config=str(config))
    for name, days in (("app.log.1", 0.2), ("app.log.2.gz", 1.2), ("app.log.45.gz", 45)):
        (old / name).write_text("x")
        os.utime(old / name, (time.time() - days * 86400,) * 2)
    with (old / "app.log.1").open("a"):
        found = rotation(log(file), rule, UTC, time.time())
    assert [w.holds for w in found.writers if w.pid == os.getpid()] == ["rotated"]
    assert says(of_rotation.test_logs_rotation_done, found) == (State.WARNING, "1 files are older than 30 d")
    (old / "app.log.45.gz").unlink()
    told = says(of_rotation.test_logs_rotation_done, rotation(log(file), rule, UTC, time.time()))
    assert told == (State.OK, "2 rotated files, the newest of 5 h ago")


def _of_each(folder: Path, **days: tuple[float, float, tuple[float, ...]]) -> tuple[State, str]:
    """Return what is said of `*.log`: of each file how long ago it was begun, last written and rotated, in days."""
    for name, (begun, written, rotated) in days.items():
        file = folder / f"{name}.log"
        moments = [(file, written), *((folder / f"{name}.log.{n + 1}", age) for n, age in enumerate(rotated))]
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() - begun * 86400))
        for path, age in moments:
            path.write_text(f"{stamp},000 [INFO] Penhas - x\n")
            os.utime(path, (time.time() - age * 86400,) * 2)
    return says(of_rotation.test_logs_rotation_done, rotation(log(folder / "*.log"), Rotation(), UTC, time.time()))


def test_each_file_of_a_pattern_is_rotated_by_itself(tmp_path: Path) -> None:
    told = _of_each(tmp_path, a=(0.04, 0.0, (0.04,)), b=(20.0, 0.001, ()))
    assert told == (State.CRITICAL, "was not rotated for 480 h")


def test_the_newest_old_file_of_each_may_be_uncompressed(tmp_path: Path) -> None:
    assert _of_each(tmp_path, a=(0.1, 0.0, (0.1,)), b=(0.1, 0.0, (0.1,)))[0] is State.OK
    told = _of_each(tmp_path, a=(0.1, 0.0, (0.1, 1.1)), b=(0.1, 0.0, (0.1,)))
    assert told == (State.WARNING, "1 rotated files are not compressed")


def test_a_file_of_a_day_that_is_over_is_whole(tmp_path: Path) -> None:
    assert _of_each(tmp_path, a=(0.1, 0.0, (0.1,)), b=(3.0, 2.0, ()))[0] is State.OK
    told = _of_each(tmp_path, a=(0.1, 0.0, (0.1,)), b=(34.0, 33.0, ()))
    assert told == (State.WARNING, "1 files are older than 30 d")


def test_of_a_log_that_is_gone_nothing_is_overdue(tmp_path: Path) -> None:
    (tmp_path / "gone.log.1").write_text("x")
    os.utime(tmp_path / "gone.log.1", (time.time() - 9 * 86400,) * 2)
    assert _of_each(tmp_path, a=(0.1, 0.0, (0.1,)))[0] is State.OK


@pytest.mark.parametrize(
    ("create", "state"),
    [
        ("", State.OK),
        ("0640", State.OK),
        ("0640 penhas", State.OK),
        ("0640 penhas adm", State.OK),
        ("penhas adm", State.OK),
        ("0600 penhas adm", State.WARNING),
        ("0640 pen", State.WARNING),
        ("0640 root adm", State.WARNING),
        ("0640 penhas root", State.WARNING),
        ("root", State.WARNING),
    ],
)
def test_the_file_is_as_logrotate_creates_it(file: Path, create: str, state: State) -> None:
    found = replace(mode(log(file)), mode="0640", owner="penhas adm", create=create)
    assert says(of_rotation.test_logs_mode, found)[0] is state


@pytest.mark.parametrize(("bits", "state"), [(0o640, State.OK), (0o644, State.WARNING), (0o666, State.WARNING)])
def test_who_may_read_a_log_of_which_no_rotation_is_named(file: Path, bits: int, state: State) -> None:
    file.chmod(bits)
    assert says(of_rotation.test_logs_mode, mode(log(file, "public")))[0] is state


def test_a_stanza_says_with_what_a_file_is_created(file: Path) -> None:
    found = mode(log(file, rotation={"config": str(file.parent / "logrotate")}))
    assert (found.create, found.mode) == ("0644 penhas penhas", f"{file.stat().st_mode & 0o777:04o}")
    (file.parent / "logrotate").write_text(
        (file.parent / "logrotate").read_text().replace("shared", "nocreate\nshared")
    )
    assert mode(log(file, rotation={"config": str(file.parent / "logrotate")})).create is None
    file.unlink()
    assert mode(log(file)).mode == "0644"  # it is being rotated


@pytest.mark.parametrize(
    ("text", "signalled"),
    [(str(os.getpid()), True), ("999999999", False), ("", False), ("../", False), (None, False)],
    ids=["ours", "nobodys", "empty", "no-number", "no-file"],
)
def test_whom_a_pid_file_names(file: Path, text: str | None, *, signalled: bool) -> None:
    pidfile = file.with_name("app.pid")
    if text is not None:
        pidfile.write_text(f"{text}\n")
    rule = Rotation(config=str(file.parent / "logrotate"), pidfile=str(pidfile))
    found = replace(rotation(log(file), rule, UTC, time.time()))
    assert found.signalled is signalled
    assert says(of_rotation.test_logs_rotation_configured, found)[0] is (State.OK if signalled else State.WARNING)


@pytest.mark.parametrize(("word", "told"), [("prerotate", False), ("firstaction", False), ("lastaction", True)])
def test_only_what_runs_after_rotating_tells_who_writes(tmp_path: Path, word: str, *, told: bool) -> None:
    text = GUIDE.replace("/var/log/penhas", str(tmp_path))
    state, _ = _told(tmp_path, text.replace("postrotate", word), tmp_path / "a.log", 30)
    assert state is (State.OK if told else State.WARNING)
    beside = text.replace("    postrotate", f"    {word}\n        true\n    endscript\n    postrotate")
    assert _told(tmp_path, beside, tmp_path / "a.log", 30)[0] is State.OK
    beside = text.replace("}\n\n", f"    {word}\n        true\n    endscript\n}}\n\n")
    assert _told(tmp_path, beside, tmp_path / "a.log", 30)[0] is State.OK


def test_a_log_that_no_stanza_covers(file: Path) -> None:
    (file.parent / "logrotate").write_text(GUIDE)
    rule = Rotation(config=str(file.parent / "logrotate"))
    assert rotation(log(file), rule, UTC, time.time()).covered is False
    assert rotation(log(file), Rotation(), UTC, time.time()).covered is None


def test_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(ProbeError):
        rotation(log(tmp_path / "no.log"), Rotation(), UTC, time.time())


@pytest.mark.parametrize("who", ["child", "writer", "parent"])
def test_a_pid_file_may_name_a_stranger(file: Path, who: str) -> None:
    config = str(file.parent / "logrotate")
    with file.open("a"), subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        pid = {"child": child.pid, "writer": os.getpid(), "parent": os.getppid()}[who]
        file.with_name("app.pid").write_text(str(pid))
        rule = Rotation(config=config, pidfile=str(file.with_name("app.pid")))
        found = rotation(log(file), rule, UTC, time.time())
        child.kill()
    if found.blind:
        pytest.skip("who else writes it cannot be seen")
    assert (found.signalled, found.stranger) == (True, who == "child")
    told = says(of_rotation.test_logs_rotation_configured, found)[0]
    assert told is (State.WARNING if who == "child" else State.OK)


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
