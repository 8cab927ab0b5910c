"""The README is true: its table of checks, its commands, its files."""

import re
import subprocess
import sys

from tests.whole.readme import README, ROOT, with_table


def test_table_of_checks_is_that_of_today() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == with_table(text), "the table is stale: python -m tests.whole.readme writes it anew"


def test_files_that_it_names_exist() -> None:
    named = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


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
