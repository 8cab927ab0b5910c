"""Where --allow-writes may write, and with what: a canary exists only where the environment file says so."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from checks.engine.environment.secrets import Lines, Model, Secret

Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]+$", max_length=60)]


class S3Canary(Model):
    """Where an object may be put for a moment; its key, where the ordinary one may not write there."""

    prefix: Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)*/$", max_length=100)]
    access_key: Secret | None = None
    secret_key: Secret | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("a key of its own needs access_key and secret_key")
        return self


class MinionCanary(Model):
    """A job that may be enqueued: a task that does nothing, its queue, and within how many seconds it must be done.

    `connection` holds the connection string of the role that grants/minion-canary.sql creates.
    """

    connection: Lines
    task: Word
    queue: Word = "default"
    within: Annotated[float, Field(ge=1, le=120)] = 30.0
