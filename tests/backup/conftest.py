"""What the tests of backups share: real servers, started once, and a real S3 server."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3.session
import pytest

from checks.engine.environment.models import Backup
from tests.backup.servers import Source, installed, source


@pytest.fixture(scope="session")
def oldest() -> Iterator[Source]:
    """A server of the oldest major version that is installed."""
    programs = installed()
    if not programs:
        pytest.skip("no PostgreSQL is installed")
    major = min(programs)
    with source(programs[major], major) as server:
        yield server


@pytest.fixture(scope="session")
def newest(oldest: Source) -> Iterator[Source]:
    """A server of the newest major version that is installed; the same as `oldest` where there is one only."""
    programs = installed()
    major = max(programs)
    if major == oldest.major:
        yield oldest
        return
    with source(programs[major], major) as server:
        yield server


@dataclass(frozen=True, slots=True)
class Cloud:
    """An S3 server of our own, and a client of it."""

    endpoint: str
    client: Any

    def backup(self, bucket: str, **more: object) -> Backup:
        """Return the table [backup] for a new bucket."""
        self.client.create_bucket(Bucket=bucket)
        return Backup.model_validate(
            {
                "bucket": bucket,
                "endpoint": self.endpoint,
                "access_key": {"env": "PENHAS_CHECKS_TEST_ACCESS_KEY"},
                "secret_key": {"env": "PENHAS_CHECKS_TEST_SECRET_KEY"},
                **more,
            }
        )


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """A moto server."""
    moto = pytest.importorskip("moto.server")
    logging.getLogger("werkzeug").disabled = True
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
    yield Cloud(f"http://{host}:{port}", session.client("s3", endpoint_url=f"http://{host}:{port}"))
    server.stop()


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that the tests' environments name."""
    monkeypatch.setenv("PENHAS_CHECKS_TEST_ACCESS_KEY", "test")
    monkeypatch.setenv("PENHAS_CHECKS_TEST_SECRET_KEY", "test")
    monkeypatch.setenv("PENHAS_CHECKS_TEST_SEED", "a seed of the tests")
