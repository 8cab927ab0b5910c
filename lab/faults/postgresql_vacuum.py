"""What goes wrong with vacuum, indexes and pages."""

from pathlib import Path

import psycopg

from lab.faults.postgresql import await_replay, statements
from lab.faults.registry import Act, Fault, register
from lab.running import Running

_DROP = "DROP TABLE IF EXISTS public.lab_fault"
_DAMAGED, _WHOLE = "lab_damaged", "lab_whole"
PAGE = 8192
_HAND_IN = "SELECT pg_stat_force_next_flush()"  # a session else hands in its counters once a second


def _register(name: str, what: str, expect: dict[str, str], acts: tuple[Act, Act]) -> None:
    on_primary = {f"{key}@primary": state for key, state in expect.items()}
    register(Fault(name, what, ("postgresql",), on_primary, *acts))


def _failed_build(running: Running) -> None:
    table = "CREATE TABLE public.lab_fault AS SELECT 1 AS id FROM generate_series(1, 2)"
    running.primary.execute((_DROP, table))
    try:
        running.primary.execute(("CREATE UNIQUE INDEX CONCURRENTLY lab_fault_idx ON public.lab_fault (id)",))
    except psycopg.errors.UniqueViolation:
        await_replay(running)
    else:
        raise AssertionError("the index was built over equal values")


def _damage(running: Running) -> None:
    """Flip bytes of a page in a database that was just copied, so that no page of it is in memory, and read it."""
    running.primary.execute((f"CREATE DATABASE {_WHOLE}",))
    running.primary.execute(("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n",), _WHOLE)
    running.primary.execute((f"CREATE DATABASE {_DAMAGED} TEMPLATE {_WHOLE} STRATEGY file_copy",))
    with running.primary.connect(database=_DAMAGED) as connection:
        row = connection.execute("SELECT pg_relation_filepath('t')").fetchone()
        assert row is not None  # noqa: S101 (for the type checker)
        path = running.primary.folder / Path(str(row[0]))
        with path.open("r+b") as file:
            file.seek(PAGE - 64)
            file.write(b"\xff" * 32)
        try:
            connection.execute("SELECT count(*) FROM t")
        except psycopg.errors.DataCorrupted:
            return
    raise AssertionError("the damaged page was read")


def _undamage(running: Running) -> None:
    running.primary.execute((f"DROP DATABASE {_DAMAGED} WITH (FORCE)", f"DROP DATABASE {_WHOLE} WITH (FORCE)"))
    await_replay(running)


_register(
    "postgresql-index-invalid",
    "CREATE INDEX CONCURRENTLY failed and left an index that nothing can use",
    {"postgresql-indexes-invalid": "CRITICAL"},
    (_failed_build, statements((), (_DROP,))[1]),
)
_register(
    "postgresql-page-damaged",
    "a page's checksum is wrong",
    {"postgresql-checksums": "CRITICAL"},
    (_damage, _undamage),
)
_register(
    "vacuum-dead-rows",
    "rows were deleted where autovacuum is off",
    {"postgresql-autovacuum": "WARNING", "vacuum-dead-rows": "WARNING", "analyse-modified-rows": "WARNING"},
    statements(
        (
            "CREATE TABLE public.lab_fault (id bigint) WITH (autovacuum_enabled = false)",
            "INSERT INTO public.lab_fault SELECT generate_series(1, 30000)",
            _HAND_IN,
            "VACUUM (ANALYZE) public.lab_fault",
            "DELETE FROM public.lab_fault",
            _HAND_IN,
        ),
        (_DROP,),
    ),
)
_register(
    "vacuum-inserted-rows",
    "rows were inserted where autovacuum is off",
    {"postgresql-autovacuum": "WARNING", "vacuum-inserted-rows": "WARNING", "analyse-modified-rows": "WARNING"},
    statements(
        (
            "CREATE TABLE public.lab_fault (id bigint) WITH (autovacuum_enabled = false)",
            "INSERT INTO public.lab_fault SELECT generate_series(1, 30000)",
            _HAND_IN,
        ),
        (_DROP,),
    ),
)
_register(
    "vacuum-not-recent",
    "a table of the guide changed, and nothing says that it was ever vacuumed",
    {"vacuum-recent": "WARNING"},
    statements(
        (
            "SELECT pg_stat_reset_single_table_counters('public.ponto_apoio'::regclass)",
            "UPDATE public.ponto_apoio SET nome = nome WHERE id = (SELECT min(id) FROM public.ponto_apoio)",
            _HAND_IN,
        ),
        ("VACUUM (ANALYZE) public.ponto_apoio",),
    ),
)
_register(
    "postgresql-bloat",
    "nine tenths of a table were deleted, and its space and that of its index are not given back",
    {"bloat-tables": "WARNING", "bloat-indexes": "WARNING"},
    statements(
        (
            "CREATE TABLE public.lab_fault (id bigint, word text)",
            "INSERT INTO public.lab_fault SELECT n, md5(n::text) FROM generate_series(1, 150000) AS n",
            "CREATE INDEX lab_fault_idx ON public.lab_fault (word)",
            _HAND_IN,
            "VACUUM (ANALYZE) public.lab_fault",
            "DELETE FROM public.lab_fault WHERE id % 10 <> 0",
            _HAND_IN,
            "SELECT pg_sleep(2.5)",  # until the standby says that it needs none of the rows
            "VACUUM (ANALYZE) public.lab_fault",
        ),
        (_DROP,),
    ),
)
_register(
    "postgresql-database-large",
    "the databases have outgrown what the machine was made for",
    {"postgresql-database-size": "WARNING"},
    statements(
        (
            "CREATE TABLE public.lab_fault (id bigint, word text)",
            "INSERT INTO public.lab_fault SELECT n, md5(n::text) FROM generate_series(1, 300000) AS n",
            _HAND_IN,
            "VACUUM (ANALYZE) public.lab_fault",
            "SET maintenance_work_mem = '512MB'",  # or the sorts are temporary files
            "SET max_parallel_maintenance_workers = 0",
            *(f"CREATE INDEX ON public.lab_fault ({columns})" for columns in ("word", "word, id", "id, word")),
        ),
        (_DROP,),
    ),
)
