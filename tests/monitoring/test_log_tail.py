"""Reading the last minutes of a log, of any size, rotated in between, broken in places."""

import bz2
import gzip
import lzma
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from checks.engine.environment.monitoring import Log
from checks.engine.model import ProbeError, State
from checks.engine.probes.logs.files import listed
from checks.engine.probes.logs.layout import LAYOUTS
from checks.engine.probes.logs.secrets import secrets
from checks.engine.probes.logs.tail import tail
from checks.engine.probes.logs.window import Window
from checks.engine.readings.logs import LogsTail, untold
from checks.logs import test_application_log as of_application
from checks.logs import test_log_secrets as of_secrets
from checks.performance import test_slow_requests as of_slow
from tests.services.saying import says

UTC = ZoneInfo("UTC")
SOON = time.monotonic() + 3600
NOW = 1_790_000_000.0
FORMS = {
    "guide": ("%Y-%m-%d %H:%M:%S", "{stamp},123 [INFO] Penhas.Minion - {text}"),
    "public": ("%d/%m/%Y %H:%M:%S", "[{stamp}.123] [INFO 4711]  {text}"),
    "nginx": ("%d/%b/%Y:%H:%M:%S +0000", '203.0.113.9 - - [{stamp}] "GET /{text} HTTP/1.1" 200 5 "-" "PenhaS/3"'),
}


def line(age: float, text: str = "x", layout: str = "guide") -> str:
    """Return a line of so many seconds ago."""
    form, shape = FORMS[layout]
    return shape.format(stamp=time.strftime(form, time.gmtime(NOW - age)), text=text) + "\n"


