"""The tables of an environment file, one model a table; a table that is absent is a service that is not covered."""

import re
import socket
from datetime import UTC, tzinfo
from ipaddress import ip_network
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from checks.engine.environment import canaries
from checks.engine.environment.addresses import plain_url, reached
from checks.engine.environment.sealed import Sealed
from checks.engine.environment.secrets import Connection, Lines, Model, Name, Secret


class ApiTarget(Model):
    """One instance of the API, asked on its own."""

    name: Name
    url: str

    @field_validator("url")
    @classmethod
    def _plain(cls, value: str) -> str:
        url = plain_url(value)
        if "maintenance" in reached(urlsplit(url).path).split("/"):
            raise ValueError("leads to /maintenance/, which changes the backend when asked; name what lies above it")
        return url


class Probe(Model):
    """A public path that must answer: its status, and the top-level JSON keys that must be there."""

    path: Annotated[str, Field(pattern=r"^/[^?#\s]*$")]
    status: int = 200
    json_keys: tuple[str, ...] = ()


Path_ = Annotated[str, Field(pattern=r"^/[^?#\s]*$")]
_MINION_STATS = "/maintenance/minion-stats"
_GUARDED = re.compile(r"/maintenance/(?!housekeeping(/|$)).+")


class Api(Model):
    """The API: its instances and the paths that may be asked with GET.

    `guarded` is the one path under /maintenance/ on which the guard is tried: a broken guard would execute it, so it is
    never the housekeeping. `minion_stats` is the guide's path, or one outside /maintenance/.
    `admin` is Minion's own page, and `admin_credentials` its `user:password`.
    """

    targets: Annotated[tuple[ApiTarget, ...], Field(min_length=1)]
    health: Path_ | None = None
    probes: tuple[Probe, ...] = ()
    detailed: Path_ | None = None
    metrics: Path_ | None = None
    minion_stats: Path_ | None = None
    credentials: Secret | None = None
    maintenance_secret: Secret | None = None
    guarded: Annotated[str, Field(pattern=r"^/maintenance/[^?#\s]+$")] | None = None
    admin: Path_ | None = None
    admin_credentials: Secret | None = None
    timeout: Annotated[float, Field(gt=0, le=30)] = 5.0

    @model_validator(mode="after")
    def _asked(self) -> "Api":
        if self.health is None and self.probes == ():
            raise ValueError("an API target needs a probe: set health, or probes = [{ path, status, json_keys }]")
        paths = [self.health, self.detailed, self.metrics, self.admin, *(p.path for p in self.probes)]
        paths += [self.minion_stats] if self.minion_stats != _MINION_STATS else []
        for path in paths:
            if path is not None and f"{reached(path)}/".startswith("/maintenance/"):
                raise ValueError(f"{path} changes the backend when asked; only minion_stats may be {_MINION_STATS}")
        if self.guarded is not None and _GUARDED.fullmatch(reached(self.guarded)) is None:
            raise ValueError("guarded must be a path under /maintenance/, and not the housekeeping: it might run")
        return self


class Postgresql(Model):
    """The primary and its replicas, each on its own connection.

    `migrations` says what the deployed version expects of each tool (`{ minion = "23" }`), `superusers` who may be one,
    `plaintext_networks` from where sessions without TLS are accepted, as from a bridge on the same machine.
    """

    primary: Connection
    replicas: tuple[Connection, ...] = ()
    pooler: bool = False
    statement_timeout: Annotated[float, Field(ge=0.1, le=60)] = 5.0
    migrations: Annotated[dict[str, str], Field(min_length=1)] | None = None
    superusers: tuple[str, ...] = ("postgres",)
    plaintext_networks: tuple[str, ...] = ()

    @field_validator("plaintext_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ip_network(network)
            except ValueError:
                raise ValueError("must be networks, as 172.17.0.0/16") from None
        return value


class Bucket(Model):
    """A bucket under the name that reports use."""

    name: Name
    bucket: str


class S3(Model):
    """The media buckets and the key that may list them."""

    endpoint: str | None = None
    region: str = "us-east-1"
    access_key: Secret
    secret_key: Secret
    buckets: Annotated[tuple[Bucket, ...], Field(min_length=1)]
    required: tuple[Literal["access-logs", "replication", "object-lock"], ...] = ()
    canary: canaries.S3Canary | None = None

    @field_validator("endpoint")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        return None if value is None else plain_url(value)


class Place(Model):
    """Where backups lie: a bucket with the key that may read it, or a folder of this machine."""

    bucket: str | None = None
    endpoint: str | None = None
    region: str = "us-east-1"
    access_key: Secret | None = None
    secret_key: Secret | None = None
    folder: str | None = None
    prefix: str = ""

    @field_validator("endpoint")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        return None if value is None else plain_url(value)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.bucket is None) == (self.folder is None):
            raise ValueError("name one place: bucket, or folder")
        if self.bucket is not None and (self.access_key is None or self.secret_key is None):
            raise ValueError("a bucket needs access_key and secret_key")
        return self


