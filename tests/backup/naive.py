"""What a runbook's restore says of a backup: pg_restore, its exit code, and the count of one table."""

from dataclasses import dataclass
from pathlib import Path

import psycopg

from checks.engine.probes.backup import child
from tests.backup.restoring import Bench, drop


@dataclass(frozen=True, slots=True)
class Naive:
    """Exit code of pg_restore, and the rows of clientes (None: no such table)."""

    code: int
    rows: int | None


def naive(bench: Bench, name: str, dump: Path) -> Naive:
    """Restore as the operators' guide does, as superuser into an empty database."""
    with bench.scratch.connect("postgres") as link:
        link.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    arguments = bench.scratch.arguments(name, "naive")
    done = child.run((bench.scratch.binaries["pg_restore"], *arguments, str(dump)), 60)
    with bench.scratch.connect(name) as link:
        try:
            row = link.execute("SELECT count(*) FROM public.clientes").fetchone()
        except psycopg.errors.UndefinedTable:
            row = None
    drop(bench, name)
    return Naive(done.code, None if row is None else int(row[0]))
