"""A bucket behind a network that breaks: a transfer goes on where it was, or it is said that it did not."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup.fetch import fetch
from checks.engine.probes.backup.store import Store, open_store
from tests.backup.conftest import Cloud

SIZE = 6 << 20


@contextmanager
def cutting(endpoint: str, after: int, times: int) -> Iterator[tuple[str, list[int]]]:
    """A proxy that ends the first `times` answers that are longer than `after` bytes there; tells what it passed."""
    server = socket.create_server(("127.0.0.1", 0))
    passed: list[int] = []
    left = [times]
    where = urlsplit(endpoint)

    def pump(source: socket.socket, sink: socket.socket, answer: bool) -> None:
        count = 0
        try:
            while data := source.recv(65536):
                count += len(data)
                if answer and count > after and left[0] > 0:
                    left[0] -= 1
                    break
                sink.sendall(data)
        except OSError:
            pass
        if answer:
            passed.append(count)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            upstream = socket.create_connection((where.hostname or "", where.port or 0))
            for pair in ((client, upstream, False), (upstream, client, True)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}", passed
    finally:
        server.close()


@pytest.fixture
def data() -> bytes:
    """Bytes that do not compress."""
    return os.urandom(SIZE)


def behind(cloud: Cloud, bucket: str, data: bytes, endpoint: str) -> Store:
    """Return a store with one object, reached through an endpoint."""
    backup = cloud.backup(bucket)
    open_store(backup).put_bytes("dump", data)
    return open_store(backup.model_copy(update={"endpoint": endpoint}))


def test_a_transfer_that_breaks_goes_on_where_it_was(cloud: Cloud, data: bytes, tmp_path: Path) -> None:
    with cutting(cloud.endpoint, SIZE // 2, 2) as (endpoint, passed):
        fetched = fetch(behind(cloud, "resumed", data, endpoint), "dump", tmp_path / "out", remaining=lambda: 30.0)
    assert fetched.sha256 == sha256(data).hexdigest()
    assert sum(passed) < 2 * SIZE + (1 << 20)


def test_a_transfer_that_keeps_breaking_is_given_up_and_leaves_nothing(
    cloud: Cloud, data: bytes, tmp_path: Path
) -> None:
    with (
        cutting(cloud.endpoint, 1 << 19, 99) as (endpoint, _),
        pytest.raises(ProbeError) as caught,
    ):
        fetch(behind(cloud, "broken", data, endpoint), "dump", tmp_path / "out", remaining=lambda: 30.0)
    assert caught.value.reason is Reason.CONNECTION
    assert not (tmp_path / "out").exists()


def test_an_object_replaced_meanwhile_is_not_patched_together(cloud: Cloud, data: bytes) -> None:
    with cutting(cloud.endpoint, SIZE // 2, 1) as (endpoint, _):
        store = behind(cloud, "replaced", data, endpoint)
        chunks = store.chunks("dump")
        next(chunks)
        cloud.client.put_object(Bucket="replaced", Key="dump", Body=data[::-1])
        with pytest.raises(ProbeError) as caught:
            list(chunks)
    assert caught.value.reason is Reason.NO_DATA


def test_a_fetch_ends_at_its_deadline(cloud: Cloud, data: bytes, tmp_path: Path) -> None:
    backup = cloud.backup("slow")
    open_store(backup).put_bytes("dump", data)
    with pytest.raises(ProbeError) as caught:
        fetch(open_store(backup), "dump", tmp_path / "out", remaining=lambda: 0.0)
    assert caught.value.reason is Reason.TIMEOUT
    assert not (tmp_path / "out").exists()
