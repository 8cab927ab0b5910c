"""Which text of a statement a server is sent: the newest variant that is not newer than itself."""

from pathlib import Path

import pytest

from checks.engine.probes import statements
from checks.engine.probes.postgresql.table import STATEMENTS

VARIANTS = {path.name.split(".pg")[0] for path in statements.SQL.glob("*.pg*.sql")}


@pytest.mark.parametrize(
    ("version", "said"),
    [(140023, "base"), (149999, "base"), (150000, "15"), (160014, "15"), (170000, "17"), (180003, "17")],
)
def test_the_newest_that_is_not_newer_than_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, said: str
) -> None:
    for file, text in (("made.sql", "base"), ("made.pg15.sql", "15"), ("made.pg17.sql", "17")):
        (tmp_path / file).write_text(f"-- Of it (catalogue).\n-- source: view_{text}\nSELECT {text};\n")
    (tmp_path / "made_other.pg14.sql").write_text("SELECT other;\n")
    monkeypatch.setattr(statements, "SQL", tmp_path)
    statements._load.cache_clear()
    try:
        assert statements.text_of("made", version) == f"SELECT {said}"
        assert statements.Statement("made").stamp(version, 1.0) == statements.Stamp(f"view_{said}", 1.0)
    finally:
        statements._load.cache_clear()


@pytest.mark.parametrize(
    ("name", "since", "theirs"),
    [
        ("postgresql_checkpoints", 17, "pg_stat_checkpointer"),
        ("postgresql_collations", 15, "datcollversion"),
        ("postgresql_slots", 17, "inactive_since"),
    ],
)
def test_what_a_version_brought_is_asked_from_it_on(name: str, since: int, theirs: str) -> None:
    for major in range(14, 19):
        assert (theirs in statements.text_of(name, major * 10000 + 5)) == (major >= since)


def test_every_variant_is_of_a_statement_and_named_above() -> None:
    assert {"postgresql_checkpoints", "postgresql_collations", "postgresql_slots"} == VARIANTS
    assert STATEMENTS.keys() >= VARIANTS
