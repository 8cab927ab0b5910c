"""An encrypted backup is opened with the key that the environment names, or it is said why it could not be."""

import os
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from checks.engine.environment import Environment
from checks.engine.environment.models import Backup
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup.examine import examine, of_fetched
from checks.engine.probes.backup.fetch import fetch_backup
from checks.engine.probes.backup.inventory import take_stock
from checks.engine.probes.backup.pipe import through
from checks.engine.probes.backup.store import open_store
from checks.engine.readings.backup import BackupNewest
from tests.backup import made
from tests.backup.servers import Source

NOW = time.time()


@pytest.fixture(scope="module")
def data(oldest: Source) -> bytes:
    """A dump that is larger than one chunk of age."""
    oldest.database(
        "penhas",
        "CREATE TABLE a (x int, y text)",
        "INSERT INTO a SELECT g, md5(g::text) FROM generate_series(1, 20000) g",
    )
    return made.dated(made.archive(oldest, "penhas"), NOW)


class Keys:
    """A folder with a key of age and a passphrase for gpg, right ones and wrong ones."""

    def __init__(self, folder: Path, tool: str) -> None:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
        self.tool = tool
        self.right, self.wrong = folder / "right", folder / "wrong"
        for path in (self.right, self.wrong):
            if tool == "age":
                subprocess.run(["age-keygen", "-o", str(path)], check=True, capture_output=True)
            else:
                path.write_text(path.name)

    def encrypt(self, data: bytes) -> bytes:
        """Return data encrypted for the right key."""
        command = ["gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase-file", str(self.right), "--symmetric"]
        if self.tool == "age":
            asked = subprocess.run(["age-keygen", "-y", str(self.right)], check=True, capture_output=True, text=True)
            command = ["age", "--encrypt", "--recipient", asked.stdout.strip()]
        return subprocess.run(command, input=data, check=True, capture_output=True).stdout


@pytest.fixture(params=["age", "gpg"])
def keys(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """The keys, with a home of gpg that is not ours."""
    (tmp_path / "home").mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / "home"))
    return Keys(tmp_path, request.param)


def place(folder: Path, **more: object) -> Backup:
    """Return the table [backup] of a folder."""
    return Backup.model_validate({"folder": str(folder / "store"), "encrypted": True, **more})


def read(backup: Backup) -> BackupNewest:
    """Read the newest backup to its end."""
    store = open_store(backup)
    return examine(store, take_stock(store, backup), Environment(name="test", backup=backup), lambda: 60.0)


def store(folder: Path, name: str, data: bytes) -> None:
    """Put a file into the store."""
    (folder / "store").mkdir(exist_ok=True)
    (folder / "store" / name).write_bytes(data)


def test_with_its_key_it_is_dated_read_and_fetched_in_the_clear(keys: Keys, tmp_path: Path, data: bytes) -> None:
    store(tmp_path, "penhas.dump.enc", keys.encrypt(data))
    backup = place(tmp_path, identity=str(keys.right))
    found = read(backup)
    assert (found.encryption, found.problem, found.rows) == (keys.tool, "", 20000)
    newest = take_stock(open_store(backup), backup).require_newest()
    assert newest.taken_at == float(int(NOW))
    (tmp_path / "fetched").mkdir()
    fetched = fetch_backup(open_store(backup), newest, backup, tmp_path / "fetched", remaining=lambda: 60.0)
    assert fetched.path.read_bytes() == data
    assert fetched.path.stat().st_mode & 0o777 == 0o600
    assert fetched.size == newest.size != len(data)
    again = of_fetched(open_store(backup), newest, Environment(name="test", backup=backup), fetched, lambda: 60.0)
    assert replace(again, seconds=0.0, sampled_at=0.0) == replace(found, seconds=0.0, sampled_at=0.0)


def test_a_command_of_the_environment_opens_it_too(keys: Keys, tmp_path: Path, data: bytes) -> None:
    store(tmp_path, "penhas.dump.enc", keys.encrypt(data))
    words = {
        "age": ["age", "--decrypt", "--identity", str(keys.right)],
        "gpg": ["gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase-file", str(keys.right), "--decrypt"],
    }
    assert read(place(tmp_path, decrypt=words[keys.tool])).rows == 20000


@pytest.mark.parametrize("identity", ["wrong", "not-there", None])
def test_without_its_key_nothing_is_said_of_the_backup(
    keys: Keys, tmp_path: Path, data: bytes, identity: str | None
) -> None:
    store(tmp_path, "penhas.dump", keys.encrypt(data))
    own = made.manifest("penhas", keys.encrypt(data), NOW)
    store(tmp_path, "penhas.dump", keys.encrypt(data)[: own.dump.size].ljust(own.dump.size, b"\0"))
    made.commit(tmp_path / "store", own)
    backup = place(tmp_path, identity=None if identity is None else str(tmp_path / identity))
    with pytest.raises(ProbeError) as caught:
        read(backup)
    assert caught.value.reason is Reason.OURS


def test_a_changed_byte_is_told_from_a_wrong_key(keys: Keys, tmp_path: Path, data: bytes) -> None:
    changed = bytearray(keys.encrypt(data))
    changed[-2000] ^= 1
    store(tmp_path, "penhas.dump.enc", bytes(changed))
    found = read(place(tmp_path, identity=str(keys.right)))
    assert found.problem != ""


def test_a_program_that_is_not_installed_is_our_own_fault() -> None:
    with pytest.raises(ProbeError, match="not installed") as caught:
        list(through(("no-such-program",), [b""], "a backup"))
    assert caught.value.reason is Reason.OURS


def test_a_reader_that_stops_early_leaves_no_program_behind() -> None:
    pieces = (b"x" * 1000 for _ in range(100_000))
    passing = through(("cat",), pieces, "a backup")
    next(passing)
    passing.close()
    assert subprocess.run(["pgrep", "-P", str(os.getpid()), "-x", "cat"], check=False).returncode == 1


def test_a_program_sees_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENHAS_CHECKS_TEST_SECRET_KEY", "marcada")
    assert b"marcada" not in b"".join(through(("env",), [], "a backup"))
