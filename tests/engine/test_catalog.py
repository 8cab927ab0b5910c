"""Tests of the rows: what is wrong is named by file, row and key, and a limit that can never hold is refused."""

import ast
import time
from pathlib import Path

import pytest

from checks.engine import catalog, environment
from checks.engine.environment import Environment, InvalidFileError
from checks.engine.model import Bound
from checks.engine.readings import READINGS

ROW = {
    "id": '"host-disk-used"',
    "reading": '"host_disk.used_ratio"',
    "subject": '"disk used"',
    "title": '"Space is left."',
    "unit": '"%"',
    "above": "{ warning = 70, critical = 85 }",
    "chapter": '"capacity"',
    "guide": '["capacity.disk"]',
    "profiles": '["nightly"]',
}
GUIDE = """
[item."capacity.disk"]
en = { title = "Disk", action = "Add storage." }
pt-BR = { title = "Disco", action = "Aumente o disco." }
"""


def row(**changes: str | None) -> str:
    """Return a row of thresholds.toml with some keys changed, or left out where they are None."""
    keys = {key: value for key, value in {**ROW, **changes}.items() if value is not None}
    return "[[threshold]]\n" + "\n".join(f"{key} = {value}" for key, value in keys.items()) + "\n"


def load(folder: Path, rows: str, environment_text: str = "") -> catalog.Catalog:
    (folder / "thresholds.toml").write_text(rows)
    (folder / "guide.toml").write_text(GUIDE)
    (folder / "here.toml").write_text('name = "here"\n[host]\nname = "here"\n' + environment_text)
    loaded = environment.load(folder / "here.toml")
    return catalog.load(folder, loaded, "here.toml", time.time())


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (row() + row(), "('host-disk-used'): the id is used twice"),
        (row(id='"Host Disk"'), "threshold[0].id: String should match pattern"),
        (row(reading='"host_dsk.used_ratio"'), "no reading 'host_dsk'; did you mean 'host_disk'?"),
        (row(reading='"host_disk.used"'), "host_disk has no field 'used'"),
        (row(reading='"redis_memory.policy"', unit='"%"'), "redis_memory.policy is not a number"),
        (row(reading='"host_disk"'), "reading: String should match pattern"),
        (row(unit='"ms"'), "'ms' does not fit a reading in ratio; use %"),
        (row(guide='["capacity.dsk"]'), "no item 'capacity.dsk' in guide.toml; did you mean 'capacity.disk'?"),
        (row(above="{ warning = 90, critical = 85 }"), "the warning limit 90 lies past the critical limit 85"),
        (row(above=None, below="{ warning = 5, critical = 10 }"), "the warning limit 5 lies past the critical limit"),
        (row(above="{}"), "above needs warning, critical or both"),
        (row(above=None), "needs above or below"),
        (row(below="{ warning = 80 }"), "no value would be OK"),
        (row(above="{ warning = nan }"), "above.warning: must be a number, not inf or nan"),
        (row(above="{ warning = true }"), "above.warning: must be a number"),
        (row(above='{ warning = "70" }'), "above.warning: must be a number"),
        (row(chapter='"capcity"'), "chapter: must be one of health, "),
        (row(profiles='["weekly"]'), "profiles[0]: Input should be 'smoke', 'nightly' or 'triage'"),
        (row(convergent='"yes"'), "convergent: must be true or false"),
        (row(title=None), "title: is required and not there"),
        (row(titel='"x"'), "titel: unknown key; did you mean title?"),
        ("[[threshold]\n", "thresholds.toml: not TOML"),
    ],
)
def test_a_row_that_cannot_be_judged_is_refused(tmp_path: Path, rows: str, said: str) -> None:
    with pytest.raises(InvalidFileError) as refused:
        load(tmp_path, rows)
    assert said in refused.value.lines[0]
    assert "thresholds.toml" in refused.value.lines[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            '[[threshold]]\nid = "host-disk-use"\nabove = { warning = 1 }',
            "no such row in thresholds.toml; did you mean",
        ),
        ('[[threshold]]\nid = "host-disk-used"\nabove = { warning = 9, critical = 8 }', "lies past the critical limit"),
        ('[[threshold]]\nid = "host-disk-used"', "needs above or below"),
        ('[[threshold]]\nid = "host-disk-used"\nbelow = { warning = 9 }', "below: the row is limited on the other"),
        ('[[threshold]]\nid = "host-disk-used"\nabove = {}', "above needs warning, critical or both"),
    ],
)
def test_an_override_that_changes_nothing_is_refused(tmp_path: Path, changes: str, said: str) -> None:
    with pytest.raises(InvalidFileError) as refused:
        load(tmp_path, row(), changes)
    assert said in refused.value.lines[0]
    assert refused.value.lines[0].startswith("here.toml: threshold[0]")


def test_an_override_replaces_the_limits_here_and_says_so(tmp_path: Path) -> None:
    found = load(tmp_path, row(), '[[threshold]]\nid = "host-disk-used"\nabove = { critical = 99 }')
    limits = found.rows[0].limits
    assert (limits.above, limits.origin) == (Bound(None, 99), "environment")


