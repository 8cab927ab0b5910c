"""The whole verification of a backup of more than a gigabyte against a plain pg_restore of the same file."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from checks.engine.probes.backup import binaries
from lab.client import Lab
from tests.backup.servers import Source, source
from tests.bench.frame import ROOT, Row, at_most, bench, progress, run, shown

GIGABYTE = 10**9
# A real database's mixture: few wide rows, many narrow ones, documents, foreign keys, several indexes a table, and text
# that is searched by its parts. Building the indexes takes most of a restore, as it does of a real one.
SCHEMA = """
CREATE EXTENSION pg_trgm;
CREATE TABLE clientes (id serial PRIMARY KEY, nome text NOT NULL, email text UNIQUE, em timestamptz DEFAULT now());
CREATE TABLE casos (id serial PRIMARY KEY, cliente_id int NOT NULL, texto text NOT NULL,
                    dados jsonb NOT NULL, em timestamptz NOT NULL);
CREATE TABLE eventos (id bigserial PRIMARY KEY, caso_id int NOT NULL, tipo smallint,
                      valor double precision, em timestamptz NOT NULL);
"""
ROWS = (
    "INSERT INTO clientes (nome, email) SELECT 'pessoa ' || i, 'p' || i || '@exemplo.org' FROM generate_series(1, 200000) i",  # noqa: E501
    """INSERT INTO casos (cliente_id, texto, dados, em)
       SELECT i % 200000 + 1, md5(i::text) || ' ' || md5((i % 5000)::text) || repeat(' relato do caso', 20),
              jsonb_build_object('n', i % 5000, 's', i % 17, 'h', md5(i::text)), now() - i * interval '1 second'
         FROM generate_series(1, 800000) i""",
    """INSERT INTO eventos (caso_id, tipo, valor, em)
       SELECT i % 800000 + 1, i % 9, random(), now() - i * interval '1 s' FROM generate_series(1, 2000000) i""",
)
INDEXES = """
ALTER TABLE casos ADD FOREIGN KEY (cliente_id) REFERENCES clientes;
ALTER TABLE eventos ADD FOREIGN KEY (caso_id) REFERENCES casos;
CREATE INDEX ON casos (cliente_id); CREATE INDEX ON casos (em); CREATE INDEX ON casos USING gin (dados);
CREATE INDEX ON casos USING gin (texto gin_trgm_ops); CREATE INDEX ON clientes USING gin (nome gin_trgm_ops);
CREATE INDEX ON eventos (caso_id); CREATE INDEX ON eventos (em);
CREATE MATERIALIZED VIEW por_tipo AS SELECT tipo, count(*) AS n FROM eventos GROUP BY 1;
"""


@bench("restore")
def restore(_lab: Lab) -> list[Row]:
    """Return the ratios of the whole verification and of the rows tier, and our own peak memory."""
    programs = binaries.found()[0]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as named, source(programs.folder, programs.major) as server:
        folder = Path(named)
        server.database("penhas", *_each(SCHEMA), *ROWS, *_each(INDEXES))
        size = int(str(server.run("penhas", "SELECT pg_database_size('penhas')")[0][0]))
        dump = _taken(server, folder)
        server.run("postgres", "DROP DATABASE penhas")
        packed = dump.stat().st_size
        plain = _plain(programs, dump)
        progress(f"plain pg_restore: {plain:.1f} s")
        full = _suite(folder, "full")
        progress(f"restored and proved: {full[0]:.1f} s")
        rows = _suite(folder, "rows")
    return [
        at_most("restore-proof/pg_restore", full[0] / plain, "ratio", 1.2),
        at_most("restore-rows/pg_restore", rows[0] / plain, "ratio", 0.4),
        at_most("restore-peak-memory", full[1], "MB", 150),
        shown("restore-plain-seconds", plain, "s"),
        shown("restore-proof-seconds", full[0], "s"),
        shown("restore-rows-seconds", rows[0], "s"),
        shown("restore-database", size / GIGABYTE, "GB"),
        shown("restore-dump", packed / 1e6, "MB"),
    ]


def _each(text: str) -> list[str]:
    return text.replace("\n", " ").split(";")[:-1]


def _taken(server: Source, folder: Path) -> Path:
    """Take the backup with the suite's own program, into a folder."""
    place = folder / "backups"
    place.mkdir()
    environment = folder / "bench.toml"
    environment.write_text(_environment(place, "full"), "utf-8")
    variables = {"PENHAS_CHECKS_BENCH_SEED": "a seed", "PENHAS_CHECKS_BENCH_DSN": server.dsn("penhas")}
    command = [sys.executable, "-m", "checks.take_backup", f"--environment={environment}"]
    done = run(command, variables)
    if done.code != 0:
        raise RuntimeError(done.output)
    return next(place.glob("*.dump"))


def _environment(place: Path, tier: str) -> str:
    return (
        f'name = "bench"\n[backup]\nfolder = "{place}"\nseed = {{ env = "PENHAS_CHECKS_BENCH_SEED" }}\n'
        'source = { env = "PENHAS_CHECKS_BENCH_DSN" }\n'
        f'[restore]\nhost = "{socket.gethostname()}"\nallow_here = "a bench"\nnice = 0\ntier = "{tier}"\n'
    )


def _plain(programs: binaries.Binaries, dump: Path) -> float:
    """Return the seconds of pg_restore -j2 into a server with default settings."""
    with source(programs.folder, programs.major, tuned=False) as server:
        server.run("postgres", "CREATE DATABASE penhas")
        began = time.perf_counter()
        done = server.program("pg_restore", "-j2", "-d", "penhas", str(dump))
        seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise RuntimeError("the plain restore failed")
    return seconds


def _suite(folder: Path, tier: str) -> tuple[float, float]:
    """Return the seconds of the whole run and the peak memory of our own process in MB."""
    environment = folder / "bench.toml"
    environment.write_text(_environment(folder / "backups", tier), "utf-8")
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.restore_once", str(environment), "backup_restored"],
        cwd=ROOT,
        env={**os.environ, "PENHAS_CHECKS_BENCH_SEED": "a seed"},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise RuntimeError(done.stdout)
    return seconds, float(json.loads(done.stdout.splitlines()[-1])["megabytes"])
