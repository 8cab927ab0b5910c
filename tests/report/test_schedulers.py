"""Tests of the scheduler examples, each as far as it can be tried here; docs/schedulers.md says how far."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from checks.engine.report import exit_codes
from tests.engine.suites import Suite

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = DOCS / "schedulers"
MADE = """
@pytest.mark.profiles("nightly")
def test_made(host_cpu_times: HostCpuTimes, judged: Judge) -> None:
    '''The host is well.'''
    if os.environ["PENHAS_CHECKS_STATE"] == "CRITICAL":
        judged.critical("is not well")
    if os.environ["PENHAS_CHECKS_STATE"] == "WARNING":
        judged.warning("is not quite well")
"""


def tool(name: str) -> str:
    """Return the path of a tool beside this Python or on the PATH, or skip."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def tried(*command: str) -> str:
    """Run a tool and return what it says; it must be content."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("state", "code", "says"), [("OK", 0, ""), ("WARNING", 10, "WARNING: 1 w"), ("CRITICAL", 1, "CRITICAL: 1 c")]
)
def test_cron_is_silent_when_all_is_well(tmp_path: Path, state: str, code: int, says: str) -> None:
    suite = Suite(tmp_path)
    (tmp_path / "checks").mkdir()
    suite.check(MADE, "checks/health/test_made.py")
    (tmp_path / "secrets.env").write_text(f"PENHAS_CHECKS_STATE={state}\n")
    done = subprocess.run(
        [str(EXAMPLES / "penhas-checks-nightly"), f"{tmp_path}/here.toml", f"--reports-dir={suite.reports}"],
        env={
            "PATH": "/usr/bin:/bin",  # as cron's
            "PENHAS_CHECKS_HOME": str(tmp_path),
            "PENHAS_CHECKS_SECRETS": str(tmp_path / "secrets.env"),
            "PENHAS_CHECKS_PYTHON": sys.executable,
        },
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert says in done.stdout
    assert (done.stdout == "") is (state == "OK")
    assert done.stderr == ""


def test_cron_refuses_to_run_without_its_secrets(tmp_path: Path) -> None:
    variables = {"PENHAS_CHECKS_HOME": str(tmp_path), "PENHAS_CHECKS_SECRETS": str(tmp_path / "absent")}
    done = subprocess.run(
        [str(EXAMPLES / "penhas-checks-nightly"), "x"], env=variables, check=False, capture_output=True, timeout=20
    )
    assert done.returncode != 0
    assert done.stderr != b""


def test_the_crontab_has_seven_fields_and_no_percent_sign() -> None:
    lines = (EXAMPLES / "crontab").read_text().splitlines()
    (line,) = [line for line in lines if re.match(r"[0-9*]", line)]
    assert line.split()[:7] == ["30", "5", "*", "*", "*", "penhas-checks", "penhas-checks-nightly"]
    assert "%" not in line


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    analyze = tool("systemd-analyze")
    for unit in EXAMPLES.glob("penhas-checks-nightly.*"):
        text = (
            unit.read_text()
            .replace("/opt/penhas-checks/.venv/bin/python", "/bin/true")
            .replace("User=penhas-checks", "User=daemon")
        )
        (tmp_path / unit.name).write_text(text)
    said = tried(
        analyze,
        "verify",
        str(tmp_path / "penhas-checks-nightly.service"),
        str(tmp_path / "penhas-checks-nightly.timer"),
    )
    assert "penhas-checks" not in said
    assert "Next elapse" in tried(analyze, "calendar", "*-*-* 05:30:00")


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("github-actions.yml", ["--builtin-schema=vendor.github-workflows"]),
        ("gitlab-ci.yml", ["--builtin-schema=vendor.gitlab-ci", "--data-transform=gitlab-ci"]),
    ],
)
def test_the_pipelines_have_their_schema(file: str, options: list[str]) -> None:
    tried(tool("check-jsonschema"), *options, str(EXAMPLES / file))


def test_the_cronjob_has_its_schema_and_is_never_tried_again() -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    job = yaml.safe_load((EXAMPLES / "cronjob.yaml").read_text())
    validate.validate(job, "1.31", strict=True)
    spec = job["spec"]["jobTemplate"]["spec"]
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    assert (spec["backoffLimit"], spec["template"]["spec"]["restartPolicy"]) == (0, "Never")
    assert spec["activeDeadlineSeconds"] > 3 * 3600


def test_the_shell_lines_of_jenkins_are_shell() -> None:
    (script,) = re.findall(r"script: '''(.*?)'''", (EXAMPLES / "Jenkinsfile").read_text(), re.DOTALL)
    tried("sh", "-n", "-c", script)


def test_every_example_uses_options_that_there_are() -> None:
    command = [sys.executable, "-m", "pytest", "checks", "--help"]
    told = subprocess.run(command, cwd=DOCS.parent, check=True, capture_output=True, text=True, timeout=60).stdout
    for file in [*EXAMPLES.iterdir(), DOCS / "schedulers.md"]:
        for line in file.read_text().replace("\\\n", " ").splitlines():
            if "pytest checks" in line or "--junitxml" in line:
                for option in re.findall(r"(?<![\w-])--[a-z-]+", line):
                    assert option.replace("--junitxml", "--junit-xml") in told, (file.name, option)


def test_the_table_of_exit_codes_is_the_code() -> None:
    text = (DOCS / "schedulers.md").read_text()
    table: dict[str, list[str]] = {}
    for line in text[text.index("## Exit codes") :].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3:
            table[cells[0].split(":")[0]] = cells[1:]
    named = {
        "UNKNOWN": "unknown", "CRITICAL": "critical", "not complete": "incomplete", "nothing was judged": "nothing",
        "interrupted by a signal": "interrupted", "a report could not be written": "report", "WARNING": "warning",
    }  # fmt: skip
    for row, line in named.items():
        codes: Any = (exit_codes.PYTEST[line], exit_codes.GRADED[line])
        assert [int(re.split(r"[ ,]", cell)[0]) for cell in table[row]] == list(codes), row
    assert table["another run holds the lock"] == [str(exit_codes.LOCKED)] * 2
