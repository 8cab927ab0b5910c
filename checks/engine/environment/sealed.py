"""What an environment says of data that the application seals itself; part of `[restore]` in models.py."""

from typing import Annotated

from pydantic import Field

from checks.engine.environment.secrets import Model


class Sealed(Model):
    """A column that the application seals itself, and what opens one value of it with the key that is kept.

    `open` is a command that reads a value on its standard input and ends with 0 where it can open it; what it prints is
    thrown away. `sample` values of the restored copy are tried.
    """

    column: Annotated[str, Field(pattern=r"^\w+\.\w+\.\w+$")]
    open: Annotated[tuple[str, ...], Field(min_length=1)]
    sample: Annotated[int, Field(ge=1, le=1000)] = 20
