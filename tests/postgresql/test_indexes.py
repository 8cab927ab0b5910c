"""Indexes that are there twice: what forbids different things is not equal, whatever its columns are."""

import pytest

from checks.engine.probes import statements
from checks.engine.readings.postgresql_schema import PostgresqlConstraints, PostgresqlDuplicates
from tests.postgresql.conftest import Pair, Read

NAME = "postgresql_duplicates"


def duplicates(read: Read) -> set[str]:
    found = read((NAME,)).outcomes[NAME]
    assert isinstance(found, PostgresqlDuplicates), found
    assert found.groups == len(found.culprits)
    return {text for text in found.culprits if "twice" in text}


def test_of_a_unique_and_a_plain_index_only_the_plain_one_may_go(pair: Pair, read: Read) -> None:
    pair.primary.execute(
        (
            "CREATE TABLE twice (a int, b int, c int, d int)",
            "CREATE INDEX twice_a ON twice (a)",
            "CREATE UNIQUE INDEX twice_a_unique ON twice (a)",
            "CREATE INDEX twice_b ON twice (b)",
            "CREATE INDEX twice_b_again ON twice (b)",
            "CREATE INDEX twice_c ON twice (c)",
            "ALTER TABLE twice ADD UNIQUE (d), ADD CONSTRAINT twice_d_later UNIQUE (d) DEFERRABLE",
        )
    )
    try:
        if pair.major >= 15:
            pair.primary.execute(
                (
                    "CREATE UNIQUE INDEX twice_c_unique ON twice (c, b)",
                    "CREATE UNIQUE INDEX twice_c_one_null ON twice (c, b) NULLS NOT DISTINCT",
                )
            )
        assert duplicates(read) == {
            "twice_a on twice, where twice_a_unique is unique and serves too: drop the first",
            "twice_b, twice_b_again on twice",
        }
    finally:
        pair.primary.execute(("DROP TABLE twice",))


def test_a_key_that_is_not_enforced_is_not_told_to_be_validated(pair: Pair, read: Read) -> None:
    if pair.major < 18:
        pytest.skip("there is none before 18")
    pair.primary.execute(
        (
            "CREATE TABLE pointing (a int, b int)",
            "ALTER TABLE pointing ADD PRIMARY KEY (b)",
            "ALTER TABLE pointing ADD CONSTRAINT off FOREIGN KEY (a) REFERENCES pointing NOT ENFORCED",
            "ALTER TABLE pointing ADD CONSTRAINT late FOREIGN KEY (a) REFERENCES pointing NOT VALID",
        )
    )
    try:
        found = read(("postgresql_constraints",)).outcomes["postgresql_constraints"]
    finally:
        pair.primary.execute(("DROP TABLE pointing",))
    assert isinstance(found, PostgresqlConstraints)
    assert found.culprits == (
        "constraint late on pointing is not validated",
        "constraint off on pointing is NOT ENFORCED: ALTER CONSTRAINT … ENFORCED",
    )


def test_before_15_the_databases_own_collation_is_said_to_be_not_known(pair: Pair) -> None:
    for version, said in ((140000, ["the database's own collation: not known before PostgreSQL 15"]), (150000, None)):
        if version <= pair.major * 10000:
            text = statements.text_of("postgresql_collations", version)
            assert pair.primary.value(f"SELECT culprits FROM ({text}) AS s") == said
