"""Prove what came back: the restored copy against its manifest, against a live server, and against itself.

Called by `restored` while the throw-away server runs. Each function returns an Aspect; what could not be compared is
blind and says why: never a finding, never a green.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from checks.engine.model import ProbeError
from checks.engine.probes.backup import structure
from checks.engine.probes.backup.live_rows import LiveRows
from checks.engine.probes.backup.manifest import Manifest, TableSum
from checks.engine.probes.backup.structure import Structure
from checks.engine.readings.restore import Aspect

# A live database moves on while its backup ages: by how much a table may have shrunk or grown without being a loss.
DRIFT_RATIO_A_DAY = 0.10
DRIFT_ROWS = 100
DAY = 86400.0
NO_MANIFEST = "the backup has no manifest to compare with: take backups with checks.take_backup"
# Which kinds of things belong to which aspect.
KINDS = {
    "structure": (
        "relation",
        "column",
        "constraint",
        "index",
        "trigger",
        "function",
        "type",
        "view",
        "schema",
        "statistics",
    ),
    "security": ("policy", "row security", "owner", "grant"),
    "extensions": ("extension",),
}


@dataclass(frozen=True, slots=True)
class Source:
    """What the copy can be compared with; `seed` is None where the sums cannot be made again, and `why` says why."""

    manifest: Manifest | None
    live: LiveRows | ProbeError | None
    seed: int | None
    why: str
    age: float


def rows(found: tuple[TableSum, ...], source: Source) -> Aspect:
    """Every table holds as many rows as the manifest says; without one, about as many as the live server."""
    now = {table.name: table.rows for table in found}
    if source.manifest is not None:
        then = {table.name: table.rows for table in _stored(source.manifest)}
        return _aspect("rows", "the manifest", len(then), _unequal(then, now))
    if isinstance(source.live, LiveRows):
        against = f"{source.live.server} as it is now, roughly"
        return _aspect("rows", against, len(source.live.rows), _fewer(source.live.rows, now, source.age))
    return Aspect("rows", "", 0, blind=_blind(source))


def _stored(manifest: Manifest) -> list[TableSum]:
    """The tables whose rows are in the dump: a materialised view is made anew, from what the tables hold now."""
    made_anew = structure.from_json(manifest.structure).of("filled view")
    return [table for table in manifest.tables if table.name not in made_anew]


def _unequal(then: dict[str, int], now: dict[str, int]) -> Iterator[str]:
    for name in sorted(then):
        if name not in now:
            yield f"{name} is missing in the copy ({then[name]} rows)"
        elif now[name] != then[name]:
            yield f"{name} has {now[name]} rows, the manifest says {then[name]}"


def _fewer(then: dict[str, int], now: dict[str, int], age: float) -> Iterator[str]:
    """Only a drop is a loss: rows deleted since the backup stand in the copy, and should."""
    for name in sorted(then):
        drift = DRIFT_ROWS + then[name] * min(0.5, DRIFT_RATIO_A_DAY * max(1.0, age / DAY))
        if name not in now:
            yield f"{name} is missing in the copy ({then[name]} rows live)"
        elif then[name] > 0 and now[name] == 0:
            yield f"{name} is empty in the copy, {then[name]} rows live"
        elif now[name] < then[name] - drift:
            yield f"{name} has {now[name]} rows, {then[name]} live"


def contents(found: tuple[TableSum, ...], source: Source) -> Aspect:
    """Every table holds the very rows of the dump's snapshot, by their sums under the secret seed."""
    if source.manifest is None:
        return Aspect("contents", "", 0, beyond=NO_MANIFEST)
    if source.seed is None:
        return Aspect("contents", "", 0, blind=source.why)
    now = {table.name: table for table in found}
    summed = [table for table in _stored(source.manifest) if table.sum is not None]
    same = [table for table in summed if table.name in now and now[table.name].rows == table.rows]
    differ = tuple(
        f"{table.name}: {table.rows} rows as in the manifest, but not the same rows"
        for table in same
        if now[table.name].sum != table.sum
    )
    if not differ and len(same) < len(summed):
        why = f"{len(summed) - len(same)} of {len(summed)} tables did not come back with their rows"
        return Aspect("contents", "the manifest", len(same), blind=why, told_by="backup-restore-rows")
    return _aspect("contents", "the manifest", len(summed), differ)


def things(copy: Structure, source: Source, name: str) -> Aspect:
    """Every thing of the source is in the copy, and is the same."""
    if source.manifest is None:
        return Aspect(name, "", 0, beyond=NO_MANIFEST)
    then = structure.from_json(source.manifest.structure)
    kinds = KINDS[name]
    lost = (line for kind in kinds for line in structure.lost(then, copy, kind))
    return _aspect(name, "the manifest", sum(len(then.of(kind)) for kind in kinds), lost)


def locale(copy: Structure, source: Source, differs: tuple[str, ...]) -> Aspect:
    """The copy has the encoding and sorts in the order of its source; `differs` is what the restore said of that."""
    if source.manifest is None:
        return Aspect("locale", "the backup", 1, differs)
    then, now = structure.from_json(source.manifest.structure).of("database"), copy.of("database")
    other = (
        f"the {name} is {now[name]} here and {then[name]} at the source"
        for name in structure.OF_THE_MACHINE
        if then.get(name, "") != "" and now.get(name, "") not in {"", then[name]}
    )
    return Aspect("locale", "the manifest", len(structure.OF_THE_MACHINE), (*differs, *other))


def _aspect(name: str, against: str, compared: int, findings: Iterable[str]) -> Aspect:
    if compared == 0:
        return Aspect(name, against, 0, blind=f"{against} holds nothing to compare with")
    return Aspect(name, against, compared, tuple(findings))


def _blind(source: Source) -> str:
    if isinstance(source.live, ProbeError):
        return f"the backup has no manifest, and {source.live.why}"
    return "there is no manifest and no live server to compare with"
