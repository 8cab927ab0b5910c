"""What a copy is compared with where there is no manifest, and what no comparison may say."""

from dataclasses import replace

import pytest
from pydantic import JsonValue

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup import proof
from checks.engine.probes.backup.live_rows import LiveRows
from checks.engine.probes.backup.manifest import TableSum
from checks.engine.probes.backup.proof import DAY, Source
from checks.engine.probes.backup.structure import Structure
from tests.backup import made

LIVE = {"public.a": 10_000, "public.b": 50, "public.c": 0}


def _source(age: float = DAY) -> Source:
    return Source(None, LiveRows("replica1", LIVE), None, "", age)


def _findings(age: float = DAY, **rows: int) -> tuple[str, ...]:
    found = tuple(TableSum(f"public.{name}", count, None) for name, count in rows.items())
    return proof.rows(found, _source(age)).findings


def test_a_live_table_may_have_grown_since() -> None:
    """A tenth a day, and a hundred rows, either side of the limit; the older the backup, the more."""
    assert _findings(a=10_000, b=50, c=0) == ()
    assert _findings(a=8_900, b=50, c=0) == ()
    assert _findings(a=8_899, b=50, c=0) == ("public.a has 8899 rows, 10000 live",)
    assert _findings(2 * DAY, a=8_899, b=50, c=0) == ()


def test_rows_deleted_since_are_no_loss() -> None:
    """They stand in the copy, and should."""
    assert _findings(a=50_000, b=50, c=7) == ()


def test_an_empty_or_missing_table_is_one() -> None:
    """However few rows it has; one that is empty live too is not."""
    assert _findings(a=10_000, b=0, c=0) == ("public.b is empty in the copy, 50 rows live",)
    assert _findings(a=10_000, c=0) == ("public.b is missing in the copy (50 rows live)",)


def test_what_cannot_be_compared_is_blind_and_never_green() -> None:
    """The reason is the live server's."""
    denied = Source(None, ProbeError(Reason.DENIED, "the rows of replica1 may not be counted"), None, "", DAY)
    aspect = proof.rows((TableSum("public.a", 1, None),), denied)
    assert aspect.findings == ()
    assert "may not be counted" in aspect.blind


def _manifest(**rows: int) -> Source:
    tables = tuple(TableSum(f"public.{name}", count, "1") for name, count in rows.items())
    structure: JsonValue = {"major": 15, "things": {}, "sequences": {}, "large_objects": 0}
    own = replace(made.manifest("a", b"", 0.0), tables=tables, structure=structure)
    return Source(own, None, 7, "", DAY)


def test_contents_are_the_same_only_where_every_table_was_compared() -> None:
    """Where rows are missing another check alarms, and this one says that it could not see."""
    source = _manifest(a=3, b=5)
    whole = (TableSum("public.a", 3, "1"), TableSum("public.b", 5, "1"))
    assert proof.contents(whole, source).blind == ""
    for found in (whole[:1], (whole[0], TableSum("public.b", 4, "1"))):
        aspect = proof.contents(found, source)
        assert (aspect.findings, aspect.told_by) == ((), "backup-restore-rows")
        assert "1 of 2 tables" in aspect.blind
    changed = proof.contents((TableSum("public.a", 3, "2"),), source)
    assert changed.findings == ("public.a: 3 rows as in the manifest, but not the same rows",)


@pytest.mark.parametrize("name", ["structure", "security", "extensions"])
def test_without_a_manifest_nothing_is_said_of_what_only_it_knows(name: str) -> None:
    """Neither a finding nor well."""
    aspect = proof.things(Structure(15, {}, {}, 0), _source(), name)
    assert (aspect.findings, aspect.blind) == ((), "")
    assert "no manifest" in aspect.beyond
    assert "no manifest" in proof.contents((), _source()).beyond
