"""Sequences: which of them is at its end, which is behind its column, and of which nobody can say it."""

from collections.abc import Iterator

import pytest

from checks.engine.readings.postgresql_schema import PostgresqlSequences, PostgresqlSequencesBehind
from tests.postgresql.conftest import Pair, Read

USED, BEHIND = "postgresql_sequences", "postgresql_sequences_behind"


@pytest.fixture(scope="module")
def numbered(pair: Pair) -> Iterator[Pair]:
    """A table with a key, one with a key of text, one of a domain, one whose column begins no index."""
    pair.primary.execute(
        (
            "CREATE TABLE keyed (id serial PRIMARY KEY)",
            "INSERT INTO keyed SELECT FROM generate_series(1, 10)",
            "CREATE SEQUENCE of_nobody",
            "CREATE SEQUENCE of_text",
            "CREATE TABLE texted (id text PRIMARY KEY DEFAULT 'A' || nextval('of_text'))",
            "INSERT INTO texted DEFAULT VALUES",
            "CREATE DOMAIN whole AS int4",
            "CREATE DOMAIN positive AS whole CHECK (VALUE > 0)",
            "CREATE SEQUENCE of_domain",
            "CREATE TABLE domained (id positive PRIMARY KEY DEFAULT nextval('of_domain'))",
            "CREATE TABLE tenants (tenant int, id serial, UNIQUE (tenant, id))",
        )
    )
    yield pair
    pair.primary.execute(
        (
            "DROP TABLE keyed, texted, domained, tenants",
            "DROP SEQUENCE of_nobody, of_text, of_domain",
            "DROP DOMAIN positive, whole",
        )
    )


def behind(read: Read) -> PostgresqlSequencesBehind:
    found = read((BEHIND,)).outcomes[BEHIND]
    assert isinstance(found, PostgresqlSequencesBehind), found
    return found


@pytest.mark.parametrize(
    ("moved", "taken"),
    [
        ("SELECT setval('keyed_id_seq', 10)", False),
        ("SELECT setval('keyed_id_seq', 11, false)", False),
        ("ALTER SEQUENCE keyed_id_seq RESTART WITH 1000", False),
        ("SELECT setval('keyed_id_seq', 9)", True),
        ("SELECT setval('keyed_id_seq', 10, false)", True),
        ("ALTER SEQUENCE keyed_id_seq RESTART", True),
    ],
)
def test_a_sequence_is_behind_by_the_number_that_it_gives_next(
    numbered: Pair, read: Read, moved: str, *, taken: bool
) -> None:
    numbered.primary.execute((moved,))
    found = behind(read)
    assert found.behind == int(taken)
    assert ("public.keyed_id_seq for public.keyed.id" in found.culprits) is taken


def test_a_sequence_of_no_column_or_of_text_blinds_nothing_and_what_cannot_be_told_is_named(
    numbered: Pair, read: Read
) -> None:
    numbered.primary.execute(("SELECT setval('keyed_id_seq', 10)",))
    found = behind(read)
    assert found.behind == 0
    unknown = "not known, as no index begins with a column of numbers: "
    assert {text.removeprefix(unknown) for text in found.culprits if text.startswith(unknown)} >= {
        "public.texted.id",
        "public.tenants.id",
    }
    assert found.uncompared == len(found.culprits)


@pytest.mark.parametrize(
    ("moved", "named"),
    [
        ("SELECT setval('keyed_id_seq', 2147483646, false)", "public.keyed_id_seq for public.keyed.id: 100.0 %"),
        ("SELECT setval('of_domain', 2147483000)", "public.of_domain for public.domained.id: 100.0 %"),
    ],
)
def test_a_sequence_near_its_end_is_told_uncalled_and_through_a_domain(
    numbered: Pair, read: Read, moved: str, named: str
) -> None:
    numbered.primary.execute((moved,))
    try:
        found = read((USED,)).outcomes[USED]
    finally:
        numbered.primary.execute(("SELECT setval('keyed_id_seq', 10)", "SELECT setval('of_domain', 1)"))
    assert isinstance(found, PostgresqlSequences)
    assert found.used_ratio > 0.99
    assert named in found.culprits
