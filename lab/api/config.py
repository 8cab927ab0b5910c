"""What an instance is told when it starts: its arguments, and LABAPI_* variables for what is secret."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of one instance; `flavour` is `guide` or `public`."""

    name: str
    flavour: str
    host: str
    port: int
    database: str
    redis: str
    s3_endpoint: str
    s3_access_key: str
    s3_secret_key: str
    s3_bucket: str
    token: str
    maintenance_secret: str
    version: str
    log: Path
    control: Path


def from_variables(name: str, flavour: str, listen: str) -> Config:
    """Return the settings, or raise KeyError naming the variable that is not set."""
    host, _, port = listen.rpartition(":")
    return Config(
        name=name,
        flavour=flavour,
        host=host,
        port=int(port),
        database=os.environ["LABAPI_DATABASE"],
        redis=os.environ["LABAPI_REDIS"],
        s3_endpoint=os.environ["LABAPI_S3_ENDPOINT"],
        s3_access_key=os.environ["LABAPI_S3_ACCESS_KEY"],
        s3_secret_key=os.environ["LABAPI_S3_SECRET_KEY"],
        s3_bucket=os.environ["LABAPI_S3_BUCKET"],
        token=os.environ["LABAPI_TOKEN"],
        maintenance_secret=os.environ["LABAPI_MAINTENANCE_SECRET"],
        version=os.environ["LABAPI_VERSION"],
        log=Path(os.environ["LABAPI_LOG"]),
        control=Path(os.environ["LABAPI_CONTROL"]),
    )
