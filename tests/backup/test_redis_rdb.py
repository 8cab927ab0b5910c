"""The saved file of Redis: really loaded, and every way in which it is not what it seems."""

import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis as driver

from checks.engine.environment import Environment
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup import redis_rdb
from checks.engine.probes.backup.store_folder import FolderStore
from checks.engine.readings.restore import BackupRedis
from tests.bench.restore_once import Once

LASTING, SHORT, OVER = 200, 30, 20


@dataclass(frozen=True, slots=True)
class Saved:
    """A folder with a file as a real server saved it."""

    folder: Path
    data: bytes

    def look(self, spoil: Callable[[bytes], bytes] = bytes) -> BackupRedis:
        """Return the reading of the file, spoilt."""
        (self.folder / "dump.rdb").write_bytes(spoil(self.data))
        environment = Environment.model_validate(
            {
                "name": "rdb",
                "backup": {"folder": str(self.folder)},
                "restore": {"host": socket.gethostname(), "redis": {"folder": str(self.folder)}, "nice": 0},
            }
        )
        assert environment.restore is not None
        return redis_rdb.look(Once(environment, ()), environment.restore)


@pytest.fixture(scope="module", params=["yes", "no"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """A file saved with and without checksum: keys that last, that live for an hour, and whose time is over."""
    folder = tmp_path_factory.mktemp("rdb")
    program = redis_rdb._program(None)
    path = folder / "s"
    words = ["--port", "0", "--unixsocket", str(path), "--dir", str(folder), "--rdbchecksum", request.param]
    server = subprocess.Popen([program, *words, "--save", ""], stdout=subprocess.DEVNULL)
    client = driver.Redis(unix_socket_path=str(path))
    until = time.monotonic() + 10
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.02)
    for number in range(LASTING):
        client.set(f"marcada:{number}", f"valor {number}")
    for number in range(SHORT):
        client.set(f"curta:{number}", "x", ex=3600)
    for number in range(OVER):
        client.set(f"passada:{number}", "x", px=400)
    client.save()
    server.kill()
    server.wait()
    time.sleep(0.5)
    return Saved(folder, (folder / "dump.rdb").read_bytes())


def test_every_key_is_loaded_or_had_expired(saved: Saved) -> None:
    """Keys whose time was over count as expired, not as lost."""
    found = saved.look()
    assert found.sound
    assert found.keys == found.loaded + found.expired
    assert (found.loaded, found.keys) == (LASTING + SHORT, LASTING + SHORT + OVER)
    assert 0 <= found.age < 60


def test_a_file_that_was_cut_is_seen(saved: Saved) -> None:
    """It is not even tried to load."""
    assert not saved.look(lambda data: data[: len(data) // 2]).sound


def test_a_flipped_byte_is_seen_by_the_checksum_only(saved: Saved) -> None:
    """Without checksum the file seems well, and that there is none is a finding of its own."""
    found = saved.look(lambda data: data.replace(b"valor 7", b"vator 7", 1))
    assert found.checksummed == (saved.data[-8:] != bytes(8))
    assert found.sound == (not found.checksummed)


def test_an_empty_file_is_damaged(tmp_path: Path) -> None:
    """It is there, and says nothing."""
    found = Saved(tmp_path, b"").look()
    assert not found.sound
    assert not found.checksummed


def test_no_file_is_no_data(tmp_path: Path) -> None:
    """Nothing there is said as such."""
    saved = Saved(tmp_path / "empty", b"")
    saved.folder.mkdir()
    with pytest.raises(ProbeError) as raised:
        redis_rdb._newest(FolderStore(saved.folder, ""))
    assert raised.value.reason is Reason.NO_DATA
