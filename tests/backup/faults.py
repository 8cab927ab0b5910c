"""The ways in which a backup that looks well is not, each as it is made on a real server; read by test_restore_faults.

`naive` in the docs is what `pg_restore -d X file; SELECT count(*) FROM clientes` says of the same file.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROLE = "DO $$BEGIN CREATE ROLE faults_app LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END$$"
BASE = (
    "CREATE EXTENSION pg_trgm",
    "CREATE EXTENSION unaccent",
    "CREATE TABLE clientes (id serial PRIMARY KEY, nome text NOT NULL, created_at timestamptz NOT NULL DEFAULT now())",
    "CREATE TABLE casos (id serial PRIMARY KEY, cliente_id int NOT NULL REFERENCES clientes, texto text NOT NULL)",
    "CREATE TABLE evidencias (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, caso_id int REFERENCES casos, n int)",
    "CREATE TABLE docs (id int PRIMARY KEY, lo oid)",
    "CREATE INDEX casos_texto_idx ON casos USING gin (texto gin_trgm_ops)",
    "CREATE MATERIALIZED VIEW resumo AS SELECT cliente_id, count(*) AS n FROM casos GROUP BY 1",
    "ALTER TABLE casos ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY equipe ON casos TO faults_app USING (cliente_id % 2 = 0)",
    "GRANT SELECT ON casos, clientes TO faults_app",
    "INSERT INTO clientes (nome) SELECT 'Marcada ' || i FROM generate_series(1, 2000) i",
    "INSERT INTO casos (cliente_id, texto) SELECT i % 2000 + 1, md5(i::text) FROM generate_series(1, 4000) i",
    "INSERT INTO evidencias (caso_id, n) SELECT i % 4000 + 1, i FROM generate_series(1, 3000) i",
    "INSERT INTO docs SELECT i, lo_from_bytea(0, 'x') FROM generate_series(1, 5) i",
    "REFRESH MATERIALIZED VIEW resumo",
    "ANALYZE",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: how it is made, which aspects of the copy it turns, and the names that the findings must hold.

    `source` runs before the dump and its manifest, `after` between manifest and dump, `dump` are options of pg_dump,
    `spoil` changes the file. `errors` in `turns` stands for what the restore itself says, `unknown` for a restore that
    nothing can be learnt from. No `turns` at all: the copy is the same as the source, and that must be seen.
    """

    id: str
    what: str
    turns: tuple[str, ...]
    names: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    dump: tuple[str, ...] = ()
    role: str = "postgres"
    other: bool = False
    spoil: Callable[[Path], None] | None = None
    least: int = 0
    create: str = ""
    base: tuple[str, ...] = field(default=BASE)
    before: str = ""


def cut(share: float) -> Callable[[Path], None]:
    """Return what cuts a file to a share of its length."""

    def spoil(path: Path) -> None:
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return spoil


def flip(inside: bytes, put: bytes) -> Callable[[Path], None]:
    """Return what changes some bytes of the data, as a failing disk does."""

    def spoil(path: Path) -> None:
        data = path.read_bytes()
        at = data.index(inside)
        path.write_bytes(data[:at] + put + data[at + len(put) :])

    return spoil


