"""An environment file: TOML -> validated, immutable models. Contacts nothing and resolves no secret before it is asked.

Called by the plugin at start and by probes for what their target needs. An error names file, table and key.
"""

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, ValidationError, field_validator, model_validator

from checks.engine.environment import accepted, models, monitoring, operations
from checks.engine.environment.errors import InvalidFileError, describe
from checks.engine.environment.report import Report
from checks.engine.environment.secrets import Model, Name
from checks.engine.model import Target

__all__ = ["Environment", "InvalidFileError", "load"]


class Environment(Model):
    """One live deployment; a service whose table is absent is not covered, and every report says so.

    What runs before `rebuilt_at` read was of other servers: no counter is compared with it, no forecast goes by it.
    """

    name: Name
    production: bool = False
    lab: bool = False
    language: Literal["en", "pt-BR"] = "en"
    allow_writes: bool = False
    rebuilt_at: AwareDatetime | None = None
    report: Report = Report()
    api: models.Api | None = None
    postgresql: models.Postgresql | None = None
    redis: operations.Redis | None = None
    s3: models.S3 | None = None
    minion: operations.Minion | None = None
    host: operations.Host | None = None
    application: operations.Application | None = None
    cron: operations.Cron | None = None
    emergency: operations.Emergency = operations.Emergency()
    prometheus: monitoring.Prometheus | None = None
    alertmanager: monitoring.Alertmanager | None = None
    logs: monitoring.Logs | None = None
    elasticsearch: monitoring.Elasticsearch | None = None
    backup: models.Backup | None = None
    restore: models.Restore | None = None
    threshold: tuple[accepted.ThresholdOverride, ...] = ()
    waiver: tuple[accepted.WaiverModel, ...] = ()

    @field_validator("rebuilt_at")
    @classmethod
    def _past(cls, value: AwareDatetime | None) -> AwareDatetime | None:
        if value is not None and value > datetime.now(UTC):
            raise ValueError("lies in the future: until then no counter would be compared with anything")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "Environment":
        if self.name == "lab" and not self.lab:
            raise ValueError("the name 'lab' is the embedded lab's, with its reports and samples: give another")
        if self.minion is not None and self.postgresql is None:
            raise ValueError("minion is read through the primary: add the table postgresql, or leave minion out")
        if self.application is not None and self.postgresql is None:
            raise ValueError("application is read through the primary: add the table postgresql, or leave it out")
        seen: set[tuple[str, str]] = set()
        for target in self.targets():
            if (target.service, target.name) in seen:
                raise ValueError(f"the name {target.name!r} is used twice under {target.service}")
            seen.add((target.service, target.name))
        places: dict[tuple[str, str], str] = {}
        for service, name, place in _places(self):
            if (service, place) in places:
                first = places[service, place]
                raise ValueError(f"{service} {name} is where {first} is: one would be asked twice, another never")
            places[service, place] = name
        overridden = [row.id for row in self.threshold]
        for row in overridden:
            if overridden.count(row) > 1:
                raise ValueError(f"the threshold {row!r} is overridden twice")
        return self

    def targets(self) -> tuple[Target, ...]:
        """Return every target in the order of the file's services; a function of the file alone."""
        return tuple(_targets(self))

    def of(self, service: str, kinds: tuple[str, ...] = ()) -> tuple[Target, ...]:
        """Return the targets of a service, of the given kinds where any are given."""
        return tuple(t for t in self.targets() if t.service == service and (kinds == () or t.kind in kinds))


def _targets(environment: Environment) -> Iterator[Target]:  # noqa: PLR0912 (a branch a table)
    if environment.api is not None:
        yield from (Target("api", t.name) for t in environment.api.targets)
    if environment.postgresql is not None:
        yield Target("postgresql", environment.postgresql.primary.name, "primary")
        yield from (Target("postgresql", r.name, "replica") for r in environment.postgresql.replicas)
    if environment.redis is not None:
        yield from (Target("redis", t.name) for t in environment.redis.targets)
    if environment.s3 is not None:
        yield from (Target("s3", b.name) for b in environment.s3.buckets)
    if environment.minion is not None:
        yield Target("minion", environment.minion.name)
    if environment.host is not None:
        yield Target("host", environment.host.name, "host")
        yield from (Target("host", m.name, "mount") for m in environment.host.mounts)
    if environment.application is not None:
        yield Target("application", environment.application.name)
    if environment.cron is not None:
        yield Target("cron", environment.cron.name)
    if environment.prometheus is not None:
        yield Target("prometheus", environment.prometheus.name)
    if environment.alertmanager is not None:
        yield Target("alertmanager", environment.alertmanager.name)
    if environment.logs is not None:
        yield from (Target("logs", log.name, log.kind) for log in environment.logs.targets)
    if environment.elasticsearch is not None:
        yield Target("elasticsearch", environment.elasticsearch.name)
    if environment.backup is not None:
        yield Target("backup", environment.backup.name)


def _places(environment: Environment) -> Iterator[tuple[str, str, str]]:
    """Yield service, name, and the URL or variable that says where it is, of all that there may be several of."""
    if environment.api is not None:
        yield from (("api", t.name, t.url.lower()) for t in environment.api.targets)
    if environment.postgresql is not None:
        databases = (environment.postgresql.primary, *environment.postgresql.replicas)
        yield from (("postgresql", t.name, t.env) for t in databases)
    if environment.redis is not None:
        yield from (("redis", t.name, t.env) for t in environment.redis.targets)


def load(path: Path) -> Environment:
    """Read and validate an environment file; raise InvalidFileError with one line for each thing that is wrong."""
    table = read_toml(path, "environment file")
    try:
        return Environment.model_validate(table)
    except ValidationError as error:
        raise InvalidFileError(describe(error, Environment, table, str(path))) from None


def read_toml(path: Path, what: str) -> dict[str, object]:
    """Return the tables of a TOML file; raise InvalidFileError saying why it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # as Windows writes it, too
    except FileNotFoundError:
        raise InvalidFileError([f"{path}: no such {what}"]) from None
    except UnicodeDecodeError:
        raise InvalidFileError([f"{path}: the {what} is not UTF-8 text"]) from None
    except OSError as error:
        raise InvalidFileError([f"{path}: the {what} cannot be read: {error.strerror}"]) from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidFileError([f"{path}: not TOML: {error}"]) from None
