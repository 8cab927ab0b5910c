"""Turn what pydantic found into lines that name file, table and key, and the nearest key that exists."""

import difflib
import re
import types
import typing

from pydantic import BaseModel, ValidationError

_WORDS = {
    "missing": "is required and not there",
    "bool_type": "must be true or false",
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a number, not inf or nan",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "datetime_type": "must be a date and time with a zone, as in 2027-04-01T00:00:00-03:00",
    "timezone_aware": "must be a date and time with a zone, as in 2027-04-01T00:00:00-03:00",
    "too_short": "must not be empty",
}
# What may be quoted: names and ids. Anything else could be a secret in the wrong place.
_QUOTABLE = re.compile(r"[A-Za-z0-9_.-]{1,60}")


class InvalidFileError(Exception):
    """A file that cannot be used; `lines` names file, table and key of each thing that is wrong, and holds no value."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def describe(error: ValidationError, model: type[BaseModel], table: dict[str, object], file: str) -> list[str]:
    """Return one line for each error: `file: [table] key: what is wrong`; a value from the file is never quoted."""
    lines = []
    items = error.errors(include_url=False, include_context=False, include_input=False)
    items.sort(key=lambda item: item["type"] != "extra_forbidden")  # a mistyped key explains the one that is missing
    for item in items:
        location = tuple(item["loc"])
        if item["type"] == "too_short" and any(
            other["loc"][: len(location)] == location for other in items if other is not item
        ):
            continue  # its only row is wrong, and that is said
        text = _WORDS.get(item["type"], item["msg"].removeprefix("Value error, "))
        if item["type"] == "extra_forbidden":
            text = _unknown(model, location)
        lines.append(f"{file}: {_place(location, table)}: {text}")
    return lines


def _place(location: tuple[int | str, ...], table: dict[str, object]) -> str:
    """The path in the file, with the name of a row where it has one: `postgresql.replicas[1] ('replica2').env`."""
    place = ""
    value: object = table
    for part in location:
        if isinstance(part, int):
            place += f"[{part}]"
            value = value[part] if isinstance(value, list) and part < len(value) else None
            if isinstance(value, dict):
                label = value.get("name", value.get("id", value.get("check")))
                place += f" ({label!r})" if isinstance(label, str) and _QUOTABLE.fullmatch(label) else ""
        else:
            key = part if _QUOTABLE.fullmatch(part) else "(a key in quotes)"
            place += f".{key}" if place else key
            value = value.get(part) if isinstance(value, dict) else None
    return place or "the file"


def _unknown(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    known = sorted(_model_at(model, location[:-1]).model_fields)
    near = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"unknown key; did you mean {near[0]}?" if near else f"unknown key; known here: {', '.join(known)}"


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            inner = _model_in(model.model_fields[part].annotation)
            model = inner if inner is not None else model
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if isinstance(annotation, types.GenericAlias) or typing.get_origin(annotation) is not None:
        return next((found for a in typing.get_args(annotation) if (found := _model_in(a)) is not None), None)
    return None
