"""The logs on this host: written, readable, at the right levels, with few errors. No line of them is ever shown."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.logs import LogsFiles, LogsTail, Shape, untold

WARNING_SHARE, CRITICAL_SHARE = 1, 5  # % of entries that may be errors
AHEAD = 60.0  # seconds by which a clock may differ
FEWEST_BEFORE = 120.0  # seconds before a deploy, of which less says nothing of what was usual


@pytest.mark.guide("logs.application")
@pytest.mark.profiles("nightly", "triage")
def test_logs_written(logs_files: LogsFiles, judged: Judge) -> None:
    """Something was written to the log lately."""
    evidence = (f"{logs_files.files} files, {logs_files.size / 2**20:.1f} MiB",)
    quiet = logs_files.quiet
    if logs_files.newest_age < -AHEAD:
        judged.warning(
            f"was last written to {-logs_files.newest_age / 3600:.1f} h ahead of now: a clock is wrong", evidence
        )
    judged(
        logs_files.newest_age,
        unit="s",
        subject="time since it was last written to:",
        reading=logs_files,
        above=(quiet, 2 * quiet),
        evidence=evidence,
    )


@pytest.mark.guide("logs.application")
@pytest.mark.profiles("nightly")
def test_logs_layout(logs_tail: LogsTail, judged: Judge) -> None:
    """The lines of the log have the layout that its readers expect."""
    if logs_tail.lines == 0:
        judged.not_judged(f"nothing was logged in the last {logs_tail.seconds:.0f} s")
    judged(
        logs_tail.broken_ratio * 100,
        unit="%",
        subject=f"without the layout, of {logs_tail.lines} lines:",
        reading=logs_tail,
        above=(1, 20),
        evidence=_own(logs_tail),
    )
    _expect_whole(logs_tail, judged)


@pytest.mark.guide("logs.application")
@pytest.mark.profiles("nightly")
def test_logs_levels(application_log: LogsTail, judged: Judge) -> None:
    """Every category writes at its level and above: DEBUG of a library floods the log and shows what it should not."""
    if not application_log.levels_due:
        judged.not_judged("the environment file names no levels for it")
    found = tuple(f"{category}: {count} entries of {level}" for category, level, count in application_log.too_low)
    if found:
        judged.warning(f"{len(found)} categories write below their level", found)
    _expect_entries(application_log, judged)
    _expect_whole(application_log, judged)
    judged.ok("every category keeps its level", _levels(application_log))


@pytest.mark.guide("logs.application")
@pytest.mark.profiles("nightly", "triage")
def test_logs_errors(application_log: LogsTail, judged: Judge) -> None:
    """Few entries of the last minutes are errors."""
    _expect_entries(application_log, judged)
    judged(
        application_log.error_ratio * 100,
        unit="%",
        subject=f"errors among {application_log.entries} entries",
        reading=application_log,
        above=(WARNING_SHARE, CRITICAL_SHARE),
        evidence=(*map(_shown, application_log.shapes), *_levels(application_log), *_own(application_log)),
    )
    _expect_whole(application_log, judged)


@pytest.mark.only_with("deployed_at")
@pytest.mark.guide("logs.application")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_logs_errors_new(application_log: LogsTail, deployed_at: float, judged: Judge) -> None:
    """Since the deploy no kind of error is logged that was not logged before it."""
    before = deployed_at - (application_log.sampled_at - application_log.seconds)
    if before < FEWEST_BEFORE:
        judged.not_judged(
            f"the last {application_log.seconds:.0f} s hold too little of before the deploy: raise window in [logs]"
        )
    _expect_entries(application_log, judged)
    _expect_whole(application_log, judged)
    if not application_log.complete or not application_log.all_kinds:
        judged.not_judged("too much was logged to know every kind of error from before the deploy")
    new = [kind for kind in application_log.kinds if kind.first is not None and kind.first >= deployed_at]
    if new:
        judged.warning(
            f"{len(new)} kinds of errors since the deploy that the {before / 60:.0f} min before it had not",
            tuple(
                f"{one.count} times {one.level} {one.category}: {one.shape or '(too few to show)'}" for one in new[:5]
            ),
        )
    judged.ok(f"no kind of error that the {before / 60:.0f} min before the deploy had not")


def _expect_entries(log: LogsTail, judged: Judge) -> None:
    if log.entries == 0:
        _expect_whole(log, judged)
        judged.not_judged(f"nothing was logged in the last {log.seconds:.0f} s")


def _expect_whole(log: LogsTail, judged: Judge) -> None:
    if log.unread:
        judged.unknown(untold(log.unread))


def _levels(log: LogsTail) -> tuple[str, ...]:
    return tuple(f"{level}: {count}" for level, count in log.levels)


def _own(log: LogsTail) -> tuple[str, ...]:
    return (f"{log.own} lines of this suite's own requests, left out",) if log.own else ()


def _shown(shape: Shape) -> str:
    # A shape that occurs once or twice may still be somebody's words.
    text = shape.shape if shape.count > 2 else "(too few to show)"  # noqa: PLR2004 (see above)
    return f"{shape.count} times {shape.level} {shape.category}: {text}"


@pytest.mark.guide("logs.structured")
@pytest.mark.profiles("nightly")
def test_logs_structured(application_log: LogsTail, judged: Judge) -> None:
    """The JSON entries are there and carry every field of the guide."""
    if not application_log.structured_due:
        judged.not_judged("the environment file does not say that JSON entries are due in it")
    _expect_entries(application_log, judged)
    if application_log.structured == 0:
        judged.critical(f"none of {application_log.entries} entries is JSON")
    if application_log.without:
        lacking = tuple(f"{count} entries without {field}" for field, count in application_log.without)
        judged.warning(f"JSON entries lack {', '.join(field for field, _ in application_log.without)}", lacking)
    _expect_whole(application_log, judged)
    personal = "user_id and ip are personal data: they are expected here, for as long as the log is kept"
    judged.ok(f"{application_log.structured} JSON entries, complete", (personal,))
