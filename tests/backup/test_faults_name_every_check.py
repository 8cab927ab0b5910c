"""Every check of the backups has a fault of the lab that turns it, and the broad faults' list holds each of them."""

import ast
import tomllib
from pathlib import Path

from lab.faults import FAULTS
from lab.faults.expect import BACKUP

CHECKS = Path(__file__).parents[2] / "checks"
# Each is judged by tests of its own, in this folder.
WITHOUT_FAULT = {
    "backup-drill": "it is of the verification itself, which a fault of the lab does not break",
    "backup-nothing-deleted": "the lab's S3 server keeps no versions",
    "backup-restore-indexes": "a fresh index is right, but for an operator class, which only a superuser restores",
}
# The lab does not ask for these; its place of backups has an alarm of its own.
NOT_IN_THE_LIST = {"backup-connection", "backup-drill", "backup-second-generation"}


def _checks() -> set[str]:
    files = [*(CHECKS / "backup").glob("test_*.py"), CHECKS / "emergency/test_recovery.py"]
    written = {
        node.name.removeprefix("test_").replace("_", "-")
        for path in files
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    rows = tomllib.loads((CHECKS / "thresholds.toml").read_text("utf-8"))["threshold"]
    return written - {"test-limit", "limit"} | {row["id"] for row in rows if row["chapter"] == "backup"}


def test_every_check_of_the_backups_has_a_fault() -> None:
    turned = {
        key.partition("@")[0]
        for fault in FAULTS.values()
        for key, state in fault.expect.items()
        if state in {"WARNING", "CRITICAL"}
    }
    assert _checks() - turned == WITHOUT_FAULT.keys()


def test_the_list_of_the_broad_faults_holds_every_check_of_the_backups() -> None:
    assert set(BACKUP) == _checks() - NOT_IN_THE_LIST
