"""The scheduled jobs: installed as they should be, sound, and with an effect that is recent."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.application import ApplicationEffects
from checks.engine.readings.cron import CronJobs, CronMail, CronMailer, Job
from checks.engine.schedules import same

HOUR = 3600.0
AHEAD = 60.0  # seconds that clocks may differ by


@pytest.mark.guide("cron.jobs")
@pytest.mark.profiles("nightly", "triage")
def test_cron_installed(cron_jobs: CronJobs, judged: Judge) -> None:
    """Every job is in the crontab with its schedule, and the mail of cron goes to somebody."""
    absent = [job for job in cron_jobs.jobs if job.schedule == ""]
    if absent:
        judged.critical(f"{len(absent)} jobs are not in the crontab: {', '.join(job.name for job in absent)}")
    other = [job for job in cron_jobs.jobs if not same(job.schedule, job.expected)]
    if other:
        evidence = tuple(f"{job.name}: at {job.schedule}, expected {job.expected}" for job in other)
        judged.warning(f"{len(other)} jobs have another schedule", evidence)
    if cron_jobs.mailto_due and not cron_jobs.mailto:
        judged.warning("the crontab sets no MAILTO above its jobs: what a job has to say reaches nobody")
    judged.ok(f"{len(cron_jobs.jobs)} jobs are installed")


@pytest.mark.guide("cron.jobs")
@pytest.mark.profiles("nightly")
def test_cron_scripts(cron_jobs: CronJobs, judged: Judge) -> None:
    """Every script is there and can be executed, and none hides its own failure."""
    evidence = tuple(f"{job.name} {problem}" for job in cron_jobs.jobs for problem in job.problems)
    dead = [line for line in evidence if line.endswith(("is not there", "lacks x"))]
    if dead:
        judged.critical(f"{len(dead)} scripts cannot run", evidence)
    unread = [line for line in evidence if line.endswith("read by us")]
    if unread:
        judged.unknown(f"{len(unread)} scripts cannot be read by us: let our user read them and their folder", evidence)
    if evidence:
        judged.warning(f"{len(evidence)} things in the scripts will go wrong, or go wrong unseen", evidence)
    judged.ok("every script is there, and none hides its own failure")


@pytest.mark.guide("cron.jobs", "maintenance.housekeeping")
@pytest.mark.profiles("nightly", "triage")
def test_cron_effects(cron_jobs: CronJobs, judged: Judge) -> None:
    """What each job leaves behind as a file is recent."""
    unnamed = tuple(f"{job.name}: not judged, no effect named" for job in cron_jobs.jobs if job.max_age is None)
    named = [job for job in cron_jobs.jobs if job.max_age is not None and job.traced == ""]
    _effects(judged, {job: job.effect_age for job in named}, unnamed)


@pytest.mark.guide("cron.jobs", "maintenance.housekeeping")
@pytest.mark.profiles("nightly", "triage")
def test_cron_effects_traced(cron_jobs: CronJobs, application_effects: ApplicationEffects, judged: Judge) -> None:
    """What each job leaves behind in the database is recent."""
    ages = dict(application_effects.ages)
    _effects(judged, {job: ages.get(job.traced) for job in cron_jobs.jobs if job.traced != ""})


def _effects(judged: Judge, ages: dict[Job, float | None], unnamed: tuple[str, ...] = ()) -> None:
    if ages == {}:
        judged.not_judged("no effect named: set effect and max_age of the jobs under [cron]", unnamed)
    old = {job: age for job, age in ages.items() if job.max_age is None or age is None or age > job.max_age}
    # Without its line nothing runs, and another check says so; with it, and without effect, it fails each time.
    evidence = (*(f"{job.name}: {_age(age)}; {_meaning(job)}" for job, age in old.items()), *unnamed)
    if old:
        judged.critical(f"{len(old)} jobs are without a recent effect: {', '.join(job.name for job in old)}", evidence)
    future = {job: -age for job, age in ages.items() if age is not None and age < -AHEAD}
    ahead = tuple(f"{job.name}: {by / HOUR:.1f} h ahead" for job, by in future.items())
    if ahead:
        judged.warning(f"{len(ahead)} effects are of the future: nobody sees when they grow old. Mend the clock", ahead)
    strangers = ", ".join(job.name for job in ages if job.schedule == "")
    if strangers:
        judged.warning(f"{strangers}: a recent effect without a line in the crontab: what else runs it?", unnamed)
    less = f", of {len(unnamed)} none is named" if unnamed else ""
    judged.ok(f"{len(ages)} jobs have a recent effect{less}", unnamed)


def _age(age: float | None) -> str:
    return "no trace of it" if age is None else f"{age / HOUR:.1f} h old"


def _meaning(job: Job) -> str:
    return "not installed" if job.schedule == "" else "installed, so it runs in vain"


@pytest.mark.guide("cron.jobs")
@pytest.mark.profiles("nightly")
def test_cron_mail_leaves(cron_mail: CronMail, judged: Judge) -> None:
    """The mail of cron leaves this host."""
    judged(
        cron_mail.oldest / HOUR,
        unit="h",
        subject=f"{cron_mail.waiting} mails wait, the oldest for",
        reading=cron_mail,
        above=(1, 24),
    )


@pytest.mark.guide("cron.jobs")
@pytest.mark.profiles("nightly")
def test_cron_mailer(cron_mailer: CronMailer, judged: Judge) -> None:
    """Where the mail of cron is due, the program that it is sent with is there."""
    if not cron_mailer.due:
        judged.not_judged("no mail of cron is due: mailto is false under [cron]")
    if not cron_mailer.works:
        judged.warning(f"{cron_mailer.program} is not there, or cannot be executed: cron throws away what a job says")
    judged.ok(f"{cron_mailer.program} is there")
