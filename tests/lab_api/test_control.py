"""Tests of the control file: absent, read anew, and never misunderstood."""

import json
from pathlib import Path

import pytest

from lab.api.control import Control, read


def test_without_a_file_nothing_is_wrong(tmp_path: Path) -> None:
    assert read(tmp_path / "absent.json") == Control()


def test_what_is_named_is_wrong_and_the_rest_is_not(tmp_path: Path) -> None:
    file = tmp_path / "control.json"
    file.write_text(json.dumps({"latency": 0.7, "health_claims": {"redis": "ok"}}))
    assert read(file) == Control(latency=0.7, health_claims={"redis": "ok"})
    file.write_text("{}")
    assert read(file) == Control()


def test_an_unknown_word_is_an_error_rather_than_a_fault_that_breaks_nothing(tmp_path: Path) -> None:
    file = tmp_path / "control.json"
    file.write_text(json.dumps({"latencey": 0.7}))
    with pytest.raises(ValueError, match="latencey"):
        read(file)
