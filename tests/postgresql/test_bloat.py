"""Bloat: measured where the extension is there, estimated where it is not, and neither where the estimate is good."""

import time
from collections.abc import Iterator

import pytest

from checks.engine.readings.postgresql_vacuum import PostgresqlBloat, PostgresqlIndexBloat
from tests.postgresql.conftest import Pair, Read

NAMES = ("postgresql_bloat", "postgresql_index_bloat")


@pytest.fixture
def bloated(pair: Pair) -> Iterator[Pair]:
    """A table of which nine tenths were deleted, and one that is whole."""
    for name in ("bloated", "whole"):
        pair.primary.execute(
            (
                f"CREATE TABLE {name} (id bigint, word text) WITH (autovacuum_enabled = false)",
                f"INSERT INTO {name} SELECT n, md5(n::text) FROM generate_series(1, 60000) AS n",
                f"CREATE INDEX {name}_idx ON {name} (word)",
            )
        )
    pair.primary.execute(("DELETE FROM bloated WHERE id % 10 <> 0",))
    time.sleep(2.5)  # until the standby says that it needs none of the rows
    pair.primary.execute(("VACUUM (ANALYZE) bloated", "VACUUM (ANALYZE) whole"))
    yield pair
    pair.primary.execute(("DROP TABLE bloated, whole",))


@pytest.mark.parametrize("extension", [True, False])
def test_what_is_bloated_is_named_and_what_is_whole_is_not(bloated: Pair, read: Read, *, extension: bool) -> None:
    if extension:
        bloated.primary.execute(("CREATE EXTENSION IF NOT EXISTS pgstattuple",))
    else:
        bloated.primary.execute(("DROP EXTENSION pgstattuple",))
    try:
        outcomes = read(NAMES).outcomes
    finally:
        bloated.primary.execute(("CREATE EXTENSION IF NOT EXISTS pgstattuple",))
    table, index = outcomes["postgresql_bloat"], outcomes["postgresql_index_bloat"]
    assert isinstance(table, PostgresqlBloat)
    assert isinstance(index, PostgresqlIndexBloat)
    assert 3_000_000 < table.wasted < 6_000_000
    assert 2_000_000 < index.wasted < 6_000_000
    for reading in (table, index):
        assert reading.measured == 1
        assert ("estimated" in reading.culprits[0]) is (not extension)
    assert "VACUUM FULL would lock it for all" in table.culprits[0]
    assert index.culprits[0].startswith("bloated_idx: ")
