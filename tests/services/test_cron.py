"""The crontab and its scripts are read as cron and the shell do; of a script only what goes wrong is told."""

import os
import re
import time
from pathlib import Path

import pytest

from checks.engine.environment import Environment, operations
from checks.engine.model import ProbeError, Reason, State, Target
from checks.engine.probes import cron
from checks.engine.probes.cron import problems_of
from checks.engine.readings.application import ApplicationEffects
from checks.engine.readings.cron import CronJobs, CronMail, CronMailer
from checks.maintenance import test_cron as checks
from lab.cron import LITERAL, age, effect, mailer, script, table, write
from tests.probes.context import Kept
from tests.services.saying import says

HOUSEKEEPING = """#!/bin/bash
API_URL="http://localhost:3000/maintenance"
SECRET=$MAINTENANCE_SECRET
curl -X GET "$API_URL/housekeeping?secret=$SECRET"
QUEUE_SIZE=$(curl -s "$API_URL/minion-stats?secret=$SECRET" | jq '.inactive')
"""


def read(settings: object, *names: str) -> Kept:
    environment = Environment.model_validate({"name": "t", "cron": settings})
    kept = Kept(environment, Target("cron", "cron"), names or ("cron_jobs",))
    cron.read(kept)
    return kept


def test_the_guides_own_script_uses_a_variable_that_nobody_sets() -> None:
    assert problems_of(HOUSEKEEPING, {}) == (
        "uses MAINTENANCE_SECRET, which neither it nor the crontab sets",
        "calls curl without --fail, so that an error of the server counts as success",
    )


def test_a_variable_of_the_crontab_is_set() -> None:
    assert problems_of("echo $SECRET ${OTHER:-x}", {"SECRET": "1"}) == ()


def test_psql_without_on_error_stop_hides_its_failure() -> None:
    assert [p.split(",")[0] for p in problems_of(LITERAL, {})] == [
        "uses API_URL",
        "uses SECRET",
        "uses DATABASE_URL",
        "calls curl without --fail",
        "calls psql without ON_ERROR_STOP",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("/usr/bin/curl http://x", "calls curl without --fail"),
        ("x=$(/usr/local/bin/curl -s http://x)", "calls curl without --fail"),
        ("/usr/bin/psql -c x", "calls psql without ON_ERROR_STOP"),
        ("cd / && ./bin/psql -c x", "calls psql without ON_ERROR_STOP"),
    ],
)
def test_a_program_is_known_by_its_path_too(text: str, problem: str) -> None:
    assert [found.split(",")[0] for found in problems_of(text, {})] == [problem]


@pytest.mark.parametrize(
    "text",
    [
        "/usr/bin/curl -fsS http://x/curl",
        "/opt/curl-wrapper http://x",
        "# curl http://x without fail, in a comment",
        "curl -fsS http://x",
        "curl --fail-with-body http://x",
        "psql -v ON_ERROR_STOP=1 -c 'SELECT 1'",
        "for x in 1 2; do echo $x; done",
        "echo '$NOT_A_VARIABLE'",
        "echo $1 $@ $? $$",
        ". /etc/default/penhas\necho $FROM_THERE",
    ],
)
def test_a_sound_script_has_no_problem(text: str) -> None:
    assert problems_of(text, {}) == ()


def test_jobs_as_they_should_be(tmp_path: Path) -> None:
    write(tmp_path)

    found = read(dict(table(tmp_path))).outcomes["cron_jobs"]

    assert isinstance(found, CronJobs)
    assert all(job.schedule == job.expected and job.problems == () for job in found.jobs)
    assert [job.traced for job in found.jobs if job.traced] == ["jobs-purged"]
    assert all(job.effect_age is not None and job.effect_age < 60 for job in found.jobs if not job.traced)
    assert "MARCADA" not in repr(found)


@pytest.mark.parametrize("refused", ["read_bytes", "is_file"])
def test_a_script_that_we_may_not_read_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    """Neither one that is not ours to read, nor one in a folder that is not ours to enter."""
    write(tmp_path)
    real, secret = getattr(Path, refused), script(tmp_path, "backup-database")

    def refuse(path: Path) -> object:
        if path == secret:
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, refused, refuse)
    found = read(dict(table(tmp_path))).outcomes["cron_jobs"]

    assert isinstance(found, CronJobs)
    assert [(job.name, job.problems) for job in found.jobs if job.problems] == [
        ("backup-database", ("cannot be read by us",))
    ]
    assert says(checks.test_cron_scripts, found)[0].value == "UNKNOWN"


def installed(folder: Path, command: str, line: str, **more: object) -> tuple[State, str]:
    """Return what the check says of one job with this command where the crontab has this line of 4:00."""
    (folder / "crontab").write_text(line if "\n" in line else f"MAILTO=a@b\n0 4 * * * {line}\n")
    jobs = [{"schedule": "0 4 * * *", "command": command}]
    found = read({"crontab": str(folder / "crontab"), "jobs": jobs, **more}).outcomes["cron_jobs"]
    return says(checks.test_cron_installed, found)


