"""Real servers for the tests beside it: Redis from what is installed, S3 from moto."""

import contextlib
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab import redis as lab_redis
from lab.processes import Launcher, Process, free_port

SECRET = "SEGREDOMARCADOx9"


@dataclass(slots=True)
class Redis:
    """A server with the application's user and the suite's own, by the shipped ACL."""

    port: int
    process: Process

    @property
    def url(self) -> str:
        """The URL of the suite's user."""
        return f"redis://penhas_checks:{SECRET}@127.0.0.1:{self.port}/0"

    def send(self, *commands: tuple[str | int, ...]) -> None:
        """Send commands as the application and wait for as many answers of one line."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as talk:
            lines = [("AUTH", SECRET), *commands]
            talk.sendall(b"".join(_encoded(*line) for line in lines))
            with talk.makefile("rb") as answers:
                for _ in lines:
                    answers.readline()


@contextlib.contextmanager
def redis(*settings: str, binary: Path | None = None) -> Iterator[Redis]:
    """Run a server until the end of the `with`: the one that the lab takes, or `binary`."""
    folder = Path(tempfile.mkdtemp(prefix="penhas-services-"))
    (folder / "logs").mkdir()
    line = lab_redis.ACL.read_text(encoding="utf-8").strip().replace("resetpass", f"resetpass >{SECRET}")
    (folder / "users.acl").write_text(f"user default on >{SECRET} ~* &* +@all\n{line}\n")
    port = free_port()
    lines = (f"port {port}", "bind 127.0.0.1", f"dir {folder}", f"aclfile {folder / 'users.acl'}", 'save ""', *settings)
    (folder / "redis.conf").write_text("\n".join((*lines, "")))
    process = Launcher(folder).start("redis", [binary or lab_redis.find(), folder / "redis.conf"])
    try:
        process.await_ready(lambda: _listens(port))
        yield Redis(port, process)
    finally:
        process.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    time.sleep(0.01)
    return False


def _encoded(*words: str | int) -> bytes:
    parts = [f"${len(str(word).encode())}\r\n{word}\r\n" for word in words]
    return f"*{len(words)}\r\n{''.join(parts)}".encode()
