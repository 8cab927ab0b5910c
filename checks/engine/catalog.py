"""The rows: thresholds.toml, guide.toml and an environment's own limits and waivers -> one validated catalogue.

Called by the plugin at start, before anything is contacted. An error names file, row and key.
"""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator

from checks.engine.environment import Environment, InvalidFileError, read_toml
from checks.engine.environment.accepted import BoundModel, WaiverModel
from checks.engine.environment.errors import describe
from checks.engine.environment.secrets import Model
from checks.engine.guide import Guide
from checks.engine.judge import factor
from checks.engine.model import Bound, Limits, Waiver
from checks.engine.readings import READINGS, Spec, unit_of
from checks.engine.records import dataclass

CHAPTERS = (
    "health",
    "monitoring",
    "logs",
    "maintenance",
    "performance",
    "troubleshooting",
    "emergency",
    "backup",
    "capacity",
)
_T = TypeVar("_T", bound=Model)
LONGEST_WAIVER = 180 * 86400.0


class ThresholdRow(Model):
    """One row of thresholds.toml: the limits of one field of one reading."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    reading: Annotated[str, Field(pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$")]
    subject: str
    title: str
    unit: str
    above: BoundModel | None = None
    below: BoundModel | None = None
    chapter: str
    guide: tuple[str, ...]
    profiles: tuple[Literal["smoke", "nightly", "triage"], ...]
    convergent: bool = False
    action: str = ""

    @field_validator("chapter")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in CHAPTERS:
            near = difflib.get_close_matches(value, CHAPTERS, n=1)
            raise ValueError(f"must be one of {', '.join(CHAPTERS)}{f'; did you mean {near[0]}?' if near else ''}")
        return value

    @model_validator(mode="after")
    def _limited(self) -> "ThresholdRow":
        if self.above is None and self.below is None:
            raise ValueError("needs above or below, each with warning, critical or both")
        _in_order(self.above, self.below)
        return self


class ThresholdFile(Model):
    """The whole of thresholds.toml."""

    threshold: tuple[ThresholdRow, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A threshold check: the limits of `field` of reading `reading`, in `limits.unit`."""

    id: str
    reading: str
    field: str
    subject: str
    title: str
    limits: Limits
    chapter: str
    guide: tuple[str, ...]
    profiles: tuple[str, ...]
    convergent: bool
    action: str

    @property
    def spec(self) -> Spec:
        """The reading that this row judges."""
        return READINGS[self.reading]


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that says how much and what then."""

    rows: tuple[Row, ...]
    guide: Guide
    waivers: tuple[Waiver, ...]

    def action(self, check: str, guide: Iterable[str], language: str) -> str:
        """Return what to do about a finding of a check in `language`: its row's own (English), else the guide's."""
        own = next((row.action for row in self.rows if row.id == check), "")
        return own if own != "" and language == "en" else self.guide.action(check, guide, language)

    def waiver(self, check: str, target: str, now: float) -> Waiver | None:
        """Return the waiver that accepts a finding of this check on this target at Unix time `now`."""
        for waiver in self.waivers:
            if waiver.check == check and waiver.target in {"*", target} and waiver.until > now:
                return waiver
        return None


def load(folder: Path, environment: Environment, environment_file: str, now: float) -> Catalog:
    """Return the catalogue of `folder` as `environment` changes it; raise InvalidFileError naming file, row and key."""
    thresholds = _file(folder / "thresholds.toml", ThresholdFile)
    guide = _file(folder / "guide.toml", Guide)
    rows = list(_rows(thresholds, guide, str(folder / "thresholds.toml")))
    index = {row.id: i for i, row in enumerate(rows)}
    for number, override in enumerate(environment.threshold):
        place = f"{environment_file}: threshold[{number}] ({override.id!r})"
        if override.id not in index:
            raise InvalidFileError([f"{place}: no such row in thresholds.toml{_near(override.id, index)}"])
        old = rows[index[override.id]]
        try:
            _in_order(override.above, override.below)
        except ValueError as error:
            raise InvalidFileError([f"{place}: {error}"]) from None
        limits = Limits(old.limits.unit, _bound(override.above), _bound(override.below), "environment")
        if limits.above is None and limits.below is None:
            raise InvalidFileError([f"{place}: needs above or below, each with warning, critical or both"])
        for side in ("above", "below"):
            if getattr(limits, side) is not None and getattr(old.limits, side) is None:
                raise InvalidFileError([f"{place}.{side}: the row is limited on the other side only"])
        rows[index[override.id]] = replace(old, limits=limits)
    _check_history(environment, environment_file, rows, index)
    return Catalog(tuple(rows), guide, tuple(_waivers(environment.waiver, environment_file, now)))


def _file(path: Path, model: type[_T]) -> _T:
    table = read_toml(path, "file of rows")
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise InvalidFileError(describe(error, model, table, str(path))) from None


def _rows(file: ThresholdFile, guide: Guide, name: str) -> Iterator[Row]:
    seen: set[str] = set()
    for number, row in enumerate(file.threshold):
        place = f"{name}: threshold[{number}] ({row.id!r})"
        if row.id in seen:
            raise InvalidFileError([f"{place}: the id is used twice"])
        seen.add(row.id)
        reading, field = row.reading.split(".")
        if reading not in READINGS:
            raise InvalidFileError([f"{place}.reading: no reading {reading!r}{_near(reading, READINGS)}"])
        try:
            base = unit_of(reading, field)
        except KeyError:
            raise InvalidFileError([f"{place}.reading: {reading} has no field {field!r}"]) from None
        if base is None:
            raise InvalidFileError([f"{place}.reading: {row.reading} is not a number that can be limited"])
        try:
            factor(base, row.unit)
        except ValueError as error:
            raise InvalidFileError([f"{place}.unit: {error}"]) from None
        for item in row.guide:
            if item not in guide.item:
                raise InvalidFileError([f"{place}.guide: no item {item!r} in guide.toml{_near(item, guide.item)}"])
        limits = Limits(row.unit, _bound(row.above), _bound(row.below))
        yield Row(
            row.id, reading, field, row.subject, row.title, limits,
            row.chapter, row.guide, row.profiles, row.convergent, row.action,
        )  # fmt: skip


def _check_history(environment: Environment, file: str, rows: list[Row], index: dict[str, int]) -> None:
    """Raise InvalidFileError where Prometheus' history is said to be of a row, or a target, that does not exist."""
    for number, kept in enumerate(() if environment.prometheus is None else environment.prometheus.history):
        place = f"{file}: prometheus.history[{number}]"
        if kept.check not in index:
            raise InvalidFileError(
                [f"{place}.check: no row {kept.check!r} in thresholds.toml{_near(kept.check, index)}"]
            )
        spec = rows[index[kept.check]].spec
        if spec.noisy:
            raise InvalidFileError(
                [f"{place}.check: {kept.check} changes from moment to moment: nothing is foretold of it"]
            )
        targets = [target.name for target in environment.of(spec.service, spec.kinds)]
        if kept.target not in targets:
            near = _near(kept.target, targets)
            raise InvalidFileError([f"{place}.target: {kept.check} has no target {kept.target!r} here{near}"])


