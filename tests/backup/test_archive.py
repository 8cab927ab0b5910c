"""Archives are read to their end: what is cut, flipped or left out is found, and nothing whole is called broken."""

import gzip
import random
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from checks.engine.probes.backup.archive import HEAD, ArchiveError, ArchiveReader, ByteStream, read_header, read_toc
from checks.engine.probes.backup.archive_read import read_archive
from checks.engine.probes.backup.kinds import gunzipped, read_custom, read_folder, read_plain
from checks.engine.probes.backup.look import look
from checks.engine.probes.backup.sql_read import read_sql, split_name
from tests.backup.servers import Source

SCHEMA = (
    "CREATE ROLE leitora",
    'CREATE TABLE pessoas (id int PRIMARY KEY, nome text, "Nota ""x" text)',
    "INSERT INTO pessoas SELECT g, 'Nome' || g, E'linha\\numa\\\\.\\nduas' FROM generate_series(1, 5000) g",
    "CREATE TABLE vazia ()",
    'CREATE TABLE "Com ""aspas" (a int)',
    'INSERT INTO "Com ""aspas" VALUES (1), (2)',
    "CREATE TABLE medidas (dia date, n int) PARTITION BY RANGE (dia)",
    "CREATE TABLE medidas_1 PARTITION OF medidas FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    "INSERT INTO medidas SELECT '2026-02-01', g FROM generate_series(1, 7) g",
    "SELECT lo_from_bytea(0, 'um'), lo_from_bytea(0, '')",
    "GRANT SELECT ON pessoas TO leitora",
    "ALTER TABLE pessoas ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY p ON pessoas FOR SELECT TO leitora USING (nome <> 'TO ninguem')",
)
ROWS = {"pessoas": 5000, "vazia": 0, 'Com "aspas': 2, "medidas_1": 7}


@pytest.fixture(scope="module")
def dumped(oldest: Source, newest: Source, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with dumps of the same database in every format, by the oldest and the newest pg_dump."""
    folder = tmp_path_factory.mktemp("dumps")
    for server in {oldest.major: oldest, newest.major: newest}.values():
        server.run("postgres", "DROP ROLE IF EXISTS leitora")
        server.database("arquivo", *SCHEMA)
        for name, options in {
            "custom": ["-Fc"],
            "raw": ["-Fc", "-Z0"],
            "plain": ["-Fp"],
            "tar": ["-Ft"],
            "inserts": ["-Fc", "--inserts"],
            "folder": ["-Fd"],
        }.items():
            done = server.program("pg_dump", *options, f"--file={folder}/{server.major}.{name}", "arquivo")
            assert done.returncode == 0, done.stderr
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=["oldest", "newest"])
def dump(request: pytest.FixtureRequest, dumped: Path) -> tuple[Path, int]:
    """The folder, and the major version whose dumps are meant."""
    return dumped, request.getfixturevalue(request.param).major


def pieces(data: bytes, size: int = 1000) -> Iterator[bytes]:
    """Yield data as a network might bring it."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.mark.parametrize("kind", ["custom", "raw"])
def test_an_archive_is_read_whole_and_its_rows_are_counted(dump: tuple[Path, int], kind: str) -> None:
    folder, major = dump
    data = (folder / f"{major}.{kind}").read_bytes()
    found = read_archive(pieces(data))
    assert {table.name: table.rows for table in found.tables} == ROWS
    assert found.large_objects == 2
    assert found.header.database == "arquivo"
    assert found.header.program.startswith(str(major))


def test_roles_are_those_of_owners_grants_and_policies_only(dump: tuple[Path, int]) -> None:
    folder, major = dump
    toc = read_archive([(folder / f"{major}.custom").read_bytes()]).toc
    assert {role for entry in toc for role in entry.roles} == {"postgres", "leitora"}


def test_every_other_format_tells_the_same_rows(dump: tuple[Path, int]) -> None:
    folder, major = dump
    plain = (folder / f"{major}.plain").read_bytes()
    assert {t.name: t.rows for t in read_plain(pieces(plain, 77), "none").tables} == ROWS
    packed = gzip.compress(plain[:50_000]) + gzip.compress(plain[50_000:])
    assert {t.name: t.rows for t in read_plain(pieces(packed), "gzip").tables} == ROWS
    for program in ("zstd", "lz4"):
        if shutil.which(program) is not None:
            small = subprocess.run([program, "-qc"], input=plain, capture_output=True, check=True).stdout
            assert look(small[:HEAD]).compression == program
            assert {t.name: t.rows for t in read_plain(pieces(small), program).tables} == ROWS
    tar = (folder / f"{major}.tar").read_bytes()
    found = read_custom(pieces(tar), None)
    assert (found.by, {t.name: t.rows for t in found.tables}) == ("pg_restore", ROWS)
    keys = [str(path) for path in sorted((folder / f"{major}.folder").iterdir())]
    found = read_folder(keys, lambda key: pieces(Path(key).read_bytes()))
    assert {t.name: t.rows for t in found.tables} == ROWS


def test_the_rows_of_insert_statements_are_not_guessed(dump: tuple[Path, int]) -> None:
    folder, major = dump
    found = read_archive([(folder / f"{major}.inserts").read_bytes()])
    assert {table.rows for table in found.tables} == {None}


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.9, 0.99, 0.9999, 1.0])
@pytest.mark.parametrize("kind", ["custom", "raw"])
def test_a_cut_archive_is_broken_wherever_it_is_cut(dump: tuple[Path, int], kind: str, share: float) -> None:
    folder, major = dump
    data = (folder / f"{major}.{kind}").read_bytes()
    with pytest.raises(ArchiveError):
        read_archive([data[: min(int(len(data) * share), len(data) - 1)]])


