"""The sample store: the last readings of earlier runs, so that counters can be judged by what they grew.

SQLite, one file an environment, written by the controller only and read by every process. A broken, locked or missing
store never changes a verdict: counters are then judged by a later sample, or not at all.
"""

import dataclasses
import enum
import functools
import json
import math
import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from checks.engine.model import Reading, Target
from checks.engine.readings import READINGS

_SCHEMA = """
create table if not exists sample (
    reading text not null, target text not null, sampled_at real not null, value text not null,
    profile text not null default '',
    primary key (reading, target, sampled_at)
) without rowid
"""
_KEPT = 50  # of each reading, target and profile: of smoke every five minutes four hours, of nightly seven weeks
_WORDS = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}


@functools.cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(READINGS[name].type)


def plain(value: Any) -> Any:
    """Return a reading, or what it holds, as plain JSON types.

    A number that JSON does not have is its word, which `from_json` knows.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return _WORDS[str(value)]
    if isinstance(value, tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


def to_json(reading: Reading) -> str:
    """Return a reading as JSON text that `from_json` turns back into an equal one."""
    return json.dumps(plain(reading), ensure_ascii=False, allow_nan=False)


def from_json(name: str, text: str) -> Reading:
    """Return the reading that `to_json` wrote; raise ValueError when the type has changed since."""
    try:
        reading = _adapter(name).validate_json(text)
    except ValidationError:
        raise ValueError(f"a stored {name} does not have the shape of today") from None
    if not isinstance(reading, Reading):
        raise TypeError(name)
    return reading


class Samples:
    """The store of one environment; `problem` says why it could not be used, and is empty while it could.

    With `own`, the name of a profile that runs by the clock, a sample of that profile's last run is preferred: what
    happened since then is nobody else's to tell, and a smoke run of five minutes ago would hide it. What was sampled
    before `since` (Unix time) is of other servers, and is not returned.
    """

    def __init__(self, path: Path, own: str = "", since: float = 0.0) -> None:
        self._path = path
        self._own = own
        self._since = since
        self.problem = ""

    def previous(self, name: str, target: Target, earliest: float, latest: float) -> Reading | None:
        """Return the newest stored reading sampled between two Unix times, or None; `own` ones first."""
        if not self._path.exists():
            return None
        try:
            with closing(sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True, timeout=0.5)) as store:
                own = "profile = :own and :own <> ''" if _has_profiles(store) else "false"
                row = store.execute(
                    "select value from sample where reading = :reading and target = :target"  # noqa: S608 (ours)
                    f" and sampled_at between :earliest and :latest order by ({own}) desc, sampled_at desc limit 1",
                    {
                        "reading": name,
                        "target": str(target),
                        "earliest": max(earliest, self._since),
                        "latest": latest,
                        "own": self._own,
                    },
                ).fetchone()
            return None if row is None else from_json(name, row[0])
        except (sqlite3.Error, ValueError) as error:
            self.problem = f"the sample store could not be read ({type(error).__name__})"
            return None

    def add(self, samples: Iterable[tuple[str, str, float, str]], profile: str = "") -> None:
        """Store (reading, target, sampled_at, JSON) rows of a run; of its profile the newest fifty are kept."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
            with closing(sqlite3.connect(self._path, timeout=2)) as store, store:
                store.execute(_SCHEMA)
                if not _has_profiles(store):  # made before there was such a column
                    store.execute("alter table sample add column profile text not null default ''")
                rows = [(*row, profile) for row in samples]
                store.executemany("insert or replace into sample values (?, ?, ?, ?, ?)", rows)
                for reading, target in sorted({(row[0], row[1]) for row in rows}):
                    now = max(time.time(), *(row[2] for row in rows if row[:2] == (reading, target)))
                    store.execute(  # of a clock that was ahead: they would count as the newest
                        "delete from sample where reading = ? and target = ? and sampled_at > ?", (reading, target, now)
                    )
                    store.execute(
                        "delete from sample where reading = :reading and target = :target and profile = :profile"
                        " and sampled_at not in (select sampled_at from sample where reading = :reading"
                        " and target = :target and profile = :profile order by sampled_at desc limit :kept)",
                        {"reading": reading, "target": target, "profile": profile, "kept": _KEPT},
                    )
        except (sqlite3.OperationalError, OSError) as error:
            self.problem = f"the sample store could not be written ({type(error).__name__})"
        except sqlite3.DatabaseError as error:
            self.problem = f"the sample store is broken ({type(error).__name__}); it begins anew with the next run"
            self._put_aside()

    def _put_aside(self) -> None:
        aside = self._path.with_suffix(".broken")
        try:
            self._path.replace(aside)
        except OSError:
            self.problem = f"the sample store is broken and cannot be put aside: remove {self._path}"
        else:
            self.problem += f", and lies at {aside}"


def _has_profiles(store: sqlite3.Connection) -> bool:
    return any(column[1] == "profile" for column in store.execute("pragma table_info(sample)"))
