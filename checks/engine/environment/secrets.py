"""Secrets: named in the file, held by environment variables, never shown.

A secret is resolved only where a client is opened; an unset one is our own fault and costs its own service only.
"""

import os
import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from checks.engine.model import ProbeError, Reason

PREFIX = "PENHAS_CHECKS_"
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]


class SecretText:
    """A secret whose representation is `***`; `reveal` is called only where a client is opened."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._text


class Model(BaseModel):
    """Frozen; an unknown key is an error, and so is a value of another type: "yes" is no boolean, nan no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: tuple(inner) if isinstance(inner, list) else inner for key, inner in value.items()}


class Secret(Model):
    """A secret by the name of the variable that holds it: `{ env = "PENHAS_CHECKS_…" }`."""

    env: str

    @model_validator(mode="before")
    @classmethod
    def _no_literal(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError('a literal secret; put it in a variable and write { env = "PENHAS_CHECKS_NAME" } here')
        return value

    @field_validator("env")
    @classmethod
    def _prefixed(cls, value: str) -> str:
        return variable(value)

    def text(self) -> SecretText:
        """Return the secret; raise ProbeError (our own fault) naming the variable when it is not there or malformed."""
        secret = resolve(self.env)
        if re.search(r"[\x00-\x1f\x7f]", secret.reveal()) is not None:
            raise ProbeError(
                Reason.OURS,
                f"the variable {self.env} holds a line end or another control character",
                "Set it to the secret alone, without one.",
            )
        return secret


class Lines(Secret):
    """A secret that may have several lines: a seed as openssl wraps it, or addresses."""

    def text(self) -> SecretText:
        """Return the secret; raise ProbeError naming the variable when it is unset or empty."""
        return resolve(self.env)


def variable(name: str) -> str:
    """Return `name` when it is a variable that the suite may read, else raise ValueError."""
    if re.fullmatch(PREFIX + r"[A-Z0-9_]+", name) is None:
        raise ValueError(f"must be the name of a variable that begins {PREFIX} (capitals, digits, _), not a value")
    return name


def resolve(name: str) -> SecretText:
    """Return the secret that the variable `name` holds, without the line end that files of secrets have after it.

    Raises ProbeError when it is unset or empty.
    """
    text = os.environ.get(name, "").rstrip("\r\n")
    if text == "":
        raise ProbeError(Reason.OURS, f"the variable {name} is not set", f"Set {name} and run again.")
    return SecretText(text)


class Connection(Model):
    """A target whose connection string, user and password included, is in a variable."""

    name: Name
    env: str

    @model_validator(mode="before")
    @classmethod
    def _no_literal(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError('a literal connection; write { name = "…", env = "PENHAS_CHECKS_NAME" } here')
        return value

    @field_validator("env")
    @classmethod
    def _prefixed(cls, value: str) -> str:
        return variable(value)

    def text(self) -> SecretText:
        """Return the connection string; raise ProbeError naming the variable when it is unset or empty."""
        return resolve(self.env)
