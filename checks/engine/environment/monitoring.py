"""The tables of an environment file that name the watchers: Prometheus, Alertmanager, logs, Elasticsearch."""

import fnmatch
import re
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from checks.engine.environment.addresses import plain_url
from checks.engine.environment.secrets import Model, Name, Secret


class Asked(Model):
    """A service of the watchers, asked over HTTP; the secret is a bearer token, or `user:password`."""

    name: Name
    url: str
    credentials: Secret | None = None
    timeout: Annotated[float, Field(gt=0, le=30)] = 5.0

    @field_validator("url")
    @classmethod
    def _plain(cls, value: str) -> str:
        return plain_url(value)


class Job(Model):
    """A job that Prometheus must scrape, and every `host:port` that it must have; `exporter` is its own word for up."""

    name: Annotated[str, Field(min_length=1)]
    targets: Annotated[tuple[str, ...], Field(min_length=1)]
    exporter: str | None = None


class AlertRule(Model):
    """An alert rule that must be loaded, in place of the shipped one of the same name."""

    alert: Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
    expr: str
    for_: Annotated[float, Field(ge=0, alias="for")]
    severity: str


class Kept(Model):
    """One series that Prometheus keeps of what a row of thresholds.toml judges on a target, in the unit of the row."""

    check: str
    target: str
    expr: Annotated[str, Field(min_length=1)]


class Prometheus(Asked):
    """Prometheus: what it must scrape, how often (seconds), how long it must keep (days), and its rules.

    `textfile_age` is how old in seconds what a script leaves for a node exporter, or pushes, may be.
    `evaluation_interval` (seconds) is that of rules whose group names none, as `interval` where it is not set; no group
    may be evaluated less often than every `rules_interval` seconds. `guide_rules` demands the rules of
    checks/alert_rules.toml; without it only those of `rules` must be there. Forecasts go by what it keeps as `history`
    where the suite's own runs do not reach back so far.
    """

    name: Name = "prometheus"
    interval: Annotated[float, Field(gt=0, le=3600)] = 15.0
    evaluation_interval: Annotated[float, Field(gt=0, le=3600)] | None = None
    rules_interval: Annotated[float, Field(gt=0, le=3600)] = 30.0
    jobs: Annotated[tuple[Job, ...], Field(min_length=1)]
    retention_days: Annotated[float, Field(gt=0)] = 15.0
    textfile_age: Annotated[float, Field(gt=0)] = 93600.0
    rules: tuple[AlertRule, ...] = ()
    guide_rules: bool = True
    history: tuple[Kept, ...] = ()


class Alertmanager(Asked):
    """Alertmanager: the alert that always fires, and the severities that must reach somebody."""

    name: Name = "alertmanager"
    watchdog: str = "Watchdog"
    severities: Annotated[tuple[str, ...], Field(min_length=1)] = ("critical", "warning")


_ROTATED = (".1", ".1.gz", "-20260131", "-20260131.gz")  # what logrotate appends to a name


class Rotation(Model):
    """How a log is rotated: logrotate's configuration, how many days must be there, and the pid file it signals by."""

    config: str | None = None
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 30
    pidfile: str | None = None


class Log(Model):
    """One log: the pattern of its newest files on this host, and how its lines are laid out.

    `quiet` is the longest time in seconds that it may be silent; `levels` is the least level that a category may write;
    `structured` says that JSON entries are due in it.
    """

    name: Name
    pattern: str
    layout: Literal["guide", "public", "nginx"]
    quiet: Annotated[float, Field(gt=0)] = 900.0
    structured: bool = False
    levels: dict[str, Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]] = Field(default_factory=dict)
    rotation: Rotation | None = None
    canary: bool = False

    @field_validator("pattern")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if not value.startswith("/"):
            raise ValueError("must be an absolute path; * and ? stand for any part of a name")
        file = re.sub(r"\[!?(.)[^]]*\]|[*?]", lambda found: found[1] or "x", value)
        if any(fnmatch.fnmatchcase(f"{file}{end}", value) for end in _ROTATED):
            raise ValueError(
                "must not match what rotation makes of it, as app.log* does of app.log.1: end it with .log"
            )
        return value

    @property
    def kind(self) -> str:
        """Who writes it: the application, or what stands before it."""
        return "access" if self.layout == "nginx" else "application"


class Logs(Model):
    """The logs that lie on this host; `timezone` is that of stamps without one, `window` (seconds) is read of each."""

    targets: Annotated[tuple[Log, ...], Field(min_length=1)]
    timezone: str = "UTC"
    window: Annotated[float, Field(gt=0, le=86400)] = 900.0

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("must be the name of a time zone, as in America/Sao_Paulo") from None
        return value


class LogstashApi(Asked):
    """Logstash's own API, which its setting api.http.port (9600) opens."""

    name: Name = "logstash"


class Elasticsearch(Asked):
    """Where the logs are gathered: `index` is today's name, with strftime's %Y %m %d, in UTC.

    `grows_within` is the longest time in seconds without a new document; `seen_within` that of a marked line of ours;
    `logstash` is the `host:port` of Logstash's syslog input, `logstash_api` is where it tells of itself.
    """

    name: Name = "elasticsearch"
    index: str = "penhas-%Y.%m.%d"
    grows_within: Annotated[float, Field(gt=0)] = 600.0
    seen_within: Annotated[float, Field(gt=0, le=120)] = 30.0
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30
    geoip: bool = True
    logstash: Annotated[str, Field(pattern=r"^[^\s:/@]+:\d{1,5}$")] | None = None
    logstash_api: LogstashApi | None = None

    @model_validator(mode="after")
    def _index(self) -> Self:
        parts = sorted(re.findall(r"%[Ymd]", self.index))
        if re.fullmatch(r"([a-z0-9._-]|%[Ymd])*", self.index) is None or parts != ["%Y", "%d", "%m"]:
            raise ValueError("index must be lower case and hold %Y, %m and %d, one for each day: penhas-%Y.%m.%d")
        return self
