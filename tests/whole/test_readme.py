"""The README is true: its table of checks, its commands, its files."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from checks.engine import catalog, environment
from tests.whole.readme import README, ROOT, with_table


def test_table_of_checks_is_that_of_today() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == with_table(text), "the table is stale: python -m tests.whole.readme writes it anew"


def test_files_that_it_names_exist() -> None:
    named = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_row_that_it_shows_can_be_added(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    row = re.search(r"```toml\n(\[\[threshold\]\].*?)```", text, re.DOTALL)
    assert row is not None
    shutil.copy(ROOT / "checks/guide.toml", tmp_path)
    rows = (ROOT / "checks/thresholds.toml").read_text(encoding="utf-8")
    (tmp_path / "thresholds.toml").write_text(f"{rows}\n{row.group(1)}", encoding="utf-8")
    example = environment.load(ROOT / "checks/environments/production.example.toml")
    loaded = catalog.load(tmp_path, example, "example", time.time())
    shown = loaded.rows[-1].id
    assert re.search(rf"test_{shown.replace('-', '_')}\b", written_checks()) is None, "a written check has this id"


def written_checks() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "checks").glob("*/test_*.py"))


def test_tox_environments_that_it_names_exist() -> None:
    named = set(re.findall(r"tox (?:run|devenv) -e (\w+)", README.read_text(encoding="utf-8")))
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    assert named
    assert [name for name in named if not re.search(rf"\[testenv:[^\]]*\b{name}\b", tox)] == []


def test_help_names_every_option_of_the_readme() -> None:
    command = [sys.executable, "-m", "pytest", "checks", "--help"]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    options = set(re.findall(r"`(--[a-z-]+)", README.read_text(encoding="utf-8")))
    lab = {"--flavour"}
    assert options
    assert sorted(option for option in options - lab if option not in text) == []