def waiver(days: float, **changes: str) -> str:
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() // 86400 * 86400 + days * 86400))
    keys = {"check": '"host-disk-used"', "target": '"root"', "reason": '"known"', "owner": '"us"', "until": until}
    return "[[waiver]]\n" + "\n".join(f"{key} = {value}" for key, value in {**keys, **changes}.items() if value) + "\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (waiver(181), "waiver[0] ('host-disk-used').until: more than 180 days away"),
        (waiver(1, owner=""), "owner: is required and not there"),
        (waiver(1, owner='" "'), "owner: must not be blank"),
        (waiver(1, reason='"   "'), "reason: must not be blank"),
        (waiver(1, reason='""'), "reason: String should have at least 3 characters"),
        (waiver(1, until="2026-12-01T00:00:00"), "until needs a time zone"),
        (waiver(1, until='"tomorrow"'), "until: must be a date and time with a zone"),
        (waiver(1, target=""), "name one target"),
        (waiver(1, targets='"all"'), "name one target"),
    ],
)
def test_a_waiver_without_end_owner_or_target_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidFileError) as refused:
        load(tmp_path, row(), text)
    assert said in refused.value.lines[0]


def test_a_waiver_accepts_its_check_on_its_target_until_it_ends(tmp_path: Path) -> None:
    found = load(tmp_path, row(), waiver(179) + waiver(1, check='"other"', target="", targets='"all"'))
    now = time.time()
    assert found.waiver("host-disk-used", "root", now) is found.waivers[0]
    assert found.waiver("host-disk-used", "data", now) is None
    assert found.waiver("other", "anything", now) is found.waivers[1]
    assert found.waiver("other", "anything", now + 2 * 86400) is None


def test_the_action_speaks_the_language_of_the_reader(tmp_path: Path) -> None:
    found = load(tmp_path, row())
    assert found.guide.action("a", ["capacity.disk"], "en") == "Add storage."
    assert found.guide.action("a", ["capacity.disk"], "pt-BR") == "Aumente o disco."
    assert found.guide.action("a", [], "en") == ""


def test_the_catalogue_of_the_suite_is_valid() -> None:
    file = Path(catalog.__file__).parents[1] / "environments" / "production.example.toml"
    loaded: Environment = environment.load(file)
    assert catalog.load(file.parents[1], loaded, str(file), 1_795_834_800.0).rows


CHECKS = Path(catalog.__file__).parents[1]


def test_a_checks_own_action_goes_before_that_of_its_guide_item() -> None:
    guide = catalog.load(CHECKS, Environment.model_validate({"name": "here"}), "here.toml", time.time()).guide
    items = ("backup.restore",)
    for language in ("en", "pt-BR"):
        own = guide.action("backup-restore-private", items, language)
        assert "[restore] scratch" in own
        assert guide.action("backup-restore", items, language) not in {"", own}


@pytest.mark.parametrize(
    ("check", "item", "said"),
    [
        ("postgresql-checksums", "metrics.database", "restore what is lost"),
        ("postgresql-superusers", "metrics.database", "NOSUPERUSER"),
        ("postgresql-passwords", "metrics.database", "VALID UNTIL"),
        ("postgresql-public-schema", "metrics.database", "REVOKE CREATE"),
        ("replication-synchronous", "metrics.database", "synchronous_standby_names"),
        ("replication-slot-limit", "metrics.database", "max_slot_wal_keep_size"),
        ("wal-archiving", "metrics.database", "archive_command"),
        ("postgresql-accepts-writes", "health.database", "default_transaction_read_only"),
        ("postgresql-migrations", "health.database", "Run the migrations"),
        ("postgresql-restarted", "health.database", "Read the server's log"),
    ],
)
def test_what_no_failover_and_no_new_replica_mends_has_its_own_action(check: str, item: str, said: str) -> None:
    guide = catalog.load(CHECKS, Environment.model_validate({"name": "here"}), "here.toml", time.time()).guide
    assert said in guide.action(check, (item,), "en")


def test_every_action_of_a_check_is_of_one_that_is_there_and_in_both_languages() -> None:
    """A check that was renamed must take its action along."""
    loaded = catalog.load(CHECKS, Environment.model_validate({"name": "here"}), "here.toml", time.time())
    written = {
        node.name.removeprefix("test_").replace("_", "-")
        for path in CHECKS.glob("*/test_*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert sorted(loaded.guide.check.keys() - written - {row.id for row in loaded.rows}) == []
    assert [name for name, own in loaded.guide.check.items() if own.en == own.pt_br] == []


def test_every_noisy_reading_is_judged_by_its_number() -> None:
    """A row has a limit for it, or a check that reads nothing but what is noisy: else it would never be read again."""
    noisy = {name for name, spec in READINGS.items() if spec.noisy}
    rows = catalog.load(CHECKS, Environment.model_validate({"name": "here"}), "here.toml", time.time()).rows
    read_again = {row.reading for row in rows}
    for path in CHECKS.glob("*/test_*.py"):
        for check in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(check, ast.FunctionDef):
                names = {argument.arg for argument in check.args.args} & READINGS.keys()
                calls = {ast.unparse(node.func) for node in ast.walk(check) if isinstance(node, ast.Call)}
                read_again |= names if "judged" in calls and names <= noisy else set()
    assert noisy >= {"api_own_latency", "postgresql_connection", "postgresql_replication_lag", "minion_queue"}
    assert noisy - read_again == set()
