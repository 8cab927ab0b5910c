"""Redis as the API uses it: a few commands over one short connection each.

The protocol's handful of lines is spoken here because three instances start with every lab, and importing the client
library would be half of their start.
"""

import socket
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

_SECONDS = 1.5


class RedisError(Exception):
    """The server refused, or did not speak its protocol."""


class Redis:
    """One server, from redis://user:password@host:port/db."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 6379)
        self._login: list[tuple[str, ...]] = []
        if parts.password is not None:
            name = (unquote(parts.username),) if parts.username else ()
            self._login.append(("AUTH", *name, unquote(parts.password)))
        if parts.path.strip("/"):
            self._login.append(("SELECT", parts.path.strip("/")))

    def command(self, *words: str) -> str | int | None:
        """Return the answer to one command, or raise RedisError or OSError."""
        with socket.create_connection(self._address, timeout=_SECONDS) as connection:
            commands = [*self._login, words]
            connection.sendall(b"".join(_encoded(command) for command in commands))
            with connection.makefile("rb") as answers:
                return [_answer(answers.readline(1 << 16), answers.read) for _ in commands][-1]

    def ping(self) -> None:
        """Return when the server answered PONG."""
        if self.command("PING") != "PONG":
            raise RedisError("PING was not answered by PONG")

    def info(self) -> dict[str, str]:
        """Return the fields of INFO."""
        text = str(self.command("INFO"))
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def _encoded(words: tuple[str, ...]) -> bytes:
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def _answer(line: bytes, read: Callable[[int], bytes]) -> str | int | None:
    kind, rest = line[:1], line[1:].strip().decode(errors="replace")
    match kind:
        case b"+":
            return rest
        case b":":
            return int(rest)
        case b"$":
            size = int(rest)
            return None if size < 0 else read(size + 2)[:-2].decode(errors="replace")
        case b"-":
            raise RedisError(rest)
        case b"":
            raise RedisError("the connection was closed")
    raise RedisError("the answer is not Redis's protocol")
