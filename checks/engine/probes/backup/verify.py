"""Everything that is proved of one restored copy, shared out to a few connections; called by `restored` and `drill`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, islice

from checks.engine.probes.backup import integrity, proof, structure, sums
from checks.engine.probes.backup.archive import TocEntry
from checks.engine.probes.backup.crew import share
from checks.engine.probes.backup.database import RESTORER
from checks.engine.probes.backup.manifest import TableSum
from checks.engine.probes.backup.progress import Phase
from checks.engine.probes.backup.proof import Source
from checks.engine.probes.backup.scratch import SUPERUSER, Link, Server
from checks.engine.probes.backup.structure import Structure
from checks.engine.readings.restore import Aspect


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found in the copy, and every aspect of it."""

    structure: Structure
    tables: tuple[TableSum, ...]
    aspects: tuple[Aspect, ...]


def verify(
    server: Server, database: str, entries: tuple[TocEntry, ...], source: Source, *, hands: int, rows_only: bool = False
) -> Verified:
    """Compare the copy with its source and with itself; raise ProbeError where the server ends meanwhile."""
    with server.connect(database) as link:
        copy = structure.read(link)
    counted = tuple(_counted(server, database, source.seed, hands))
    aspects = [proof.rows(counted, source), proof.contents(counted, source)]
    if not rows_only:
        aspects += [proof.things(copy, source, name) for name in proof.KINDS]
        aspects += [
            integrity.listed(entries, copy),
            integrity.guarded(copy),
            integrity.filled(copy),
            integrity.validated(copy),
            *_itself(server, database, copy, source, hands),
        ]
    return Verified(copy, counted, tuple(aspects))


def _counted(server: Server, database: str, seed: int | None, hands: int) -> list[TableSum]:
    with server.connect(database, RESTORER) as link, link.transaction():
        link.execute(sums.SETTINGS)
        # When rows were written is asked where it matters (recovery_point): here it would be half of the time.
        tables = tuple(replace(table, columns=_no_moments(table)) for table in sums.tables(link))
        odd = sums.unhashable(link, tables) if seed is not None else frozenset[str]()

    phase, done = Phase("verify", "tables", len(tables)), count(1)

    def one(table: sums.Table, link: Link) -> TableSum:
        with link.transaction():
            link.execute(sums.SETTINGS)
            taken = sums.take(link, table, odd, seed)
        phase.at(next(done))
        return taken

    return share(server, database, RESTORER, hands, [partial(one, table) for table in tables])


def _no_moments(table: sums.Table) -> tuple[sums.Column, ...]:
    return tuple(replace(column, moment=False) for column in table.columns)


def _itself(server: Server, database: str, copy: Structure, source: Source, hands: int) -> list[Aspect]:
    with server.connect(database) as link:
        references = integrity.references(link)
        sequences = integrity.sequences(link)
        objects = integrity.large_objects(link)
        encoding, texts = integrity.texts(link, copy)
        absent, indexes = integrity.indexes(link)
    plain = [*references, *sequences, *objects, *texts]
    found = iter(share(server, database, RESTORER, hands, plain))
    parts = [_take(found, part) for part in (references, sequences, objects, texts)]
    unsound = _told(share(server, database, SUPERUSER, hands, indexes))
    with server.connect(database) as link:
        integrity.tidy(link)
    behind, kept = parts[1], tuple(_objects_kept(server, database, source))
    if source.manifest is not None:
        then = structure.from_json(source.manifest.structure)
        behind += tuple(integrity.not_behind(then.sequences, copy.sequences))
    encoded = (f"the database's encoding is {encoding}: it lets bytes in that are no text",) if encoding != "" else ()
    return [
        Aspect("references", "the rows they point to", len(references), parts[0]),
        Aspect("sequences", "the keys they feed", len(sequences), behind),
        Aspect("large objects", "the columns that name them", len(objects), (*parts[2], *kept)),
        Aspect("texts", "the encoding", max(1, len(texts)), (*encoded, *parts[3])),
        Aspect("indexes", "their tables", len(indexes), unsound, blind=absent),
    ]


def _objects_kept(server: Server, database: str, source: Source) -> Iterator[str]:
    """Compare large objects with the manifest: how many, and with a seed what they hold."""
    if source.manifest is None:
        return
    with server.connect(database) as link, link.transaction():
        link.execute(sums.SETTINGS)
        row = link.execute(sums.LARGE_OBJECTS, {"seed": source.seed or 0}).fetchone()
    count, total = (int(row[0]), str(row[1])) if row is not None else (0, "")
    then = source.manifest.large_objects
    if count != then:
        yield f"the copy has {count} large objects, the manifest says {then}"
    elif source.seed is not None and source.manifest.large_objects_sum not in {None, total}:
        yield f"the {count} large objects of the copy do not hold what the manifest says"


def _take(found: Iterator[str | None], part: Sequence[integrity.Statement]) -> tuple[str, ...]:
    return _told(list(islice(found, len(part))))


def _told(found: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(finding for finding in found if finding is not None)
