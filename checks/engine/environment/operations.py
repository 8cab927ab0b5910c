"""The tables of an environment file for what runs beside the API: Redis, job queue, hosts, cron, the application."""

import re
from datetime import datetime
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from checks.engine.environment.canaries import MinionCanary
from checks.engine.environment.secrets import Connection, Model, Name

_FIELD = r"(\*|\d+(-\d+)?)(/\d+)?(,\d+(-\d+)?)*"
_SCHEDULE = re.compile(rf"{_FIELD}( {_FIELD}){{4}}|@(hourly|daily|weekly|monthly)")


class Redis(Model):
    """The Redis servers, the prefix of session keys, and how much of a server a search among its keys may take.

    `replicas` is how many must follow each server, `min_replicas` the server's own min-replicas-to-write, which we may
    not read: whoever may CONFIG GET it reads the password beside it. `persistent` says that what it holds must outlive
    a restart; `lock_key` is the lock that must not outlive its holder; `memory_bytes` is what the container of each
    server may take, which Redis itself does not know: it tells the memory of the host. A search takes at most
    `keys_seconds` and sends at most `keys_per_second` commands a second.
    """

    targets: Annotated[tuple[Connection, ...], Field(min_length=1)]
    session_prefix: str = "penhas:CaS:"
    replicas: Annotated[int, Field(ge=0)] = 0
    min_replicas: Annotated[int, Field(ge=1)] | None = None
    persistent: bool = False
    lock_key: str | None = None
    memory_bytes: Annotated[int, Field(gt=0)] | None = None
    keys_seconds: Annotated[float, Field(gt=0, le=120)] = 10.0
    keys_per_second: Annotated[int, Field(ge=100)] = 50000


class Minion(Model):
    """The job queue, read through the primary's connection.

    `longest` gives seconds that a job of a task may take; the version of its tables is one of [postgresql] migrations.
    """

    name: Name = "queue"
    longest: dict[str, float] = Field(default_factory=dict)
    canary: MinionCanary | None = None


class Mount(Model):
    """A path whose file system is watched, be it mounted there or above: whether it is a mount point nobody asks."""

    name: Name
    path: str


class Host(Model):
    """The host that the suite runs on: where its procfs is, the mounts that hold data, the processes to follow.

    `workers` is the name, as procfs has it, of the processes whose growth is watched; `systemd` says whose units are:
    "system", or the runtime folder of a user's own systemd.
    """

    name: Name
    procfs: str = "/proc"
    mounts: tuple[Mount, ...] = ()
    workers: str | None = None
    systemd: str | None = None

    @field_validator("systemd")
    @classmethod
    def _system_or_folder(cls, value: str | None) -> str | None:
        if value is not None and value != "system" and not value.startswith("/"):
            raise ValueError('must be "system", or the runtime folder of a user\'s own, as in /run/user/1000')
        return value


class Emergency(Model):
    """What emergency mode looks like here, and until when it is on purpose."""

    read_only_key: str = "penhas:read_only_mode"
    maxmemory_policy: str | None = None
    until: datetime | None = None

    @field_validator("until")
    @classmethod
    def _zoned(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("until needs a time zone, as in 2027-04-01T00:00:00-03:00")
        return value


class Application(Model):
    """What the application's own tables say: mail, business figures and growth, through functions that count.

    `bucket_bytes` is the size that the recordings must not meet within `forecast_days` of [report].
    """

    name: Name = "penhas"
    bucket_bytes: Annotated[int, Field(gt=0)] | None = None


TRACED = "table:"
EFFECTS = ("feeds-read", "news-indexed", "jobs-enqueued", "jobs-purged")  # those of penhas_checks.effects()


class CronJob(Model):
    """One line of the crontab: schedule and command, and the effect that proves it ran: its age at most (seconds).

    `effect` is the path of a file that the job writes, or `table:` and one of EFFECTS, which the database tells.
    """

    schedule: str
    command: Annotated[str, Field(pattern=r"\S")]
    effect: str | None = None
    max_age: Annotated[float, Field(gt=0)] | None = None

    @field_validator("schedule")
    @classmethod
    def _five_fields(cls, value: str) -> str:
        if _SCHEDULE.fullmatch(value) is None:
            raise ValueError("must be the five fields of crontab(5), as in '0 4 * * *'")
        return value

    @field_validator("effect")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        name = (value or "").removeprefix(TRACED)
        if value is not None and value.startswith(TRACED) and name not in EFFECTS:
            raise ValueError(f"{TRACED} needs one of {', '.join(EFFECTS)}")
        return value

    @model_validator(mode="after")
    def _both_or_neither(self) -> "CronJob":
        if (self.effect is None) != (self.max_age is None):
            raise ValueError("an effect is judged by its age: set both effect and max_age, or neither")
        return self


_SCRIPTS = "/opt/penhas/scripts"
GUIDE_JOBS = tuple(
    CronJob(schedule=schedule, command=f"{_SCRIPTS}/{script}.sh")
    for schedule, script in (
        ("0 * * * *", "housekeeping"),
        ("0 3 * * *", "daily-maintenance"),
        ("0 4 * * *", "backup-database"),
        ("0 5 * * *", "cleanup-old-files"),
        ("0 2 * * 0", "weekly-maintenance"),
        ("0 3 * * 0", "reindex-search"),
        ("0 1 1 * *", "monthly-reports"),
    )
)


class Cron(Model):
    """The crontab of this host, as a file, and the jobs that must be in it (default: the guide's seven).

    `sendmail` is the program that cron sends its mail with, `spool` is where that waits to leave.
    """

    name: Name = "cron"
    crontab: str
    mailto: bool = True
    sendmail: Annotated[str, Field(pattern="^/")] = "/usr/sbin/sendmail"
    jobs: Annotated[tuple[CronJob, ...], Field(min_length=1)] = GUIDE_JOBS
    spool: str | None = None
