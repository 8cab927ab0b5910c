"""The table [report] of an environment file: where the results of its runs go besides their folder."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from checks.engine.environment.secrets import Lines, Model, Secret

ProfileName = Literal["smoke", "nightly", "triage", "all"]


class Report(Model):
    """Where results go; what is absent is not used. The lab uses nothing of this.

    `detail` allows messages and readings, not only ids and states, in notifications, annotations and step summaries.
    `textfile` lies in the folder of the node exporter's textfile collector; each profile has its own beside it.
    A limit that is about to be met within `forecast_days` is a WARNING (0: never).
    `heartbeat` has a secret URL a profile, `notify` a secret that holds apprise URLs, separated by white space.
    """

    detail: bool = False
    guide_url: str = ""
    textfile: str = ""
    heartbeat: dict[ProfileName, Secret] = Field(default_factory=dict)
    notify: Lines | None = None
    forecast_days: Annotated[int, Field(ge=0, le=365)] = 14
    keep: Annotated[int, Field(ge=1, le=10_000)] = 60

    @field_validator("guide_url")
    @classmethod
    def _web(cls, value: str) -> str:
        if value != "" and not value.startswith(("https://", "http://")):
            raise ValueError("must be a URL that begins http:// or https://")
        return value

    @field_validator("textfile")
    @classmethod
    def _collected(cls, value: str) -> str:
        if value != "" and not (value.endswith(".prom") and Path(value).is_absolute()):
            raise ValueError("must be the full path of a file that ends .prom: the collector reads no others")
        return value

    def heartbeat_of(self, profile: str) -> Secret | None:
        """Return the secret URL of a profile; that of a run without one is called `all`."""
        return next((secret for name, secret in self.heartbeat.items() if name == (profile or "all")), None)
