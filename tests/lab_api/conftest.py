"""A lab for the tests of its data, and an instance of the reference API of the tests' own on the lab's servers."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lab.client import Lab

REPOSITORY = Path(__file__).parents[2]
TOKEN, SECRET, VERSION = "a-token", "a-secret", "2.14.0"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The document."""
        return json.loads(self.text)


@dataclass(frozen=True, slots=True)
class Instance:
    """One running instance; `folder` holds its control file and its logs."""

    port: int
    pid: int
    folder: Path

    def get(self, path: str, *, authorization: str | None = None, method: str = "GET") -> Answer:
        """Ask once."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection.request(method, path, headers={} if authorization is None else {"Authorization": authorization})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())
        finally:
            connection.close()

    @contextmanager
    def misbehaving(self, **faults: object) -> Iterator[None]:
        """Have the instance do something wrong within a `with`."""
        control = self.folder / "control.json"
        control.write_text(json.dumps(faults))
        try:
            yield
        finally:
            control.unlink()

    def log(self, name: str) -> str:
        """Return what a log holds."""
        return (self.folder / name).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.up(folder=tmp_path_factory.mktemp("lab"), traffic=0) as running:
        yield running


@pytest.fixture(scope="session")
def public_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.up(folder=tmp_path_factory.mktemp("lab"), traffic=0, flavour="public") as running:
        yield running


@pytest.fixture
def database(lab: Lab) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(lab.admin["primary"], autocommit=True) as connection:
        yield connection


@contextmanager
def instance_on(lab: Lab, folder: Path, **changed: str) -> Iterator[Instance]:
    """Run an instance on the lab's servers, with some LABAPI_ variables (their ends, lower case) changed."""
    told = {
        "database": lab.admin["primary"],
        "redis": lab.admin["redis"],
        "s3_endpoint": lab.admin["s3"],
        "s3_access_key": lab.admin["s3_access_key"],
        "s3_secret_key": lab.admin["s3_secret_key"],
        "s3_bucket": "penhas-media",
        "token": TOKEN,
        "maintenance_secret": SECRET,
        "version": VERSION,
        "log": str(folder / "api1.app.log"),
        "control": str(folder / "control.json"),
        **changed,
    }
    variables = {f"LABAPI_{name.upper()}": value for name, value in told.items()}
    argv = [sys.executable, "-m", "lab.api", "--listen", "127.0.0.1:0", "--name", "api1", "--flavour", lab.flavour]
    process = subprocess.Popen(argv, cwd=REPOSITORY, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        yield Instance(port, process.pid, folder)
    finally:
        process.terminate()
        process.wait(5)
        process.stdout.close()


@pytest.fixture(scope="module")
def instance(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with instance_on(lab, tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture(scope="module")
def public_instance(public_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with instance_on(public_lab, tmp_path_factory.mktemp("api")) as running:
        yield running
