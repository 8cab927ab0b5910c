"""What is read of the crontab of this host, and of the scripts that it calls."""

from checks.engine.model import Count, Reading, Seconds
from checks.engine.readings import reading
from checks.engine.records import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """One job that is due: whether its line is there as it should be, what its script lacks, and how old its effect is.

    `schedule` is the one found, "" where there is no line; `problems` are our words for what will go wrong in the
    script; `effect_age` is in seconds, negative where the effect is of the future, None where no trace of it was found,
    and `max_age` None where no effect is named. An effect of the database is named in `traced`, and its age is another
    reading's.
    """

    name: str
    expected: str
    schedule: str
    problems: tuple[str, ...]
    traced: str
    effect_age: float | None
    max_age: float | None


@reading("cron_jobs", service="cron")
@dataclass(frozen=True, slots=True, kw_only=True)
class CronJobs(Reading):
    """The jobs of the environment file against the crontab; `mailto`: above each it says who gets the mail."""

    jobs: tuple[Job, ...]
    mailto: bool
    mailto_due: bool


@reading("cron_mail", service="cron", requires=("cron.spool",))
@dataclass(frozen=True, slots=True, kw_only=True)
class CronMail(Reading):
    """The mail of cron that waits to leave this host."""

    waiting: Count
    oldest: Seconds


@reading("cron_mailer", service="cron")
@dataclass(frozen=True, slots=True, kw_only=True)
class CronMailer(Reading):
    """The program that cron mails with: whether it is due, and whether it is there and can be executed."""

    due: bool
    program: str
    works: bool
