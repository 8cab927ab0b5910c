"""The readings: what a probe returns and a check judges, with names, fields and units; no driver is imported here.

`@reading` registers a type under its name, which is also the name of the fixture that gives it to a check and the
first half of a row's `<reading>.<field>`. `@derived` registers a reading that is computed from two samples of another.
"""

import typing
from collections.abc import Callable
from dataclasses import fields, replace
from importlib import import_module

from checks.engine.model import NotJudged, Reading, Unit
from checks.engine.records import dataclass


@dataclass(frozen=True, slots=True)
class Spec:
    """What the engine knows of a reading without reading it.

    `kinds` narrows the targets of its service (empty: all); `via` is the service whose connection it is read through;
    `noisy` readings that are not OK are read again; `restore` marks what runs only where a restore is allowed; `needs`
    are readings of other targets that must be read along with it; `requires` are keys of the
    environment file (`api.health`) without which it is not covered; `of` is the reading that an alias stands for;
    `kept` ones are stored for `Judge.last`, as those are that others are derived from.
    """

    name: str
    type: type[Reading]
    service: str
    kinds: tuple[str, ...] = ()
    via: str = ""
    noisy: bool = False
    restore: bool = False
    deadline: float | None = None
    needs: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    of: str = ""
    kept: bool = False

    @property
    def connection(self) -> str:
        """The service whose connection this reading needs."""
        return self.via if self.via != "" else self.service


@dataclass(frozen=True, slots=True)
class Derived:
    """A reading computed from two samples of `base` that lie between `apart[0]` and `apart[1]` seconds apart."""

    base: str
    apart: tuple[float, float]
    compute: Callable[[typing.Any, typing.Any], Reading | NotJudged]


READINGS: dict[str, Spec] = {}
DERIVED: dict[str, Derived] = {}

_T = typing.TypeVar("_T", bound=Reading)
_Compute = Callable[[typing.Any, typing.Any], Reading | NotJudged]


def reading(
    name: str,
    *,
    service: str,
    kinds: tuple[str, ...] = (),
    via: str = "",
    noisy: bool = False,
    restore: bool = False,
    deadline: float | None = None,
    needs: tuple[str, ...] = (),
    requires: tuple[str, ...] = (),
    kept: bool = False,
) -> Callable[[type[_T]], type[_T]]:
    """Register the decorated reading type under `name`; `deadline` is in seconds from the reading's own start."""

    def register(cls: type[_T]) -> type[_T]:
        if name in READINGS:
            raise ValueError(f"the reading {name!r} is registered twice")
        spec = Spec(name, cls, service, kinds, via, noisy, restore, deadline, needs, requires, kept=kept)
        READINGS[name] = spec
        return cls

    return register


def derived(name: str, *, base: str, apart: tuple[float, float], type: type[Reading]) -> Callable[[_Compute], _Compute]:  # noqa: A002 (reads best at the call)
    """Register the decorated function, `compute(earlier, later)`, as the reading `name` of type `type`."""

    def register(compute: _Compute) -> _Compute:
        spec = READINGS[base]
        if name in READINGS:
            raise ValueError(f"the reading {name!r} is registered twice")
        READINGS[name] = replace(spec, name=name, type=type, noisy=False, needs=())
        DERIVED[name] = Derived(base, apart, compute)
        return compute

    return register


def alias(name: str, *, of: str, kinds: tuple[str, ...]) -> None:
    """Register `name` for the reading `of` of another target: a replica's check can then ask the primary too."""
    READINGS[name] = replace(READINGS[of], name=name, kinds=kinds, of=of)


def unit_of(name: str, field: str) -> Unit | None:
    """Return the base unit of a numeric field of a reading, or None when that field has no unit and cannot be limited.

    Raises KeyError when there is no such reading or field.
    """
    spec = READINGS[name]
    if field not in {f.name for f in fields(spec.type)}:
        raise KeyError(field)
    hint = typing.get_type_hints(spec.type, include_extras=True)[field]
    for part in (hint, *typing.get_args(hint)):
        for meta in getattr(part, "__metadata__", ()):
            if isinstance(meta, Unit):
                return meta
    return None


for _name in (
    "alertmanager",
    "api",
    "application",
    "backup",
    "cron",
    "elasticsearch",
    "host",
    "host_units",
    "logs",
    "logstash",
    "minion",
    "postgresql",
    "postgresql_activity",
    "postgresql_capacity",
    "postgresql_counters",
    "postgresql_replication",
    "postgresql_schema",
    "postgresql_security",
    "postgresql_settings",
    "postgresql_statements",
    "postgresql_vacuum",
    "postgresql_wal",
    "prometheus",
    "prometheus_history",
    "prometheus_rules",
    "prometheus_work",
    "redis",
    "restore",
    "s3",
):
    import_module(f"{__name__}.{_name}")  # it registers its readings
