"""Every format of pg_dump comes back whole, and a plain dump is loaded without psql."""

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup import kinds, restore
from tests.backup.faults import ROLE
from tests.backup.restoring import Bench, bench, compare, drop, manifest_of

__all__ = ["bench"]  # a fixture


@pytest.fixture
def plain(bench: Bench) -> Path:
    """A plain dump of the base database."""
    return _dump(bench, "p")


def _dump(bench: Bench, form: str) -> Path:
    path = bench.folder / f"formats.{form}"
    if path.is_dir():
        shutil.rmtree(path)
    done = bench.source.program("pg_dump", f"-F{form}", "-f", str(path), "base")
    assert done.returncode == 0, done.stderr
    return path


@pytest.mark.parametrize("form", ["c", "d", "t", "p"])
def test_every_format_comes_back_whole(bench: Bench, form: str) -> None:
    """Nothing differs from the manifest."""
    assert compare(bench, f"format_{form}", _dump(bench, form), manifest_of(bench.source, "base")) == {}


@pytest.mark.parametrize("packed", ["gzip", "zstd", "lz4"])
def test_a_packed_plain_dump_comes_back_whole(bench: Bench, plain: Path, packed: str) -> None:
    """Gzip is unpacked here, zstd and lz4 by their programs."""
    path = plain.with_suffix(f".{packed}")
    if packed == "gzip":
        path.write_bytes(gzip.compress(plain.read_bytes()))
    elif shutil.which(packed) is None:
        pytest.skip(f"{packed} is not installed")
    else:
        path.write_bytes(subprocess.run([packed, "-qc", str(plain)], check=True, capture_output=True).stdout)
    assert compare(bench, f"packed_{packed}", path, manifest_of(bench.source, "base")) == {}


def test_programs_that_were_built_without_a_compression_say_nothing_of_the_backup(bench: Bench) -> None:
    """Neither reading it to its end nor the restore takes it for damaged; the mend names the compression."""
    if bench.source.major < 16:
        pytest.skip("older archives know gzip only")
    path = bench.folder / "formats.lz4"
    done = bench.source.program("pg_dump", "-Fc", "--compress=none", "-f", str(path), "base")
    assert done.returncode == 0
    data = bytearray(path.read_bytes())
    data[11] = 2  # the byte that names the compression: lz4
    path.write_bytes(data)
    printed = bench.source.program("pg_restore", "-f", "-", str(path)).stderr
    if b"does not support compression" not in printed:
        pytest.skip("these programs know lz4")
    with pytest.raises(ProbeError, match="lz4") as raised:
        compare(bench, "lz4", path, None)
    drop(bench, "lz4")
    assert "built with lz4" in raised.value.mend
    with pytest.raises(ProbeError) as raised:
        kinds.read_custom([bytes(data)], str(bench.source.programs))
    assert (raised.value.reason, "built with lz4" in raised.value.mend) == (Reason.OURS, True)


def test_a_plain_dump_that_was_cut_is_no_backup(bench: Bench, plain: Path) -> None:
    """Psql loads it without an error; here its missing end and its missing rows are told, and no row is."""
    data = plain.read_bytes()
    cut = plain.with_suffix(".cut")
    cut.write_bytes(data[: data.index(b"Marcada 1500")])
    findings = compare(bench, "cut", cut, manifest_of(bench.source, "base"))
    assert "not whole" in findings["errors"][0]
    assert any("public.clientes" in text for text in findings["rows"])
    assert "Marcada" not in str(findings)


@pytest.mark.parametrize(("code", "whose"), [("54000", "the backup's"), ("55000", "the backup's"), ("53100", "ours")])
def test_a_limit_that_a_plain_dump_meets_is_its_own_and_a_full_disk_is_ours(
    bench: Bench, plain: Path, code: str, whose: str
) -> None:
    """The driver takes each of them for a failure of the server's."""
    path = plain.with_suffix(".raising")
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'Marcada' USING ERRCODE = '{code}'; END $$;\n".encode()
    path.write_bytes(plain.read_bytes().replace(b"-- Name:", raising + b"-- Name:", 1))
    if whose == "ours":
        with pytest.raises(ProbeError, match="no space"):
            compare(bench, "raising", path, None)
        drop(bench, "raising")
        return
    errors = compare(bench, "raising", path, None)["errors"]
    assert len(errors) == 1
    assert code in errors[0]
    assert "Marcada" not in errors[0]


def test_a_plain_dump_runs_no_command_of_psql(bench: Bench, plain: Path, tmp_path: Path) -> None:
    """What psql would execute on this machine is an error of SQL, or nothing."""
    mark = tmp_path / "executed"
    hostile = plain.with_suffix(".hostile")
    hostile.write_bytes(plain.read_bytes().replace(b"-- Name:", b"\\! touch " + str(mark).encode() + b"\n-- Name:", 1))
    compare(bench, "hostile", hostile, None)
    assert not mark.exists()


def test_a_dump_runs_no_program_of_the_host(bench: Bench, tmp_path: Path) -> None:
    """A function that only a superuser may run is refused to the role that restores."""
    mark = tmp_path / "executed"
    mark.parent.chmod(0o777)
    bench.source.run("postgres", "DROP DATABASE IF EXISTS evil", "CREATE DATABASE evil")
    bench.source.run(
        "evil",
        "CREATE FUNCTION public.f() RETURNS int LANGUAGE plpgsql AS "
        f"$$BEGIN COPY (SELECT 1) TO PROGRAM 'touch {mark}'; RETURN 1; END$$",
        "CREATE MATERIALIZED VIEW v AS SELECT public.f() AS f WITH NO DATA",
        "UPDATE pg_class SET relispopulated = true WHERE relname = 'v'",
    )
    path = bench.folder / "evil.dump"
    assert bench.source.program("pg_dump", "-Fc", "-f", str(path), "evil").returncode == 0
    findings = compare(bench, "evil", path, None)
    assert "superuser" in " ".join(findings["errors"])
    assert not mark.exists()


def test_what_only_a_superuser_may_do_is_left_out_and_said(bench: Bench) -> None:
    """Grants on an extension's own functions, event triggers, publications; a foreign server comes along."""
    bench.source.database(
        "superuser",
        ROLE,
        "CREATE SCHEMA ext",
        "CREATE EXTENSION pg_stat_statements SCHEMA ext",
        "CREATE EXTENSION postgres_fdw",
        "GRANT EXECUTE ON FUNCTION ext.pg_stat_statements_reset TO faults_app",
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text) TO faults_app",
        "CREATE TABLE ext.outra (id int)",
        "ALTER TABLE ext.outra OWNER TO faults_app",
        "CREATE SERVER longe FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'longe.example.org')",
        "CREATE TABLE clientes AS SELECT 1 AS id",
        "GRANT SELECT ON clientes TO faults_app",
        "CREATE FUNCTION nada() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER gatilho ON ddl_command_end EXECUTE FUNCTION nada()",
        "CREATE PUBLICATION tudo FOR ALL TABLES",
    )
    path = bench.folder / "superuser.dump"
    assert bench.source.program("pg_dump", "-Fc", "-f", str(path), "superuser").returncode == 0
    assert compare(bench, "superuser", path, manifest_of(bench.source, "superuser")) == {}
    held = restore.contents(path)
    done = restore.restore(bench.scratch, path, held, database="superuser_again", seconds=60)
    told = " ".join(done.left_out)
    for what in ("pg_stat_statements_reset", "pg_ls_dir", "gatilho", "tudo"):
        assert what in told