class Backup(Place):
    """Where the dumps are, how they are taken, and what is promised of them.

    `timezone` is that of the machine that dumps (pg_dump writes local time into a dump); `seed` holds the secret that
    signs the manifests; `decrypt` is a command that reads the stored file and writes the dump, `identity` a key file
    for age or gpg; `second` is another place that holds every backup too; `databases` must all be there.
    checks.take_backup reads `source`, the connection string of a role that may read everything, and `encrypt`, a
    command that reads the dump and writes what is stored.
    """

    name: Name = "postgresql"
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 7
    timezone: str = "UTC"
    seed: Lines | None = None
    manifest_required: bool = False
    encrypted: bool = False
    decrypt: tuple[str, ...] = ()
    identity: str | None = None
    object_lock: bool = False
    second: Place | None = None
    # Excluded: no check uses it, so --check-config does not ask for it where backups are only verified.
    source: Annotated[Lines | None, Field(exclude=True)] = None
    encrypt: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            _ = UTC if value == "UTC" else ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("must be the name of a time zone, as in America/Sao_Paulo") from None
        return value

    @property
    def zone(self) -> tzinfo:
        """The zone of `timezone`; UTC needs no data of time zones on this machine."""
        return UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)


class MediaRows(Model):
    """The rows that name media objects: table, the columns that hold a key or its URL, and when the row was written.

    Objects younger than `grace_hours` before the backup may be uploads under way; `sample` is the share of keys that is
    compared (1: all of them, 0.1: the same tenth every night).
    """

    table: Annotated[str, Field(pattern=r"^\w+\.\w+$")] = "public.media_upload"
    keys: Annotated[tuple[str, ...], Field(min_length=1)] = ("s3_path", "s3_path_avatar")
    created: str = "created_at"
    bucket: Name | None = None
    prefix: str = ""
    grace_hours: Annotated[float, Field(ge=0)] = 24.0
    sample: Annotated[float, Field(gt=0, le=1)] = 1.0


class Restore(Model):
    """The only machine on which a copy may lie, where on it, and how much of the machine it may take.

    `scratch` is a folder (default: memory), `declared_encrypted` says that its volume is; `allow_here` is the reason
    why a restore may run where it else may not; `tier` "rows" leaves indexes and constraints out; `jobs` are processes,
    `nice` says how far everything else on the machine goes first. `redis` is the place of Redis' RDB files, `media` the
    rows that name media objects, `sealed` a column that the application seals itself; on `second_generation` (a day of
    the week, or "always") the copy is dumped and restored once more; `drill` breaks the copy at the end, on purpose,
    and the verification must see it.
    """

    host: str
    scratch: str | None = None
    declared_encrypted: bool = False
    allow_here: Annotated[str, Field(min_length=3)] | None = None
    binaries: str | None = None
    jobs: Annotated[int, Field(ge=1, le=16)] = 2
    nice: Annotated[int, Field(ge=0, le=19)] = 10
    tier: Literal["full", "rows"] = "full"
    redis: Place | None = None
    redis_server: str | None = None
    media: MediaRows = MediaRows()
    sealed: Sealed | None = None
    drill: bool | None = None
    second_generation: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "always", "never"] = "sun"

    @property
    def is_here(self) -> bool:
        """Whether this machine is the one that the environment names."""
        return self.host in {socket.gethostname(), socket.getfqdn()}
