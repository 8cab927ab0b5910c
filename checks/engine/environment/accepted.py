"""What an environment changes and accepts: limits of its own, and waivers with an owner and an end."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from checks.engine.environment.secrets import Model, Name

CheckId = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]


class BoundModel(Model):
    """Limits in one direction, inclusive as written."""

    warning: float | None = None
    critical: float | None = None


class ThresholdOverride(Model):
    """Replaces the limits of the row with the same id, in this environment only."""

    id: CheckId
    above: BoundModel | None = None
    below: BoundModel | None = None


class WaiverModel(Model):
    """An accepted finding: owner, reason, and an end at most 180 days away."""

    check: CheckId
    target: Name | None = None
    targets: Literal["all"] | None = None
    reason: Annotated[str, Field(min_length=3)]
    owner: Annotated[str, Field(min_length=1)]
    until: datetime

    @field_validator("reason", "owner")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if value.strip() == "":
            raise ValueError("must not be blank")
        return value

    @model_validator(mode="after")
    def _one_target(self) -> "WaiverModel":
        if (self.target is None) == (self.targets is None):
            raise ValueError('name one target, or write targets = "all"')
        if self.until.tzinfo is None:
            raise ValueError("until needs a time zone, as in 2027-04-01T00:00:00-03:00")
        return self
