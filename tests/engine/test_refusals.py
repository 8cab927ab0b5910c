"""Tests of bad input: one clear message each, exit 4, nothing contacted, no value quoted, and `latest` UNKNOWN."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.engine.environment import InvalidFileError, load
from checks.engine.model import ProbeError
from checks.engine.report import results_json
from tests.engine.inside import Inside
from tests.report.made import run

SECRET = "s3cr3t-p4ss"
API = '[api]\ntargets = [{{ name = "api1", url = "http://127.0.0.1:{port}" }}]\nhealth = "/health"\n'
KEYS = 'access_key = { env = "PENHAS_CHECKS_A" }\nsecret_key = { env = "PENHAS_CHECKS_K" }\n'
BUCKETS = 'buckets = [{ name = "media", bucket = "m" }]\n'
WAIVER = '[[waiver]]\ncheck = "x"\ntargets = "all"\nreason = "why"\n'
KEPT = (
    '[prometheus]\nurl = "http://h"\njobs = [{ name = "a", targets = ["b:1"] }]\n[[prometheus.history]]\nexpr = "x"\n'
)
ONE = '[api]\ntargets = [{{ name = "a", url = "{}" }}]\n'


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server that nobody may have contacted when the test ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.fixture
def refused(pytester: pytest.Pytester, listener: socket.socket) -> "Refused":
    return Refused(pytester, listener)


class Refused:
    """Runs a suite that must be refused, in this process."""

    def __init__(self, pytester: pytest.Pytester, listener: socket.socket) -> None:
        self.pytester = pytester
        self.suite = Inside(pytester)
        self.api = API.format(port=listener.getsockname()[1])
        self.suite.check("def test_made_health(api_health):\n    '''Well.'''\n")
        self.file = self.suite.environment(self.api)

    def message(self, *args: str) -> str:
        """Run, and return the one message."""
        done = self.pytester.runpytest_inprocess(*self.suite.command(*args)[3:])
        assert done.ret == pytest.ExitCode.USAGE_ERROR, done.stdout.str() + done.stderr.str()
        lines = [line for line in done.stderr.lines if line.startswith("ERROR: ")]
        assert len(lines) == 1
        assert SECRET not in done.stdout.str() + done.stderr.str()
        assert "Traceback" not in done.stdout.str() + done.stderr.str()
        return lines[0].removeprefix("ERROR: ")

    def latest(self, environment: str = "here") -> str:
        """Return the verdict that stands after the refusal."""
        text = (self.suite.reports / environment / "latest" / "results.json").read_text()
        assert SECRET not in text
        return str(json.loads(text)["verdict"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[redis]\ntarget = []', "redis.target: unknown key; did you mean targets?"),
        ('[redis]\ntargets = []', "redis.targets: must not be empty"),
        ('[redis]\ntargets = "x"', "redis.targets: must be a list"),
        ("[redis]", "redis.targets: is required and not there"),
        ("[reddis]\ntargets = []", "reddis: unknown key; did you mean redis?"),
        (f'[redis]\ntargets = [{{ name = "cache", env = "{SECRET}" }}]', "env: must be the name of a variable"),
        (f'[redis]\ntargets = [{{ name = "cache", url = "redis://u:{SECRET}@h" }}]', "('cache').url: unknown key"),
        (f'[redis]\ntargets = ["redis://u:{SECRET}@h"]', "redis.targets[0]: a literal connection; write {"),
        (f'[redis]\ntargets = [{{ name = "redis://u:{SECRET}@h", env = "PENHAS_CHECKS_X" }}]', "redis.targets[0].name"),
        (
            '[redis]\ntargets = [{ name = "a", env = "PENHAS_CHECKS_A" }, { name = "a", env = "PENHAS_CHECKS_B" }]',
            "the name 'a' is used twice under redis",
        ),
        (
            '[redis]\ntargets = [{ name = "a", env = "PENHAS_CHECKS_A" }, { name = "b", env = "PENHAS_CHECKS_A" }]',
            "redis b is where a is: one would be asked twice, another never",
        ),
        (f'[postgresql]\nprimary = "postgresql://u:{SECRET}@h/db"', "postgresql.primary: a literal connection"),
        ('[postgresql]\nprimary = { name = "primary", env = "DATABASE_URL" }', "begins PENHAS_CHECKS_"),
        ("[minion]", "minion is read through the primary"),
        (
            f'[s3]\naccess_key = "{SECRET}"\nsecret_key = {{ env = "PENHAS_CHECKS_K" }}\n{BUCKETS}',
            "s3.access_key: a literal secret; put it in a variable",
        ),
        (
            f'[s3]\nendpoint = "https://u:{SECRET}@h"\n{KEYS}{BUCKETS}',
            "s3.endpoint: a literal password in a URL",
        ),
        ('production = "yes"', "production: must be true or false"),
        ("production = 1", "production: must be true or false"),
        ('language = "pt"', "language: Input should be 'en' or 'pt-BR'"),
        (f'{KEPT}check = "capacity-dsk"\ntarget = "root"', "thresholds.toml; did you mean 'capacity-disk'?"),
        (f'{KEPT}check = "replication-unflushed"\ntarget = "x"', "changes from moment to moment"),
        (f'{KEPT}check = "capacity-disk"\ntarget = "rot"', "prometheus.history[0].target: capacity-disk has no"),
        ("rebuilt_at = 2099-01-01T00:00:00Z", "rebuilt_at: lies in the future"),
        ("rebuilt_at = 2026-01-01T00:00:00", "rebuilt_at: must be a date and time with a zone"),
        ("rebuilt_at = 2026-01-01", "rebuilt_at: must be a date and time with a zone"),
        (f'"{SECRET} {SECRET}" = 1', "(a key in quotes): unknown key"),
        ("[redis", "not TOML"),
        ('[[threshold]]\nid = "capacity-dsk"\nabove = { warning = 1 }', "did you mean 'capacity-disk'?"),
        ('[[threshold]]\nid = "capacity-disk"\nabove = { warning = 9, critical = 1 }', "lies past the critical limit"),
        (
            '[[threshold]]\nid = "capacity-disk"\nabove = { warning = 1 }\n' * 2,
            "the threshold 'capacity-disk' is overridden twice",
        ),
        (f"{WAIVER}until = 2026-12-01T00:00:00Z", "owner: is required"),
        (f'{WAIVER}owner = "us"\nuntil = 2099-01-01T00:00:00Z', "more than 180 days away"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_by_file_table_and_key(refused: Refused, text: str, said: str) -> None:
    refused.suite.environment(f"{text}\n{refused.api}" if text[0] != "[" else f"{refused.api}{text}")
    message = refused.message()
    assert said in message
    assert message.startswith(str(refused.file))
    assert refused.latest() == "UNKNOWN"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ONE.format("http://h"), "an API target needs a probe"),
        ('[api]\ntargets = []\nhealth = "/health"', "api.targets: must not be empty"),
        (ONE.format(f"http://u:{SECRET}@h") + 'health = "/h"', "a literal password in a URL"),
        (ONE.format(f"http://h?secret={SECRET}") + 'health = "/h"', "no query"),
        (
            '[api]\ntargets = [{ name = "a", url = "http://h" }, { name = "b", url = "http://H/" }]\nhealth = "/h"',
            "api b is where a is: one would be asked twice, another never",
        ),
        (ONE.format("ftp://h") + 'health = "/h"', "must be a URL that begins http"),
        (ONE.format("http://127.0.0.1:99999") + 'health = "/h"', "a port from 1 to 65535"),
        (ONE.format("http://h:abc") + 'health = "/h"', "a port from 1 to 65535"),
        (ONE.format("http://a b") + 'health = "/h"', "must name a host"),
        (ONE.format("http://:80") + 'health = "/h"', "must be a URL"),
        (ONE.format("http://h") + 'health = "/maintenance/housekeeping"', "changes the backend"),
    ],
)  # fmt: skip
def test_a_bad_api_is_refused(refused: Refused, text: str, said: str) -> None:
    refused.suite.environment(text)
    assert said in refused.message()
    assert refused.latest() == "UNKNOWN"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--profile=nigthly",), "--profile: must be smoke or nightly or triage; did you mean 'nightly'?"),
        (("--language=xx",), "--language: must be en or pt-BR"),
        (("--exit-codes=grade",), "--exit-codes: must be pytest or graded; did you mean 'graded'?"),
        (("--restore-tier=row",), "--restore-tier: must be full or rows; did you mean 'rows'?"),
        (("--drill",), "--restore-tier, --drill: "),
        (("--fail-on=warnings",), "--fail-on: must be warning or new; did you mean 'warning'?"),
        (("--fail-on=new",), "--fail-on new: needs --baseline results.json"),
        (("--baseline=none.json",), "--baseline none.json: No such file or directory"),
        (("--baseline=here.toml",), "--baseline here.toml: the file is not JSON"),
        (("--deadline=soon",), "--deadline: must be a number of seconds above 0"),
        (("--deadline=0",), "--deadline: must be a number of seconds above 0"),
        (("--deadline=nan",), "--deadline: must be a number of seconds above 0"),
        (("--settle=-1",), "--settle: must be a number of seconds from 0 up"),
        (("--settle=inf",), "--settle: must be a number of seconds from 0 up"),
        (("--expect-version=",), "--expect-version: is empty, so nothing would be verified"),
        (("--reruns=2",), "--reruns: a rerun hides what failed"),
        (("--allow-writes", "--profile=nightly"), "--allow-writes: not with --profile nightly"),
        (("health/no_such_file.py",), "file or directory not found: health/no_such_file.py"),
    ],
)
def test_a_bad_option_is_refused_and_leaves_no_green_behind(refused: Refused, args: tuple[str, ...], said: str) -> None:
    assert said in refused.message(*args)
    assert refused.latest() == "UNKNOWN"


def test_a_baseline_of_others_excuses_nothing(refused: Refused) -> None:
    baseline = refused.suite.folder / "other.json"
    baseline.write_text(results_json.dump(run()))
    said = refused.message("--fail-on=new", f"--baseline={baseline}")
    assert said == f"--baseline {baseline}: is of the environment 'production', not of 'here'"
    assert refused.latest() == "UNKNOWN"


def test_no_environment_names_those_that_there_are(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENHAS_CHECKS_ENVIRONMENT", raising=False)
    for given in ("--environment=", "--environment=here2"):
        message = refused.message(given)
        assert "there are: lab, production.example, or any TOML file" in message
    assert "did you mean 'production.example'" in refused.message("--environment=production.exmple")


def test_the_variable_names_the_environment_too(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENHAS_CHECKS_ENVIRONMENT", str(refused.file))
    refused.file.write_text("name = 3\n")
    command = [arg for arg in refused.suite.command()[3:] if "environment" not in arg]
    done = refused.pytester.runpytest_inprocess(*command)
    assert (done.ret, "here.toml: name: must be text" in done.stderr.str()) == (pytest.ExitCode.USAGE_ERROR, True)


def test_a_file_that_cannot_be_read_is_named(refused: Refused, tmp_path: Path) -> None:
    assert "none.toml: no such environment file" in refused.message("--environment=none.toml")
    assert refused.latest("none") == "UNKNOWN"
    assert "cannot be read: Is a directory" in refused.message(f"--environment={tmp_path}/")
    refused.file.write_bytes(b'name = "h\xff"')
    assert "the environment file is not UTF-8 text" in refused.message()


def test_the_name_of_the_lab_is_the_labs(tmp_path: Path) -> None:
    """With a byte order mark, as Windows writes one, a file is read all the same."""
    file = tmp_path / "here.toml"
    file.write_text('name = "lab"\n', encoding="utf-8-sig")
    with pytest.raises(InvalidFileError, match="the name 'lab' is the embedded lab's"):
        load(file)
    file.write_text('name = "lab"\nlab = true\n', encoding="utf-8-sig")
    assert load(file).lab


def test_the_lab_that_does_not_run_is_named(refused: Refused, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PENHAS_CHECKS_LAB", str(tmp_path / "nowhere"))
    assert "no lab is running; start one: python -m lab up" in refused.message("--environment=lab")
    assert refused.latest("lab") == "UNKNOWN"


def test_writes_are_refused_in_production_unless_it_allows_them_by_name(refused: Refused) -> None:
    refused.suite.environment(f"production = true\n{refused.api}")
    assert "says production = true and does not say allow_writes = true" in refused.message("--allow-writes")
    assert refused.latest() == "UNKNOWN"
    refused.suite.environment(f"production = true\nallow_writes = true\n{refused.api}")
    done = refused.pytester.runpytest_inprocess(*refused.suite.command("--allow-writes", "--check-config")[3:])
    assert done.ret == 0


def test_a_rerun_plugin_is_refused_by_name(refused: Refused) -> None:
    refused.pytester.makepyfile(flaky_plugin="")
    (refused.suite.folder / "conftest.py").write_text(
        "import sys, types\n"
        "def pytest_addoption(pluginmanager):\n"
        "    pluginmanager.register(types.ModuleType('flaky'), 'flaky')\n"
        'pytest_plugins = ["checks.engine.plugin"]\n'
    )
    assert (
        "the plugin flaky is installed: a rerun hides what failed; remove it, or add -p no:flaky" in refused.message()
    )


def test_two_checks_of_one_name_are_refused(refused: Refused) -> None:
    refused.suite.check("def test_made_health(api_health):\n    '''Well.'''\n", "health/test_other.py")
    assert "two checks are called made-health" in refused.message()
    assert refused.latest() == "UNKNOWN"


def test_an_unset_or_malformed_secret_fails_the_check_of_the_configuration_and_contacts_nothing(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused.suite.environment(f'{refused.api}[redis]\ntargets = [{{ name = "cache", env = "PENHAS_CHECKS_R" }}]\n')
    command = refused.suite.command("--check-config")[3:]
    done = refused.pytester.runpytest_inprocess(*command)
    assert (done.ret, done.outlines) == (
        pytest.ExitCode.USAGE_ERROR,
        [f"{refused.file}: redis.targets[0].env: the variable PENHAS_CHECKS_R is not set"],
    )
    monkeypatch.setenv("PENHAS_CHECKS_R", SECRET)
    done = refused.pytester.runpytest_inprocess(*command)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert done.outlines[0].startswith(
        f"{refused.file}: redis cache: the connection string in PENHAS_CHECKS_R is malformed"
    )
    assert SECRET not in done.stdout.str() + done.stderr.str()
    monkeypatch.setenv("PENHAS_CHECKS_R", f"redis://:{SECRET}@127.0.0.1:1/0")
    done = refused.pytester.runpytest_inprocess(*command)
    assert done.ret == 0
    assert done.outlines[0].startswith(f"{refused.file}: valid: 5 targets, ")
    assert not refused.suite.reports.exists()


def test_a_secret_is_without_the_line_end_of_its_file_and_of_one_line(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seed that openssl wraps is of two; what goes into a header is not."""
    refused.suite.environment(
        f'{refused.api}credentials = {{ env = "PENHAS_CHECKS_T" }}\n'
        '[backup]\nfolder = "b"\nseed = { env = "PENHAS_CHECKS_S" }\n'
    )
    command = refused.suite.command("--check-config")[3:]
    monkeypatch.setenv("PENHAS_CHECKS_T", f"{SECRET}\r\n")
    monkeypatch.setenv("PENHAS_CHECKS_S", "line\nline\n")
    assert refused.pytester.runpytest_inprocess(*command).ret == 0
    loaded = load(refused.file)
    assert loaded.api is not None
    assert loaded.api.credentials is not None
    assert loaded.api.credentials.text().reveal() == SECRET
    assert loaded.backup is not None
    assert loaded.backup.seed is not None
    assert loaded.backup.seed.text().reveal() == "line\nline"
    monkeypatch.setenv("PENHAS_CHECKS_T", f"{SECRET}\n{SECRET}")
    done = refused.pytester.runpytest_inprocess(*command)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    said = "the variable PENHAS_CHECKS_T holds a line end or another control character"
    assert done.outlines == [f"{refused.file}: api.credentials.env: {said}"]
    with pytest.raises(ProbeError, match="line end"):
        loaded.api.credentials.text()


