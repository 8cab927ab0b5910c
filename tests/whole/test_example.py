"""The example of an environment file names every key that there is, and is itself valid."""

import re
from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel

from checks.engine import environment
from checks.engine.environment import Environment
from tests.engine.suites import ROOT

EXAMPLE = ROOT / "checks/environments/production.example.toml"
# `lab` is what the lab's own file says, and nobody else's.
OWN = {"lab"}


def models(kind: object) -> Iterator[type[BaseModel]]:
    """Yield the models in the type of a field: itself, or what a tuple, a union or a table holds."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for inner in get_args(kind):
        yield from models(inner)


def keys(model: type[BaseModel], place: str = "") -> Iterator[str]:
    """Yield every key that a file may have, with the tables that it is in."""
    for name, field in model.model_fields.items():
        key = f"{place}{field.alias or name}"
        yield key
        for inner in models(field.annotation):
            yield from keys(inner, f"{key}.")


def test_every_key_is_in_the_example() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    every = set(keys(Environment))
    assert len(every) > 150
    missing = {key for key in every - OWN if not re.search(rf"\b{re.escape(key.split('.')[-1])}\b", text)}
    assert missing == set()


def test_the_example_is_valid() -> None:
    assert environment.load(EXAMPLE).production
