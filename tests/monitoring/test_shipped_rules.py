"""The rules that are shipped as an example: promtool's word, and the suite's own list of them."""

import shutil
import subprocess

import pytest
import yaml

from checks.engine import promql
from checks.engine.probes.prometheus.rules import shipped
from lab.state import REPOSITORY

FOLDER = REPOSITORY / "docs" / "alerts"
SECONDS = {"2m": 120.0, "5m": 300.0, "10m": 600.0, "15m": 900.0}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool comes with Debian's prometheus")
@pytest.mark.parametrize(
    "words", [["check", "rules", "penhas.yml"], ["check", "rules", "guide.yml"], ["test", "rules", "penhas.test.yml"]]
)
def test_promtool_finds_nothing_wrong(words: list[str]) -> None:
    done = subprocess.run(["promtool", *words], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["penhas.yml", "guide.yml"])
def test_the_suites_list_has_every_rule_of_both_files(name: str) -> None:
    groups = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        forms = [form for form in shipped() if form.alert == rule["alert"]]
        if rule["alert"] in {"TargetDown", "ExporterBlind", "Watchdog"}:
            continue
        assert any(
            promql.same(form.expr, rule["expr"])
            and form.for_ == SECONDS[rule["for"]]
            and form.severity == rule["labels"]["severity"]
            for form in forms
        ), rule["alert"]