def write(path: Path, *lines: str, age: float = 0) -> Path:
    """Write a log that was last written so many seconds ago."""
    data = "".join(lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    os.utime(path, (NOW - age, NOW - age))
    return path


def log(path: Path, layout: str = "guide", **more: object) -> Log:
    """Return the environment's word for a log."""
    return Log.model_validate({"name": "app", "pattern": str(path), "layout": layout, **more})


@pytest.mark.parametrize("layout", ["guide", "public", "nginx"])
def test_only_the_window_is_counted(tmp_path: Path, layout: str) -> None:
    path = write(tmp_path / "a.log", *(line(age, layout=layout) for age in range(2000, -1, -1)))
    found = tail(log(path, layout), UTC, 900, SOON, NOW)
    assert found.entries == found.lines == 901
    assert found.broken == 0
    assert found.newest_age == pytest.approx(0, abs=1)  # a stamp has milliseconds
    assert found.complete


def test_of_a_large_file_only_the_end_is_read(tmp_path: Path) -> None:
    many = [line(100_000 - n / 3, "y" * 100) for n in range(300_000)]
    path = write(tmp_path / "a.log", *many)
    found = tail(log(path), UTC, 900, SOON, NOW)
    assert found.entries == pytest.approx(2700, abs=3)
    assert found.read < path.stat().st_size / 50


def test_the_zone_of_stamps_without_one_is_the_environments(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", line(3 * 3600 + 10))
    with pytest.raises(ProbeError):
        tail(log(path), UTC, 900, SOON, NOW)
    found = tail(log(path), ZoneInfo("America/Sao_Paulo"), 900, SOON, NOW)
    assert found.newest_age == pytest.approx(10, abs=1)


def test_rotated_and_compressed_files_in_between_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", line(100), line(50))
    write(tmp_path / "a.log.1", line(2000), line(300), line(200), age=200)
    write(tmp_path / "a.log.2.gz", line(850), line(400), age=400)
    write(tmp_path / "a.log.3.gz", line(5000), age=5000)
    assert tail(log(path), UTC, 900, SOON, NOW).entries == 6


def test_a_file_a_process_and_day_is_found_by_pattern(tmp_path: Path) -> None:
    write(tmp_path / "api.2026-09-21.11.log", line(100, layout="public"))
    write(tmp_path / "api.2026-09-21.12.log", line(90, layout="public"))
    assert tail(log(tmp_path / "api.*.log", "public"), UTC, 900, SOON, NOW).entries == 2


def test_lines_that_follow_an_entry_belong_to_it_and_others_are_broken(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.log", line(60, "died"), "  at Penhas.pm line 3\n", "\n", line(50), "no layout\n", line(40)
    )
    found = tail(log(path), UTC, 900, SOON, NOW)
    assert (found.entries, found.lines, found.broken) == (3, 6, 1)


def test_a_log_in_another_layout_is_broken_and_not_empty(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", *(line(age, layout="public") for age in range(50)))
    found = tail(log(path), UTC, 900, SOON, NOW)
    assert (found.entries, found.broken) == (0, 50)


def test_a_layout_that_changed_an_hour_after_the_last_good_line_is_seen(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", *(line(5000 - n) for n in range(500)), *("broken\n" for _ in range(100)))
    found = tail(log(path), UTC, 900, SOON, NOW)
    assert (found.entries, found.broken) == (0, 100)


def test_bytes_that_are_no_text_are_not_fatal(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"\x00\xff\xfe" * 5000 + b"\n" + line(10).encode() + b"\xc3\x28\n")
    os.utime(path, (NOW, NOW))
    assert tail(log(path), UTC, 900, SOON, NOW).entries == 1


def test_a_gzip_that_is_cut_is_counted_and_not_fatal(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", line(10))
    cut = write(tmp_path / "a.log.2.gz", line(100), age=100)
    cut.write_bytes(cut.read_bytes()[:-9])
    os.utime(cut, (NOW - 100, NOW - 100))
    found = tail(log(path), UTC, 900, SOON, NOW)
    assert found.entries >= 1
    assert not found.complete
    assert found.unread == 1


def test_a_gzip_that_is_just_being_written_is_not_broken(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", line(10))
    write(tmp_path / "a.log.2", line(2000), age=2000)
    write(tmp_path / "a.log.2.gz", line(2000)).write_bytes(b"\x1f\x8b")
    os.utime(tmp_path / "a.log.2.gz", (NOW, NOW))
    assert tail(log(path), UTC, 900, SOON, NOW).unread == 0


@pytest.mark.parametrize(
    "check",
    [
        of_application.test_logs_layout,
        of_application.test_logs_levels,
        of_application.test_logs_errors,
        of_application.test_logs_structured,
        of_slow.test_slow_requests_logged,
        of_secrets.test_logs_secrets,
    ],
)
def test_nothing_is_well_where_a_file_cannot_be_read(tmp_path: Path, check: Callable[..., None]) -> None:
    path = write(tmp_path / "a.log", line(10, "{}"))
    write(tmp_path / "a.log.7", line(100), age=100).rename(tmp_path / "a.log.7.gz")
    read = secrets if check is of_secrets.test_logs_secrets else tail
    found = read(log(path, structured=True, levels={"root": "INFO"}), UTC, 900, SOON, NOW)
    found = replace(found, without=()) if isinstance(found, LogsTail) else found
    assert says(check, found) == (State.UNKNOWN, untold(1))
    assert says(check, replace(found, unread=0))[0] is State.OK


def test_a_kind_of_error_may_be_in_what_cannot_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", line(600), line(10))
    write(tmp_path / "a.log.7", line(100), age=100).rename(tmp_path / "a.log.7.gz")
    found = replace(tail(log(path), UTC, 900, SOON, NOW), sampled_at=NOW)
    assert says(of_application.test_logs_errors_new, found, NOW - 300) == (State.UNKNOWN, untold(1))


@pytest.mark.parametrize(
    ("age", "state"), [(-3600, State.WARNING), (-70, State.WARNING), (-50, State.OK), (0, State.OK), (99, State.OK)]
)
def test_a_log_of_the_future_is_told(tmp_path: Path, age: float, state: State) -> None:
    path = write(tmp_path / "a.log", line(10), age=NOW - time.time() + age)
    assert says(of_application.test_logs_written, listed(log(path)))[0] is state


def test_what_is_found_is_told_before_what_cannot_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", line(10).replace("INFO", "ERROR"))
    write(tmp_path / "a.log.7", line(100), age=100).rename(tmp_path / "a.log.7.gz")
    assert says(of_application.test_logs_errors, tail(log(path), UTC, 900, SOON, NOW))[0] is State.CRITICAL


def test_what_cannot_be_read_at_all_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.log", line(10))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ProbeError) as error:
        tail(log(path), UTC, 900, SOON, NOW)
    assert "cannot be read" in error.value.why


def test_levels_errors_shapes_and_slow_requests(tmp_path: Path) -> None:
    def entry(level: str, category: str, text: str) -> str:
        return line(10).replace("[INFO] Penhas.Minion - x", f"[{level}] {category} - {text}")

    path = write(
        tmp_path / "a.log",
        *(entry("ERROR", "Penhas.Controller", f"falha ao enviar para Maria{n}") for n in range(4)),
        entry("DEBUG", "Mojolicious.Plugin", "x"),
        entry("DEBUG", "Penhas.Controller.Me", "x"),
        entry("DEBUG", "Outra", "x"),
        entry("WARN", "Penhas.Controller", "Requisição lenta: GET /clientes/42 levou 1.250s"),
        entry("WARN", "Penhas.Controller", "Requisição lenta: GET /clientes/43 levou 2.500s"),
    )
    levels = {"root": "INFO", "Penhas.Controller": "DEBUG", "Mojolicious": "WARN"}
    found = tail(log(path, levels=levels), UTC, 900, SOON, NOW)
    assert dict(found.levels) == {"ERROR": 4, "DEBUG": 3, "WARN": 2}
    assert found.error_ratio == pytest.approx(4 / 9)
    assert [(s.shape, s.count) for s in found.shapes] == [("falha ao enviar para *", 4)]
    assert found.too_low == (("Mojolicious.Plugin", "DEBUG", 1), ("Outra", "DEBUG", 1))
    (slow,) = found.slow
    assert (slow.method, slow.endpoint, slow.count, slow.slowest) == ("GET", "/clientes/:id", 2, 2.5)


@pytest.mark.parametrize(("layout", "written"), [("guide", ("DEBUG", "ERROR")), ("public", ("DEBU", "ERRO"))])
def test_levels_are_compared_as_each_layout_writes_them(tmp_path: Path, layout: str, written: tuple[str, ...]) -> None:
    path = write(tmp_path / "a.log", *(line(9, layout=layout).replace("[INFO", f"[{level}") for level in written))
    found = tail(log(path, layout, levels={"root": "INFO"}), UTC, 900, SOON, NOW)
    assert [level for _, level, _ in found.too_low] == [written[0]]
    assert says(of_application.test_logs_levels, found)[0] is State.WARNING


def test_without_levels_none_is_judged(tmp_path: Path) -> None:
    found = tail(log(write(tmp_path / "a.log", line(9))), UTC, 900, SOON, NOW)
    assert says(of_application.test_logs_levels, found) == (
        State.NOT_JUDGED,
        "the environment file names no levels for it",
    )


@pytest.mark.parametrize("level", ["WARNING", "info", "ERRO", ""])
def test_a_level_that_is_none_is_refused(tmp_path: Path, level: str) -> None:
    with pytest.raises(ValidationError, match="levels"):
        log(tmp_path / "a.log", levels={"Mojolicious": level})


@pytest.mark.parametrize(
    ("pattern", "refused"),
    [
        ("app.log", False),
        ("api.*.log", False),
        ("*.log", False),
        ("api.[0-9]*.log", False),
        ("app.????-??-??", False),
        ("app.log*", True),
        ("app*", True),
        ("app.*", True),
        ("app.log.[0-9]*", True),
        ("app.log[.0-9]*", True),
        ("app.log.*.gz", True),
    ],
)
def test_a_pattern_of_rotated_files_too_is_refused(tmp_path: Path, pattern: str, *, refused: bool) -> None:
    if refused:
        with pytest.raises(ValidationError, match="what rotation makes of it"):
            log(tmp_path / pattern)
    else:
        assert log(tmp_path / pattern).pattern == str(tmp_path / pattern)


def test_the_suites_own_requests_count_nowhere_else(tmp_path: Path) -> None:
    def slow(age: int, agent: str) -> str:
        text = line(age, f"Requisição lenta: GET /clientes/42 levou 1.250s {agent}")
        return text.replace("[INFO]", "[ERROR]")

    theirs, ours = slow(10, "PenhaS/3"), slow(9, "penhas-checks/1 penhas-checks/1")
    path = write(tmp_path / "a.log", ours, "without layout penhas-checks/1\n", theirs, ours, ours)
    found = tail(log(path), UTC, 900, SOON, NOW)
    assert (found.own, found.lines, found.entries, found.errors, found.broken) == (4, 1, 1, 1, 0)
    assert [one.count for one in found.slow] == [1]
    assert [one.count for one in found.shapes] == [1]


def test_a_log_of_nothing_but_the_suites_own_requests_is_not_judged(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", *(line(age, "penhas-checks/1", "nginx") for age in range(9, 0, -1)))
    found = tail(log(path, "nginx"), UTC, 900, SOON, NOW)
    assert (found.own, found.lines) == (9, 0)
    assert says(of_application.test_logs_layout, found)[0] is State.NOT_JUDGED


def test_json_entries_say_what_they_lack(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", line(9, '{"timestamp":1,"level":"info"}'), line(8, "{broken"), line(7))
    found = tail(log(path, structured=True), UTC, 900, SOON, NOW)
    assert found.structured == 2
    lacking = dict(found.without)
    assert lacking["user_id"] == 1
    assert lacking["JSON that can be parsed"] == 1
    assert "level" not in lacking


def test_the_budget_keeps_the_newest(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", *(line(800 - n / 10) for n in range(8000)))
    window = Window(LAYOUTS["guide"], UTC, NOW - 900, 5000, SOON)
    data = b"".join(block.data for block in window.blocks(str(path)))
    assert len(data) <= 5000
    assert data.endswith(line(800 - 7999 / 10).encode())
    assert not window.complete


def test_no_time_left_reads_nothing_and_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", line(10))
    window = Window(LAYOUTS["guide"], UTC, NOW - 900, 5000, time.monotonic() - 1)
    assert list(window.blocks(str(path))) == []
    assert not window.complete


@pytest.mark.parametrize(
    ("ending", "pack", "entries"),
    [("xz", lzma.compress, 2), ("bz2", bz2.compress, 2), ("zst", lambda _: b"\xff\n" * 9, 1)],
)
def test_what_is_packed_another_way_is_no_broken_line(
    tmp_path: Path, ending: str, pack: Callable[[bytes], bytes], entries: int
) -> None:
    path = write(tmp_path / "a.log", line(10))
    packed = tmp_path / f"a.log.1.{ending}"
    packed.write_bytes(pack(line(100).encode()))
    os.utime(packed, (NOW - 100, NOW - 100))
    found = tail(log(path), UTC, 900, SOON, NOW)
    assert (found.entries, found.broken, found.complete) == (entries, 0, entries == 2)


@pytest.mark.parametrize("hours", [-3, 3])
@pytest.mark.parametrize("read", [tail, secrets], ids=["tail", "secrets"])
def test_stamps_of_another_zone_are_told(tmp_path: Path, hours: int, read: Callable[..., object]) -> None:
    path = write(tmp_path / "a.log", *(line(age - hours * 3600) for age in range(2000, -1, -1)))
    with pytest.raises(ProbeError) as error:
        read(log(path), UTC, 900, SOON, NOW)
    assert "timezone" in error.value.mend


@pytest.mark.parametrize("lines", [(line(800), line(1000)), (line(1000),), (line(9000), "a line without a stamp\n")])
def test_what_is_only_silent_is_of_its_zone(tmp_path: Path, lines: tuple[str, ...]) -> None:
    path = write(tmp_path / "a.log", *lines, age=890)
    assert tail(log(path), UTC, 900, SOON, NOW).complete


@pytest.mark.parametrize("rest", ["  at Penhas.pm line 3\n", "\tat Penhas.pm line 3\n\n" * 40, "\n"])
def test_stamps_of_another_zone_are_told_of_an_entry_of_many_lines_too(tmp_path: Path, rest: str) -> None:
    path = write(tmp_path / "a.log", *(line(age + 3 * 3600) for age in range(2000, -1, -1)), rest)
    with pytest.raises(ProbeError) as error:
        tail(log(path), UTC, 900, SOON, NOW)
    assert "timezone" in error.value.mend


def test_a_few_seconds_ahead_are_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", line(-30))
    assert tail(log(path), UTC, 900, SOON, NOW).entries == 1


@pytest.mark.parametrize(
    ("broken", "state"),
    [(0, State.OK), (1, State.OK), (2, State.WARNING), (20, State.WARNING), (21, State.CRITICAL)],
)
def test_lines_without_the_layout(tmp_path: Path, broken: int, state: State) -> None:
    path = write(tmp_path / "a.log", line(60), "no layout\n" * broken, *(line(50) for _ in range(99 - broken)))
    assert says(of_application.test_logs_layout, tail(log(path), UTC, 900, SOON, NOW))[0] is state
