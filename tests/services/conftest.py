"""Lets the tests beside it call single checks, whose marks the suite's own plugin would else declare."""

from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks of checks."""
    for mark in ("guide", "profiles", "convergent", "only_with"):
        config.addinivalue_line("markers", f"{mark}(*names): of a check")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Give the address of an S3 server of the module's own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
