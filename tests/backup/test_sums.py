"""The sum of a table says whether its rows are the same, whatever their order, the session's settings or the server."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from checks.engine.probes.backup import sums
from checks.engine.probes.backup.manifest import TableSum, fingerprint, row_seed
from tests.backup.servers import Source

SEED = row_seed(b"a seed of the tests")
WIDE = (
    "CREATE EXTENSION IF NOT EXISTS citext",
    "CREATE DOMAIN apelido AS citext",
    """CREATE TABLE larga (
        id int, quando timestamptz, j json, jb jsonb, x xml, p point, c citext, d apelido, b bytea, f float8,
        n numeric, r int4range, a text[], i interval, the_column text, "Com ""aspas" text)""",
    """INSERT INTO larga VALUES (
        1, '2026-01-01 12:00+00', '{"a": 1}', '{"a": 1}', '<a/>', '(0.1,2)', 'Maria', 'Lia', '\\x00ff', 0.1,
        1.50, '[1,3)', '{a,b}', '1 day 2 hours', 'x', 'y')""",
    "INSERT INTO larga (id) VALUES (2)",
)


@contextmanager
def session(server: Source, database: str, *settings: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """A transaction in which sums may be taken."""
    with psycopg.connect(server.dsn(database)) as link:
        for setting in settings:
            link.execute(setting.encode())
        link.execute(sums.SETTINGS.encode())
        yield link


def taken(server: Source, database: str, *settings: str, seed: int = SEED) -> dict[str, TableSum]:
    """Return the sums of all tables by name."""
    with session(server, database, *settings) as link:
        tables = sums.tables(link)
        odd = sums.unhashable(link, tables)
        return {table.name: sums.take(link, table, odd, seed) for table in tables}


@pytest.fixture
def wide(oldest: Source) -> str:
    """A database with a table of every awkward type."""
    return oldest.database("largas", *WIDE)


def test_the_order_of_rows_and_the_settings_of_a_session_do_not_matter(oldest: Source, wide: str) -> None:
    before = taken(oldest, wide)
    oldest.run(wide, "CREATE TABLE outra AS SELECT * FROM larga ORDER BY id DESC", "DROP TABLE larga")
    oldest.run(wide, "ALTER TABLE outra RENAME TO larga")
    after = taken(
        oldest,
        wide,
        "SET TimeZone TO 'Asia/Tokyo'",
        "SET DateStyle TO 'German'",
        "SET IntervalStyle TO 'iso_8601'",
        "SET bytea_output TO 'escape'",
        "SET extra_float_digits TO -5",
    )
    assert after == before
    assert before["public.larga"].rows == 2
    assert before["public.larga"].newest == (("quando", 1767268800.0),)


@pytest.mark.parametrize(
    "change",
    [
        "j = '{\"a\": 2}'",
        "x = '<b/>'",
        "p = '(0.1,3)'",
        "c = 'MARIA'",
        "d = 'LIA'",
        "b = '\\x00fe'",
        "quando = quando + interval '1 microsecond'",
        "a = '{b,a}'",
        "the_column = NULL",
        '"Com ""aspas" = \'z\'',
    ],
)
def test_a_change_of_one_value_shows(oldest: Source, wide: str, change: str) -> None:
    before = taken(oldest, wide)
    oldest.run(wide, f"UPDATE larga SET {change} WHERE id = 1")
    after = taken(oldest, wide)
    assert after["public.larga"].rows == before["public.larga"].rows
    assert after["public.larga"].sum != before["public.larga"].sum


def test_a_pair_of_equal_rows_does_not_cancel_out(oldest: Source) -> None:
    name = oldest.database("pares", "CREATE TABLE p (x int)", "INSERT INTO p VALUES (1)")
    one = taken(oldest, name)["public.p"].sum
    oldest.run(name, "INSERT INTO p VALUES (2), (2)")
    assert taken(oldest, name)["public.p"].sum != one


def test_leaves_are_summed_and_not_parents_unlogged_tables_or_views(oldest: Source) -> None:
    name = oldest.database(
        "galhos",
        "CREATE TABLE m (d int) PARTITION BY RANGE (d)",
        "CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (0) TO (10)",
        "INSERT INTO m VALUES (1), (2)",
        "CREATE UNLOGGED TABLE u (x int)",
        "CREATE TABLE pai (x int)",
        "CREATE TABLE filha () INHERITS (pai)",
        "INSERT INTO filha VALUES (1)",
        "CREATE MATERIALIZED VIEW cheia AS SELECT 1 AS um",
    )
    found = taken(oldest, name)
    assert {table: each.rows for table, each in found.items()} == {
        "public.m1": 2,
        "public.pai": 0,
        "public.filha": 1,
    }


def test_another_seed_gives_other_sums_and_tells_so(oldest: Source, wide: str) -> None:
    other = row_seed(b"another seed")
    assert taken(oldest, wide)["public.larga"].sum != taken(oldest, wide, seed=other)["public.larga"].sum
    assert fingerprint(b"another seed") != fingerprint(b"a seed of the tests")


def test_rows_hidden_by_row_security_are_an_error_and_no_smaller_number(oldest: Source) -> None:
    name = oldest.database(
        "ocultas",
        "CREATE TABLE s (x int)",
        "INSERT INTO s VALUES (1)",
        "ALTER TABLE s ENABLE ROW LEVEL SECURITY",
        "DROP ROLE IF EXISTS curiosa",
        "CREATE ROLE curiosa LOGIN",
        "GRANT SELECT ON s TO curiosa",
    )
    with psycopg.connect(oldest.dsn(name, "curiosa")) as link:
        link.execute(sums.SETTINGS.encode())
        (table,) = sums.tables(link)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            sums.take(link, table, frozenset(), SEED)


def test_object_ids_that_a_restore_gives_anew_do_not_count(oldest: Source) -> None:
    made = (
        "CREATE TYPE estado AS ENUM ('aberto', 'fechado')",
        "CREATE DOMAIN situacao AS estado",
        "CREATE TYPE par AS (e estado, n int)",
        "CREATE TYPE faixa AS RANGE (subtype = estado)",
        "CREATE TABLE alvo ()",
        "CREATE TABLE t (e estado, s situacao, a estado[], p par, f faixa, r regclass)",
        "INSERT INTO t VALUES ('aberto', 'fechado', '{aberto,fechado}', '(aberto,1)', '[aberto,fechado]', 'alvo')",
    )
    one = taken(oldest, oldest.database("um", *made))
    other = taken(oldest, oldest.database("outro", "CREATE TYPE antes AS ENUM ('x')", *made))
    assert one == other
    oldest.run("outro", "UPDATE t SET a = '{fechado,aberto}'")
    assert taken(oldest, "outro") != one


def test_a_server_that_hashes_no_rows_sums_their_text(oldest: Source, wide: str) -> None:
    with session(oldest, wide) as link:
        (table,) = sums.tables(link)
        every = frozenset(column.type for column in table.columns)
        before = sums.take(link, table, every, SEED)
        assert before.sum != sums.take(link, table, sums.unhashable(link, (table,)), SEED).sum
    oldest.run(wide, "UPDATE larga SET n = 1.51 WHERE id = 1")
    with session(oldest, wide) as link:
        assert sums.take(link, table, every, SEED).sum != before.sum


def test_both_servers_sum_alike(oldest: Source, newest: Source) -> None:
    made = (
        "CREATE TABLE t (a int, b text, c timestamptz, d numeric, e jsonb, f bytea, g uuid, h date)",
        """INSERT INTO t SELECT g, 'n' || g, to_timestamp(g), g / 7.0, to_jsonb(g), decode(md5(g::text), 'hex'),
        md5(g::text)::uuid, '2026-01-01'::date + g FROM generate_series(1, 100) g""",
    )
    one, other = oldest.database("iguais", *made), newest.database("iguais", *made)
    assert taken(oldest, one) == taken(newest, other)