@pytest.mark.parametrize(
    ("command", "line", "state"),
    [
        ("/opt/a.sh", "/opt/a.sh", State.OK),
        ("/opt/a.sh", "cd /opt && flock -n /tmp/a /opt/a.sh --x >> /var/log/a.log 2>&1", State.OK),
        ("/opt/a.sh", "[ -x /opt/a.sh ] && /opt/a.sh", State.OK),
        ("/opt/a.sh", "bash -c 'sleep 5; /opt/a.sh'", State.OK),
        ("/opt/a.sh", "A=1 /bin/bash /opt/a.sh", State.OK),
        ("/opt/a.sh", "/opt/a.sh>/dev/null 2>&1", State.OK),
        ("/opt/a.sh", "test -x /x || ( cd / && nice -n 10 /opt/a.sh )", State.OK),
        ("/opt/a.sh", "if /opt/a.sh; then logger done; fi", State.OK),
        ("/opt/a.sh", ": /opt/a.sh", State.CRITICAL),
        ("/opt/a.sh", "/opt/a.sh.bak", State.CRITICAL),
        ("/opt/a.sh", "cd /opt; /bin/echo A=1 /opt/a.sh", State.CRITICAL),
        ("/opt/a.sh", "/opt/b.sh # /opt/a.sh", State.CRITICAL),
        ("/opt/a.sh", "/opt/b.sh%/opt/a.sh", State.CRITICAL),
        ("curl -fs https://here/tick?a=1&b=2", 'curl -fs "https://here/tick?a=1&b=2" | logger', State.OK),
        ("curl -fs https://here/tick", "curl -fs https://elsewhere/tick", State.CRITICAL),
        ("/bin/bash /opt/a.sh", "/bin/bash /opt/b.sh", State.CRITICAL),
        ("/opt/a.sh +%F", "/opt/a.sh +\\%F", State.OK),
    ],
)
def test_a_job_is_installed_where_its_whole_command_is_run(
    tmp_path: Path, command: str, line: str, state: State
) -> None:
    assert installed(tmp_path, command, line)[0] is state


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("MAILTO=a@b\n0 4 * * * /opt/a.sh\n", State.OK),
        ("0 4 * * * /opt/a.sh\nMAILTO=a@b\n", State.WARNING),
        ('MAILTO=a@b\nMAILTO=""\n0 4 * * * /opt/a.sh\n', State.WARNING),
        ("MAILTO=a@b\n00 04 * * * /opt/a.sh\n", State.OK),
        ("MAILTO=a@b\n0 5 * * * /opt/a.sh\n00 4 * * * /opt/a.sh\n", State.OK),
        ("MAILTO=a@b\n0 5 * * * /opt/a.sh\n", State.WARNING),
    ],
)
def test_a_variable_is_set_for_the_lines_below_it_and_a_schedule_is_what_it_means(
    tmp_path: Path, text: str, state: State
) -> None:
    assert installed(tmp_path, "/opt/a.sh", text)[0] is state


def test_of_what_a_shell_is_called_with_the_script_is_read_and_a_program_never(tmp_path: Path) -> None:
    own, program = tmp_path / "own.sh", tmp_path / "program"
    own.write_text("curl http://x\n")
    program.write_bytes(b"\x7fELF\0 $A curl x")
    program.chmod(0o755)
    (tmp_path / "crontab").touch()
    commands = (f"/bin/bash -eo pipefail {own}", f"/bin/sh {tmp_path}/gone.sh", f"{program} -x", "/bin/sh -c 'exit 1'")
    jobs = [{"schedule": "0 4 * * *", "command": command} for command in commands]

    found = read({"crontab": str(tmp_path / "crontab"), "jobs": jobs}).outcomes["cron_jobs"]

    assert isinstance(found, CronJobs)
    assert [job.name for job in found.jobs] == ["own", "gone", "program", "sh"]
    assert [tuple(p.split(",")[0] for p in job.problems) for job in found.jobs] == [
        ("calls curl without --fail",),
        ("is not there",),
        (),
        (),
    ]


def test_a_crontab_that_cannot_be_read_is_ours(tmp_path: Path) -> None:
    error = read({"crontab": str(tmp_path / "gone")}).error("cron_jobs")

    assert isinstance(error, ProbeError)
    assert error.reason is Reason.OURS
    assert error.why == "the crontab cannot be read (No such file or directory)"


def test_mail_that_waits_is_counted(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "spool" / "one").touch()

    found = read(dict(table(tmp_path)), "cron_mail").outcomes["cron_mail"]

    assert "waiting=1" in repr(found)


def envelope(came: float) -> bytes:
    """Return how Postfix begins the file of a mail: its sizes, when it came, the sender."""
    size, stamp = b"%15d %15d %15d %15d %15d" % (600, 690, 1, 0, 600), b"%d 123456" % came
    return b"C" + bytes([len(size)]) + size + b"T" + bytes([len(stamp)]) + stamp + b"A\x08a=T 12345"