def _waivers(models: Iterable[WaiverModel], file: str, now: float) -> Iterator[Waiver]:
    for number, model in enumerate(models):
        if model.until.timestamp() - now > LONGEST_WAIVER:
            raise InvalidFileError(
                [f"{file}: waiver[{number}] ({model.check!r}).until: more than 180 days away; shorten it"]
            )
        target = "*" if model.target is None else model.target
        yield Waiver(model.check, target, model.reason, model.owner, model.until.timestamp())


def _in_order(above: BoundModel | None, below: BoundModel | None) -> None:
    for name, bound, sign in (("above", above, 1), ("below", below, -1)):
        if bound is None:
            continue
        if bound.warning is None and bound.critical is None:
            raise ValueError(f"{name} needs warning, critical or both")
        if bound.warning is not None and bound.critical is not None and sign * (bound.critical - bound.warning) < 0:
            raise ValueError(
                f"{name}: the warning limit {bound.warning:g} lies past the critical limit {bound.critical:g}"
            )
    lowest = [limit for limit in _both(above) if limit is not None]
    highest = [limit for limit in _both(below) if limit is not None]
    if lowest and highest and min(lowest) < max(highest):
        raise ValueError("above begins lower than below ends: no value would be OK")


def _both(bound: BoundModel | None) -> tuple[float | None, ...]:
    return () if bound is None else (bound.warning, bound.critical)


def _bound(model: BoundModel | None) -> Bound | None:
    return None if model is None else Bound(model.warning, model.critical)


def _near(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