def test_a_cut_names_the_table_in_which_it_is(dump: tuple[Path, int]) -> None:
    folder, major = dump
    data = (folder / f"{major}.custom").read_bytes()
    with pytest.raises(ArchiveError, match=r"in the middle of the data of public\.pessoas"):
        read_archive([data[: int(len(data) * 0.8)]])


@pytest.mark.parametrize("kind", ["plain", "folder"])
def test_other_formats_are_broken_when_cut_too(dump: tuple[Path, int], kind: str) -> None:
    folder, major = dump
    if kind == "plain":
        plain = (folder / f"{major}.plain").read_bytes()
        for end in (plain.index(b"Nome2500"), len(plain) - 120):
            with pytest.raises(ArchiveError):
                read_sql([plain[:end]])
        with pytest.raises(ArchiveError):
            read_plain([gzip.compress(plain)[:-5]], "gzip")
        return
    paths = sorted((folder / f"{major}.folder").iterdir())
    largest = max(paths, key=lambda path: path.stat().st_size if path.name.endswith(".gz") else 0)

    def cut(key: str) -> Iterator[bytes]:
        data = Path(key).read_bytes()
        return pieces(data[:-9] if key == str(largest) else data)

    with pytest.raises(ArchiveError):
        read_folder([str(path) for path in paths], cut)
    with pytest.raises(ArchiveError, match="missing"):
        read_folder([str(path) for path in paths if path != largest], lambda key: pieces(Path(key).read_bytes()))


def test_a_flipped_bit_is_found_wherever_pg_restore_finds_one(
    dump: tuple[Path, int], newest: Source, tmp_path: Path
) -> None:
    folder, major = dump
    data = (folder / f"{major}.custom").read_bytes()
    stream = ByteStream([data])
    reader = ArchiveReader(stream)
    list(read_toc(reader, read_header(reader)))
    chance = random.Random(20261128)  # noqa: S311 (the same flips each time)
    found = 0
    for _ in range(40):
        flipped = bytearray(data)
        flipped[chance.randrange(stream.position, len(data))] ^= 1 << chance.randrange(8)
        (tmp_path / "flipped").write_bytes(flipped)
        theirs = newest.program("pg_restore", "--file=/dev/null", str(tmp_path / "flipped")).returncode
        try:
            read_archive([bytes(flipped)])
        except ArchiveError:
            found += 1
        else:
            assert theirs == 0
    assert found > 30


