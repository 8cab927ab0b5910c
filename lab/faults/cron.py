"""What goes wrong with the scheduled jobs."""

from lab import cron
from lab.faults.registry import Act, Fault, register

_JOB = "daily-maintenance"


def _restore() -> Act:
    return lambda running: cron.write(running.cron)


for _name, _what, _expect, _break in (
    (
        "cron-line-missing",
        "one of the seven jobs is not in the crontab, and yet has its effect",
        {"cron-installed@cron": "CRITICAL", "cron-effects@cron": "WARNING"},
        lambda running: cron.write_crontab(running.cron, without=_JOB),
    ),
    (
        "cron-schedule-other",
        "one job runs at another hour",
        {"cron-installed@cron": "WARNING"},
        lambda running: cron.write_crontab(running.cron, daily_maintenance="30 6 * * *"),
    ),
    (
        "cron-script-missing",
        "one script is not there",
        {"cron-scripts@cron": "CRITICAL"},
        lambda running: cron.script(running.cron, _JOB).unlink(),
    ),
    (
        "cron-script-mode",
        "one script cannot be executed",
        {"cron-scripts@cron": "CRITICAL"},
        lambda running: cron.script(running.cron, _JOB).chmod(0o644),
    ),
    (
        "cron-script-literal",
        "one script is as the guide has it",
        {"cron-scripts@cron": "WARNING"},
        lambda running: cron.make_literal(running.cron, _JOB),
    ),
    (
        "cron-no-mailer",
        "the program that cron mails with is not there",
        {"cron-mailer@cron": "WARNING"},
        lambda running: cron.mailer(running.cron).unlink(),
    ),
    (
        "cron-no-effect",
        "one job has had no effect for three days",
        {"cron-effects@cron": "CRITICAL"},
        lambda running: cron.age(cron.effect(running.cron, _JOB), 3),
    ),
):
    register(Fault(_name, _what, ("cron",), _expect, _break, _restore()))


register(
    Fault(
        "cron-mail-stuck",
        "the mail of cron does not leave this host",
        ("cron",),
        {"cron-mail-leaves@cron": "CRITICAL"},
        lambda running: cron.stuck_mail(running.cron),
        lambda running: cron.no_mail(running.cron),
    )
)
