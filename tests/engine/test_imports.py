"""Tests of who may import whom: the contracts of pyproject.toml hold, and would notice; the chapters hold their own."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.suites import ROOT

COMMAND = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
PLANTED = {
    "checks/engine/probes/redis.py": ("from checks.engine import judge", "Arrows point one way"),
    "checks/engine/report/text.py": ("from checks.engine import catalog", "A report sees results only"),
    "checks/engine/reader.py": ("import pytest", "Only the plugin knows pytest"),
    "checks/engine/judge.py": ("import redis", "Only a probe opens a connection"),
    "checks/engine/model.py": ("import lab.proxy", "The suite knows nothing of the lab"),
}
# What a check may not know: how anything is read, where it is, and where it is reported.
CLOSED = re.compile(r"checks\.(engine\.(probes|reader|lines|samples|replay|environment|report|history)|take_backup)\b")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", COMMAND], cwd=folder, capture_output=True, text=True, check=False)


def test_the_contracts_hold_and_notice_what_breaks_them(tmp_path: Path) -> None:
    pytest.importorskip("importlinter", reason="import-linter is in the dependency group lint")
    held = lint(ROOT)
    assert (held.returncode, "0 broken" in held.stdout) == (0, True), held.stdout
    for name in ("checks", "lab"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for file, (line, _) in PLANTED.items():
        path = tmp_path / file
        path.write_text(f"{path.read_text()}\n{line}\n")
    broken = lint(tmp_path)
    assert broken.returncode == 1
    for _, contract in PLANTED.values():
        assert any(line.startswith(contract) and line.endswith("BROKEN") for line in broken.stdout.splitlines()), (
            contract
        )


def imported(text: str) -> list[str]:
    """Return the names of the modules that a file imports."""
    names: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def trespasses(text: str) -> list[str]:
    """Return what a file of checks imports and may not."""
    known = {"checks", "pytest", *sys.stdlib_module_names}
    return [name for name in imported(text) if CLOSED.match(name) or name.split(".")[0] not in known]


CHAPTERS = sorted(ROOT.glob("checks/*/test_*.py"))


@pytest.mark.parametrize("file", CHAPTERS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_check_knows_readings_and_the_judge_and_no_connection(file: Path) -> None:
    assert trespasses(file.read_text(encoding="utf-8")) == []


def test_a_check_that_opens_a_connection_is_noticed() -> None:
    assert trespasses("import psycopg\nfrom checks.engine.probes import redis\nimport time, pytest\n") == [
        "psycopg",
        "checks.engine.probes.redis",
    ]
    assert trespasses("from lab import Lab") == ["lab.Lab"]
    assert CHAPTERS != []