def test_the_time_inside_is_the_dumping_machines(dump: tuple[Path, int]) -> None:
    folder, major = dump
    header = look((folder / f"{major}.custom").read_bytes()[:HEAD]).header
    assert header is not None
    here, utc = header.written_at(ZoneInfo("America/Sao_Paulo")), header.written_at(UTC)
    assert here is not None
    assert utc is not None
    assert here - utc == 3 * 3600


@pytest.mark.parametrize(
    ("head", "format", "encryption", "checksummed"),
    [
        (b"", "empty", "", False),
        (b"age-encryption.org/v1\n-> X25519 ", "", "age", True),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\n", "", "age", True),
        (b"-----BEGIN PGP MESSAGE-----\n", "", "gpg", True),
        (b"\x8c\x0d\x04\x09\x03\x02", "", "gpg", True),
        (b"Salted__abcdefgh", "", "openssl", False),
        (b"\x28\xb5\x2f\xfd\x04\x00", "", "", True),
        (b"\x28\xb5\x2f\xfd\x00\x00", "", "", False),
        (b"\x04\x22\x4d\x18\x64\x40", "", "", True),
        (b"\x04\x22\x4d\x18\x60\x40", "", "", False),
        (b"--\n-- PostgreSQL database dump\n--\n", "plain", "", False),
        (b"--\n-- PostgreSQL database cluster dump\n--\n", "globals", "", False),
        (b"hello", "unknown", "", False),
    ],
)
def test_a_file_is_known_by_its_first_bytes(head: bytes, format: str, encryption: str, checksummed: bool) -> None:  # noqa: A002
    found = look(head)
    assert (found.format, found.encryption, found.checksummed) == (format, encryption, checksummed)


def test_only_gzip_guards_an_archive(dump: tuple[Path, int]) -> None:
    folder, major = dump
    assert look((folder / f"{major}.custom").read_bytes()[:HEAD]).checksummed
    assert not look((folder / f"{major}.raw").read_bytes()[:HEAD]).checksummed


@pytest.mark.parametrize(
    "head", [b"PGDMP", b"PGDMP\x02\x0e\x00", b"PGDMP\x01\x0e\x00\x09\x08\x01", b"\x1f\x8b" + b"x" * 9]
)
def test_a_damaged_head_is_told_in_our_words(head: bytes) -> None:
    with pytest.raises(ArchiveError):
        list(gunzipped([head])) if head.startswith(b"\x1f") else look(head)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 4096])
def test_sql_is_read_the_same_however_it_is_cut_into_pieces(size: int) -> None:
    text = (
        b"COPY public.a (x) FROM stdin;\n\\.\n\n\nCOPY public.b (x, y) FROM stdin;\n1\t\\\\.\n2\t\\.x\n\\.\n\n"
        b"-- Name: b; Type: TABLE; Schema: public; Owner: o\n--\n-- PostgreSQL database dump complete\n"
    )
    found = read_sql(pieces(text, size))
    assert [(table.name, table.rows) for table in found.tables] == [("a", 0), ("b", 2)]
    assert [(entry.kind, entry.name) for entry in found.toc] == [("TABLE", "b")]


@pytest.mark.parametrize(
    ("more", "whole"),
    [
        (b"\n\\unrestrict x\n\n", True),
        (b"\n-- PostgreSQL database dump\n--\n", False),
        (b"\nSET row_security = off;\n", False),
        (b"\nSET row_security = off;\n-- PostgreSQL database dump complete\n", True),
    ],
)
def test_only_the_last_line_proves_a_text_complete(more: bytes, whole: bool) -> None:
    """A second dump that was appended and cut off, and a function that quotes that line, are no proof."""
    text = b"SELECT 1;\n--\n-- PostgreSQL database dump complete\n--\n" + more
    if whole:
        assert read_sql([text]).complete
    else:
        with pytest.raises(ArchiveError, match="cut off"):
            read_sql([text])


def test_names_are_unquoted_as_sql_quotes_them() -> None:
    assert split_name("public.a") == ("public", "a")
    assert split_name('public."Com ""aspas"') == ("public", 'Com "aspas')
    assert split_name('"a.b"."c.d"') == ("a.b", "c.d")