def waits(folder: Path) -> CronMail:
    found = read({"crontab": "", "spool": str(folder)}, "cron_mail").outcomes["cron_mail"]
    assert isinstance(found, CronMail)
    return found


def test_mail_in_the_folders_that_postfix_makes_waits_too(tmp_path: Path) -> None:
    mail = tmp_path / "A" / "1" / "A1B2"
    mail.parent.mkdir(parents=True)
    mail.touch()
    age(mail, 3)
    found = waits(tmp_path)

    assert (found.waiting, round(found.oldest / 3600)) == (1, 72)
    assert says(checks.test_cron_mail_leaves, found)[0] is State.CRITICAL


def test_postfix_says_in_a_mails_file_when_it_came(tmp_path: Path) -> None:
    mail = tmp_path / "A1B2"
    mail.write_bytes(envelope(time.time() - 2 * 86400))
    age(mail, -0.04)  # the time of its next try

    assert round(waits(tmp_path).oldest / 3600) == 48


def test_a_folder_of_the_spool_that_cannot_be_read_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "A").mkdir()
    real = os.scandir

    def refuse(folder: Path) -> object:
        if folder.name == "A":
            raise PermissionError(13, "Permission denied")
        return real(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    error = read({"crontab": "", "spool": str(tmp_path)}, "cron_mail").error("cron_mail")

    assert error.why == "the mail spool cannot be read"


@pytest.mark.parametrize("half", [{"effect": "/x"}, {"effect": "table:jobs-purged"}, {"max_age": 60.0}])
def test_an_effect_without_its_age_is_refused(tmp_path: Path, half: dict[str, object]) -> None:
    job = {"schedule": "0 4 * * *", "command": "/opt/a.sh", **half}

    with pytest.raises(ValueError, match="set both effect and max_age, or neither"):
        read({"crontab": str(tmp_path / "crontab"), "jobs": [job]})


@pytest.mark.parametrize("effect", ["table:jobs_purged", "table:", "table: jobs-purged"])
def test_an_effect_that_the_database_does_not_tell_is_refused(tmp_path: Path, effect: str) -> None:
    job = {"schedule": "0 4 * * *", "command": "/opt/a.sh", "effect": effect, "max_age": 60.0}

    with pytest.raises(ValueError, match="needs one of feeds-read, news-indexed, jobs-enqueued, jobs-purged"):
        read({"crontab": str(tmp_path / "crontab"), "jobs": [job]})


def test_the_effects_are_those_that_the_database_tells() -> None:
    sql = (Path(operations.__file__).parents[2] / "environments" / "grants" / "postgresql.sql").read_text("utf-8")
    body = sql.split("FUNCTION penhas_checks.effects()")[1].split("$$;")[0]

    assert tuple(re.findall(r"SELECT '([a-z-]+)'::text", body)) == operations.EFFECTS


def test_a_job_without_an_effect_is_told(tmp_path: Path) -> None:
    write(tmp_path)
    settings = dict(table(tmp_path))
    for job in settings["jobs"][2:]:
        del job["effect"], job["max_age"]

    found = read(settings).outcomes["cron_jobs"]

    assert isinstance(found, CronJobs)
    assert says(checks.test_cron_effects, found) == (State.OK, "1 jobs have a recent effect, of 5 none is named")


@pytest.mark.parametrize(("hours", "state"), [(-0.01, State.OK), (-0.02, State.WARNING), (-40_000, State.WARNING)])
def test_an_effect_of_the_future_is_told(tmp_path: Path, hours: float, state: State) -> None:
    write(tmp_path)
    age(effect(tmp_path, "backup-database"), hours / 24)

    assert says(checks.test_cron_effects, read(dict(table(tmp_path))).outcomes["cron_jobs"])[0] is state


def test_a_trace_of_the_future_in_the_database_is_told(tmp_path: Path) -> None:
    write(tmp_path)
    traces = ApplicationEffects(ages=(("jobs-purged", -2 * 365 * 86400.0),), source="t", sampled_at=0.0)

    found = says(checks.test_cron_effects_traced, read(dict(table(tmp_path))).outcomes["cron_jobs"], traces)

    assert found[0] is State.WARNING
    assert "1 effects are of the future" in found[1]


@pytest.mark.parametrize(
    ("mode", "due", "state"),
    [
        (0o755, True, State.OK),
        (0o644, True, State.WARNING),
        (None, True, State.WARNING),
        (None, False, State.NOT_JUDGED),
    ],
)
def test_mail_wants_a_program_that_sends_it(tmp_path: Path, mode: int | None, due: bool, state: State) -> None:
    write(tmp_path)
    mailer(tmp_path).unlink() if mode is None else mailer(tmp_path).chmod(mode)

    found = read({**table(tmp_path), "mailto": due}, "cron_mailer").outcomes["cron_mailer"]

    assert isinstance(found, CronMailer)
    assert says(checks.test_cron_mailer, found)[0] is state