def test_a_reports_folder_that_cannot_be_written_is_found_before_contact(refused: Refused) -> None:
    refused.suite.reports.write_text("a file in the place of the folder")
    for more in ((), ("-p", "no:html")):
        assert "cannot be written (" in refused.message(*more)


def test_a_junit_file_that_cannot_be_written_is_named_before_contact(refused: Refused) -> None:
    (refused.suite.folder / "file").write_text("")
    said = refused.message(f"--junitxml={refused.suite.folder}/file/x.xml")
    assert said.startswith(f"--junitxml {refused.suite.folder}/file/x.xml: cannot be written (")
    assert refused.latest() == "UNKNOWN"


def test_an_empty_reports_folder_is_an_unset_variable(refused: Refused) -> None:
    assert refused.message("--reports-dir=") == "--reports-dir: is empty; is a variable unset?"
    assert not (refused.suite.folder / "here").exists()


def test_a_name_that_nobody_ever_ran_leaves_no_folder_and_one_that_was_run_is_unknown(refused: Refused) -> None:
    assert "did you mean 'lab'" in refused.message("--environment=labb")
    assert not refused.suite.reports.exists()
    (refused.suite.reports / "gone").mkdir(parents=True)
    assert "no such environment" in refused.message("--environment=gone")
    assert refused.latest("gone") == "UNKNOWN"
