"""Tests of the shipped alert rules with the real promtool: a smoke run does not hide a dead nightly."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

RULES = Path(__file__).parents[2] / "docs/prometheus/penhas-checks.rules.yml"


@pytest.fixture
def promtool() -> str:
    """Return the tool, or skip."""
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed")
    return tool


def firing(promtool: str, folder: Path, series: dict[str, str], hour: int) -> str:
    """Return what promtool says fires at `hour`: it is told that nothing does, and complains of what does."""
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "alert_rule_test": [
                {"eval_time": f"{hour}h", "alertname": f"PenhasChecksNightly{name}", "exp_alerts": []}
                for name in ("Stale", "WithoutSuccess", "Absent")
            ],
        }
    ]
    file = folder / "test.yml"
    # JSON is YAML too
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run(
        [promtool, "test", "rules", str(file)], check=False, capture_output=True, text=True, timeout=60
    )
    return done.stdout + done.stderr


def runs(profile: str, values: str, success: str = "") -> dict[str, str]:
    labels = f'{{environment="production",profile="{profile}"}}'
    return {
        f"penhas_checks_last_run_timestamp_seconds{labels}": values,
        f"penhas_checks_last_success_timestamp_seconds{labels}": success or values,
    }


def test_the_rules_are_valid(promtool: str) -> None:
    done = subprocess.run(
        [promtool, "check", "rules", str(RULES)], check=False, capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("series", "hour", "fires"),
    [
        pytest.param(runs("nightly", "0x6000"), 25, set(), id="a run a day ago"),
        pytest.param(runs("nightly", "0x6000"), 27, {"Stale"}, id="no run for 27 h"),
        pytest.param(
            {**runs("nightly", "0x6000"), **runs("smoke", "0+3600x6000")}, 27, {"Stale"}, id="a smoke run hides nothing"
        ),
        pytest.param(runs("nightly", "0+3600x6000", "0x6000"), 75, {"WithoutSuccess"}, id="no success for 75 h"),
        pytest.param(runs("nightly", "0+3600x6000"), 75, set(), id="all is well"),
        pytest.param(runs("smoke", "0+3600x6000"), 3, {"Absent"}, id="no nightly at all"),
    ],
)
def test_what_fires(promtool: str, tmp_path: Path, series: dict[str, str], hour: int, fires: set[str]) -> None:
    said = firing(promtool, tmp_path, series, hour)
    for name in ("Stale", "WithoutSuccess", "Absent"):
        assert (f"PenhasChecksNightly{name}" in said) is (name in fires), said