FAULTS = (
    Fault("whole", "nothing is wrong", ()),
    Fault(
        "R1",
        "a row points to one that does not exist",
        ("errors", "structure", "listed"),
        ("casos_cliente_id_fkey",),
        source=(
            (
                "SET session_replication_role = replica; "
                "INSERT INTO casos (cliente_id, texto) VALUES (999999, 'Marcada R1')"
            ),
        ),
    ),
    Fault(
        "R2",
        "the same key twice under a unique index",
        ("errors", "structure", "listed"),
        ("docs_pkey",),
        source=(
            "UPDATE pg_index SET indisunique = false WHERE indexrelid = 'docs_pkey'::regclass",
            "INSERT INTO docs VALUES (1, NULL)",
            "UPDATE pg_index SET indisunique = true WHERE indexrelid = 'docs_pkey'::regclass",
        ),
    ),
    Fault(
        "R3",
        "a CHECK whose function was made stricter since",
        ("errors", "rows"),
        ("casos",),
        source=(
            "CREATE FUNCTION public.ok(v text) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true'",
            "ALTER TABLE casos ADD CHECK (public.ok(texto))",
            "UPDATE casos SET texto = 'Marcada R3' WHERE id = 1",
            (
                "CREATE OR REPLACE FUNCTION public.ok(v text) RETURNS bool IMMUTABLE LANGUAGE sql "
                "AS $$SELECT v !~ 'Marcada'$$"
            ),
        ),
    ),
    Fault(
        "R4",
        "a generated column calls a function without its schema",
        ("errors", "rows", "structure", "listed"),
        ("clientes",),
        source=(
            (
                "CREATE FUNCTION public.sem(v text) RETURNS text IMMUTABLE LANGUAGE plpgsql "
                "AS $$BEGIN RETURN unaccent(v); END$$"
            ),
            "ALTER TABLE clientes ADD busca text GENERATED ALWAYS AS (public.sem(nome)) STORED",
        ),
    ),
    Fault(
        "R6",
        "an extension of an older version",
        ("extensions",),
        ("pg_trgm",),
        source=("DROP EXTENSION pg_trgm CASCADE", "CREATE EXTENSION pg_trgm VERSION '1.3'"),
    ),
    Fault(
        "R7",
        "a policy is not in the dump",
        ("security", "policies"),
        ("equipe",),
        after=("DROP POLICY equipe ON casos",),
    ),
    Fault(
        "R8",
        "the rows of a parent table are left out",
        ("errors", "rows"),
        ("clientes",),
        dump=("--exclude-table-data=clientes",),
    ),
    Fault(
        "R13",
        "only the schema public is dumped",
        ("errors", "extensions", "large objects"),
        ("pg_trgm",),
        dump=("-n", "public"),
    ),
    Fault("N1", "the file ends at 92 %", ("errors", "rows"), ("evidencias",), spoil=cut(0.92)),
    Fault(
        "N2",
        "bytes changed in an archive without compression",
        ("contents",),
        ("clientes",),
        dump=("-Z0",),
        spoil=flip(b"Marcada 777", b"Larcada"),
    ),
    Fault(
        "N3",
        "the rows of a leaf table are left out",
        ("rows",),
        ("evidencias",),
        dump=("--exclude-table-data=evidencias",),
    ),
    Fault("N4", "a table is left out", ("rows", "structure"), ("evidencias",), dump=("-T", "evidencias")),
    Fault(
        "N5",
        "a role that row security hides rows from takes the dump",
        ("rows",),
        ("casos",),
        source=(
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO faults_app",
            "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO faults_app",
        ),
        dump=("--enable-row-security", "-B", "-T", "docs"),
        role="faults_app",
    ),
    Fault("N6", "another, empty database is dumped", ("rows", "structure"), ("clientes",), other=True),
    Fault(
        "N9",
        "a sequence stands behind its keys",
        ("sequences",),
        ("casos_id_seq",),
        source=("INSERT INTO casos VALUES (4001, 1, 'x')",),
    ),
    Fault(
        "N11",
        "a materialised view was never filled",
        ("filled",),
        ("resumo",),
        source=("REFRESH MATERIALIZED VIEW resumo WITH NO DATA",),
    ),
    Fault("N13", "the large objects are left out", ("large objects",), ("docs",), dump=("-B",)),
    Fault(
        "N14",
        "Latin-1 bytes in a database that takes any",
        ("texts",),
        ("clientes",),
        create="ENCODING 'SQL_ASCII'",
        source=(r"INSERT INTO clientes (nome) VALUES (E'Mu\361oz')",),
    ),
    Fault(
        "N17",
        "a constraint that was never validated",
        ("validated",),
        ("positivo",),
        source=("ALTER TABLE evidencias ADD CONSTRAINT positivo CHECK (n > 10) NOT VALID",),
    ),
    Fault(
        "N18",
        "a foreign key that was never validated, and its orphans",
        ("validated", "references"),
        ("docs_fk",),
        source=(
            "ALTER TABLE docs ADD caso int",
            "UPDATE docs SET caso = -1",
            "ALTER TABLE docs ADD CONSTRAINT docs_fk FOREIGN KEY (caso) REFERENCES casos NOT VALID",
        ),
    ),
    Fault(
        "N20",
        "a row changed and every count is the same",
        ("contents",),
        ("casos",),
        after=("UPDATE casos SET texto = 'outro' WHERE id = 7",),
    ),
)
